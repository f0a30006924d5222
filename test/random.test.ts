/** Counter-based random numbers: those of their authors, and draws that neither favour nor depend on anything. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { philox, Random, streamOf } from '../engine/random.ts';

const MOST = 0xffffffff;

test('the words are those of Philox4x32-10 as its authors give them', () => {
  // Random123, kat_vectors
  assert.equal(philox([0, 0, 0, 0], [0, 0]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
  assert.equal(philox([MOST, MOST, MOST, MOST], [MOST, MOST]), [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
  assert.equal(philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]), [0xd16cfe09,
    0x94fdcceb, 0x5001e420, 0x24126ea1]);
});

test('a name is a stream by FNV-1a, of its bytes in UTF-8', () => {
  assert.equal(['', 'a', 'foobar', 'ü'].map(streamOf), [0x811c9dc5, 0xe40c292c, 0xbf9cf968,
    [0xc3, 0xbc].reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193) >>> 0, 0x811c9dc5)]);
});

/** The first words of a stream, by their definition: blocks of four, by a counter from 0. */
const wordsOf = (seed: number, stream: string, count: number) =>
  Array.from({ length: Math.ceil(count / 4) }, (_, counter) =>
    philox([counter, 0, streamOf(stream), 0], [seed % 2 ** 32, Math.floor(seed / 2 ** 32)]))
    .flat().slice(0, count);

test('draws are the words of a counter, for seeds of 53 bits, and each kind takes what it needs of them', () => {
  for (const seed of [0, 7, 2 ** 32 + 7, 2 ** 53 - 1]) {
    const random = new Random(seed, 'any');
    assert.equal(Array.from({ length: 10 }, () => random.word()), wordsOf(seed, 'any', 10), `${seed}`);
  }
  const words = wordsOf(3, 'kinds', 8);
  const random = new Random(3, 'kinds');
  assert.is(random.next(), Math.floor(words[0] / 256) / 2 ** 24);
  assert.is(random.below(10), words[1] % 10);
  assert.is(random.normal(),
    Math.sqrt(-2 * Math.log((words[2] + 0.5) / 2 ** 32)) * Math.cos((2 * Math.PI * words[3]) / 2 ** 32));
  assert.is(random.word(), words[4]);
});

test('a draw below n takes any number of 32 bits, and draws again where some would come more often', () => {
  // of 2^31 + 1 numbers every second word is one too many, of 3 · 2^30 every fourth
  for (const n of [2 ** 31 + 1, 3 * 2 ** 30]) {
    const random = new Random(1, 'below');
    assert.equal(Array.from({ length: 20 }, () => random.below(n)), wordsOf(1, 'below', 100).filter((word) =>
      word < n
    ).slice(0, 20));
  }
  const all = new Random(2, 'below');
  assert.equal([all.below(2 ** 32), all.below(1)], [wordsOf(2, 'below', 1)[0], 0]);
  for (const none of [0, -1, 1.5, 2 ** 32 + 1, Number.NaN]) {
    assert.throwsWith(() => all.below(none), RangeError, /below: n must be a whole number in \[1, 2\^32\], got/);
  }
});

test('every order is as likely as any other', () => {
  const random = new Random(4, 'orders');
  const counts = new Map<string, number>();
  const draws = 24 * 400;
  for (let i = 0; i < draws; i++) {
    const order = random.permutation(4).join(' ');
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.is(counts.size, 24);
  const chiSquared = [...counts.values()].reduce((sum, count) => sum + (count - 400) ** 2 / 400, 0);
  assert.ok(chiSquared < 50, `${chiSquared} with 23 degrees of freedom`);
  const few = new Random(6, 'few');
  assert.equal([...few.permutation(0), ...few.permutation(1)], [0]);
  few.permutation(3);
  assert.is(few.word(), wordsOf(6, 'few', 3)[2], 'of three numbers two are drawn, of one none');
});

test('normal draws have mean 0 and variance 1, and those of a stream of another name are others', () => {
  const [one, other] = ['moments', 'others'].map((name) => {
    const random = new Random(5, name);
    return Array.from({ length: 20_000 }, () => random.normal());
  });
  const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
  assert.ok(Math.abs(mean(one)) < 0.03, `${mean(one)}`);
  assert.ok(Math.abs(mean(one.map((x) => x * x)) - 1) < 0.05, `${mean(one.map((x) => x * x))}`);
  assert.ok(Math.abs(mean(one.map((x, i) => x * other[i]))) < 0.03, `${mean(one.map((x, i) => x * other[i]))}`);
});

test.run();
