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
