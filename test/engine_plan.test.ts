import fc from 'fast-check';
import { forAll } from './for_all.ts';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { leastBytes, type Lifetime, planMemory } from '../engine/plan.ts';

const lifetime = (bytes: number, first: number, last: number, apart: number[] = []): Lifetime => ({ bytes, first, last,
  apart: new Set(apart) });

test('what is in use one after another shares a place', () => {
  const { places, slabs } = planMemory([lifetime(256, 0, 1), lifetime(256, 2, 3), lifetime(512, 4, 5)], 256, 4096);
  assert.equal(slabs, [512]);
  assert.equal(places, [{ slab: 0, offset: 0 }, { slab: 0, offset: 0 }, { slab: 0, offset: 0 }]);
});

test("a chain of steps, each reading the last one's result, needs two slabs of one result each", () => {
  const chain = Array.from({ length: 9 },
    (_, i) => lifetime(1024, i, i + 1, [i - 1, i + 1].filter((j) => j >= 0 && j < 9)));
  assert.equal(planMemory(chain, 256, 4096).slabs, [1024, 1024]);
});

test('memory goes into the smallest gap that it fits', () => {
  // four side by side; at command 5 the first (1024 wide) and the third (640 wide) are gone
  const { places, slabs } = planMemory([lifetime(1024, 0, 4), lifetime(768, 0, 9), lifetime(640, 0, 4),
    lifetime(512, 0, 9), lifetime(256, 5, 9)], 128, 1 << 20);
  assert.equal(slabs, [1024 + 768 + 640 + 512]);
  assert.is(places[4].offset, places[2].offset);
});

test('the least a plan can take is what is in use at the worst command', () => {
  assert.is(leastBytes([lifetime(100, 0, 2), lifetime(30, 2, 3), lifetime(50, 3, 9)]), 130);
});

test('no slab exceeds the largest buffer', () => {
  const { slabs } = planMemory(Array.from({ length: 5 }, () => lifetime(700, 0, 1)), 256, 2048);
  assert.equal(slabs, [1536, 1536, 768]);
});

test('the largest is placed first, of equal ones the earliest, then in their order: the same work has one plan', () => {
  const offsets = (...lifetimes: Lifetime[]) => planMemory(lifetimes, 256, 1 << 20).places.map(({ offset }) => offset);
  assert.equal(offsets(lifetime(256, 0, 9), lifetime(512, 0, 9), lifetime(1024, 0, 9)), [1536, 1024, 0]);
  assert.equal(offsets(lifetime(256, 5, 9), lifetime(256, 0, 9), lifetime(256, 0, 9)), [512, 0, 256]);
  assert.equal(offsets(lifetime(256, 5, 9), lifetime(256, 6, 9), lifetime(256, 4, 9)), [256, 512, 0]);
});

test('a place is taken in the slab that grows least, the first of equals, filled to its last byte', () => {
  const apart = (bytes: readonly number[], more: Lifetime, most = 1 << 20) => {
    const first = bytes.map((of, i) => lifetime(of, 0, 1, bytes.map((_, j) => j).filter((j) => j !== i)));
    const { places, slabs } = planMemory([...first, more], 128, most);
    return [places[bytes.length], slabs];
  };
  assert.equal(apart([1024, 512], lifetime(500, 2, 3)), [{ slab: 0, offset: 0 }, [1024, 512]]);
  assert.equal(apart([1024, 768], lifetime(500, 1, 3)), [{ slab: 0, offset: 1024 }, [1536, 768]],
    'either grows by 512');
  const late = planMemory([lifetime(1024, 0, 1, [1]), lifetime(1024, 0, 0, [0]), lifetime(512, 1, 3)], 128, 1 << 20);
  assert.equal([late.places[2], late.slabs], [{ slab: 1, offset: 0 }, [1024, 1024]], 'only the second is free');
  const some = planMemory([lifetime(1024, 0, 4, [1]), lifetime(896, 0, 0, [0]), lifetime(640, 1, 1),
    lifetime(512, 1, 4)], 128, 1 << 20);
  assert.equal([some.places[3], some.slabs], [{ slab: 1, offset: 640 }, [1024, 1152]], 'the second grows by 256');
  const pairs = (most: number) => planMemory(Array.from({ length: 3 }, () => lifetime(768, 0, 1)), 256, most).slabs;
  assert.equal([pairs(1536), pairs(1535)], [[1536, 768], [768, 768, 768]]);
});

test('of gaps that fit, to the byte, the first of the smallest is taken, at the beginning too', () => {
  // places side by side, of which some are free from command 5 on
  const offsetOf = (bytes: number, ...sides: readonly (readonly [number, boolean])[]) =>
    planMemory([...sides.map(([of, isFreed]) => lifetime(of, 0, isFreed ? 4 : 9)), lifetime(bytes, 5, 9)], 128, 1 << 20)
      .places[sides.length].offset;
  assert.is(offsetOf(128, [1024, false], [512, true], [256, false]), 1024);
  assert.is(offsetOf(128, [1024, true], [512, false], [256, true], [128, false]), 1536);
  assert.is(offsetOf(128, [512, false], [384, true], [384, false], [384, true], [256, false]), 512, 'the first of two');
  assert.is(offsetOf(384, [384, false], [384, true], [384, false]), 384);
  assert.is(offsetOf(128, [512, true], [384, false], [256, false]), 0);
  assert.is(offsetOf(128, [512, false], [384, false]), 896, 'none: behind the last');
});

test('of nothing a plan takes nothing', () => {
  assert.equal([planMemory([], 256, 1024), leastBytes([])], [{ places: [], slabs: [] }, 0]);
  assert.is(leastBytes([lifetime(8, 0, 0), lifetime(8, 1, 1)]), 8, 'one ends before the other begins');
});

test('in any plan nothing in use together overlaps, what must be apart is apart, and places are aligned', () => {
  const lifetime = fc.record({ bytes: fc.integer({ min: 1, max: 5000 }), first: fc.nat(40), length: fc.nat(12) });
  forAll(
    fc.property(fc.array(lifetime, { maxLength: 60 }), fc.array(fc.tuple(fc.nat(59), fc.nat(59)), { maxLength: 60 }),
      (made, pairs) => {
        const apart = made.map(() => new Set<number>());
        for (const [a, b] of pairs) {
          if (a !== b && a < made.length && b < made.length) {
            apart[a].add(b);
            apart[b].add(a);
          }
        }
        const lifetimes = made.map(({ bytes, first, length }, i) => ({ bytes, first, last: first + length,
          apart: apart[i] })
        );
        const { places, slabs } = planMemory(lifetimes, 256, 1 << 20);
        lifetimes.forEach((a, i) => {
          assert.is(places[i].offset % 256, 0);
          assert.ok(places[i].offset + a.bytes <= slabs[places[i].slab]);
          for (const other of a.apart) assert.is.not(places[other].slab, places[i].slab);
          lifetimes.forEach((b, j) => {
            if (j <= i || places[i].slab !== places[j].slab || a.last < b.first || b.last < a.first) return;
            assert.ok(places[i].offset + a.bytes <= places[j].offset || places[j].offset + b.bytes <= places[i].offset,
              `${i} and ${j} overlap`);
          });
        });
      }),
  );
});

test.run();
