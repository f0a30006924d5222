import { test } from './test.ts';
import * as assert from './assert.ts';
import { Random } from '../engine/random.ts';
import { CAPTIONS, CLASS_NAMES, combinationOf, familyOf, MOTIONS, reversed, SEEN,
  UNSEEN } from '../train/moving_shapes/scenes.ts';
import { type Guess, motionShare, shuffledMotionShare } from '../train/moving_shapes/guesses.ts';
import { inPairs } from '../train/moving_shapes/pairs.ts';
import { topShare } from '../train/protocols/evaluation.ts';
import { rank } from '../train/protocols/ranking.ts';

test('probabilities of a ranking are the softmax, the largest first, and equal ones keep their order', () => {
  const ranking = rank(Float32Array.of(1, 3, 1, -200));
  assert.equal(ranking.map(({ label }) => label), [1, 0, 2, 3]);
  assert.ok(Math.abs(ranking[0].probability - 1 / (1 + 2 * Math.exp(-2))) < 1e-12);
  assert.ok(Math.abs(ranking.reduce((sum, { probability }) => sum + probability, 0) - 1) < 1e-12);
  assert.equal(rank(Float32Array.of(1e38, 1e38)).map(({ probability }) => probability), [0.5, 0.5], 'no overflow');
});

test('top-1 and top-k count the clips whose label is among the first', () => {
  const predictions = [[2, 0, 1], [1, 2, 0], [0, 1, 2], [2, 1, 0]].map((order, index) => ({ index, label: 2,
    ranking: order.map((label) => ({ label, probability: 0 })) })
  );
  assert.equal([1, 2, 3].map((k) => topShare(predictions, k)), [0.5, 0.75, 1]);
});

const guesses = (pick: (truth: number) => number): Guess[] =>
  CLASS_NAMES.map((_, truth) => ({ truth, guess: pick(truth) }));

test('without an order nobody passes 50 %, whatever is guessed', () => {
  assert.is(shuffledMotionShare(guesses((truth) => truth)), 0.5, 'always right in one direction');
  assert.is(shuffledMotionShare(guesses(reversed)), 0.5, 'always right in the other');
  assert.is(shuffledMotionShare(guesses((truth) => (truth + 2) % 144)), 0, 'always another axis');
  assert.is(motionShare(guesses((truth) => truth)), 1);
  assert.is(motionShare(guesses(reversed)), 0);
});

test('a clip backwards stays in its split, so that both directions can be tested', () => {
  for (const split of [SEEN, UNSEEN]) for (const id of split) assert.ok(split.includes(reversed(id)), CLASS_NAMES[id]);
  assert.is(new Set(SEEN.map((id) => combinationOf(id).motion)).size, MOTIONS.length);
});

test('captions of one family differ in the shape alone', () => {
  const families = new Map<number, string[]>();
  CAPTIONS.forEach((text, caption) =>
    families.set(familyOf(caption), [...(families.get(familyOf(caption)) ?? []), text])
  );
  assert.is(families.size, 108);
  for (const family of families.values()) {
    assert.is(new Set(family.map((text) => text.replace(/square|circle|triangle|cross/, 'shape'))).size, 1);
  }
});

test('pictures come in pairs that differ in the shape alone, each picture once', () => {
  const entries = Array.from({ length: 6144 }, (_, i) => ({ path: String(i), label: (i * 5) % 432 }));
  const order = inPairs(entries, new Random(1, 'pairs'));
  assert.is(new Set(order).size, entries.length);
  let unlike = 0;
  for (let i = 0; i < order.length; i += 2) {
    const [a, b] = [entries[order[i]].label, entries[order[i + 1]].label];
    if (familyOf(a) === familyOf(b) && a !== b) unlike++;
  }
  assert.ok(unlike > 0.98 * (entries.length / 2), `${unlike} pairs`);
  assert.not.equal(inPairs(entries, new Random(2, 'pairs')), order);
});

test('pairs that are unlike come as long as there are any, then like ones, and single pictures last', () => {
  // captions 0, 9 and 18 are of one family, 1 and 2 of others
  const labels = [0, 0, 0, 0, 9, 18, 1, 2, 2];
  const entries = labels.map((label, i) => ({ path: String(i), label }));
  for (const seed of [1, 2, 3, 4]) {
    const order = [...inPairs(entries, new Random(seed, 'pairs'))];
    assert.equal([...order].sort((a, b) => a - b), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    const shown = order.map((at) => labels[at]);
    assert.is(shown[8], 1, 'the only one of its family');
    const pairs = [0, 2, 4, 6].map((i) => shown.slice(i, i + 2).sort((a, b) => a - b).join()).sort();
    assert.equal(pairs, ['0,0', '0,18', '0,9', '2,2'], `seed ${seed}`);
  }
});

test.run();
