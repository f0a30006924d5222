/** Which word a person may have meant: how many edits a word may be off, and where the search ends. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { nearest } from '../engine/nearest.ts';

test('a letter that is added, missing, another, or that changed places with its neighbour is one edit', () => {
  // of six letters two may be off
  for (const other of ['abcdef', 'abcde', 'bcdef', 'abcd', 'cdef', 'xabcdef', 'abxcdef', 'xxabcdef', 'abcdefxx',
    'abxdef', 'xbcdex', 'bacdef', 'abcdfe', 'abdcef', 'badcef', 'cbadef', 'bcadef', 'xbacdef']) {
    assert.is(nearest('abcdef', [other]), other);
  }
  // three, the last but one with a letter inside a swap, which is none then
  for (const other of ['abc', 'def', 'xabcdefxx', 'badcfe', 'xbxdxf', 'xacbdex', 'defabc', 'bxacdef', 'fedcba']) {
    assert.is(nearest('abcdef', [other]), undefined, other);
  }
});

test('a third of the letters may be off, of a short word one', () => {
  for (const [letters, most] of [[1, 1], [2, 1], [3, 1], [5, 1], [6, 2], [8, 2], [9, 3], [30, 10]]) {
    const word = 'abcdefghijklmnopqrstuvwxyz0123'.slice(0, letters);
    const off = (edits: number) => '!'.repeat(edits) + word.slice(edits);
    assert.is(nearest(word, [off(most)]), off(most), `${most} of ${letters}`);
    assert.is(nearest(word, [`${word}${'!'.repeat(most)}`]), `${word}${'!'.repeat(most)}`);
    if (most < letters) assert.is(nearest(word, [off(most + 1)]), undefined, `${most + 1} of ${letters}`);
    assert.is(nearest(word, [`${word}${'!'.repeat(most + 1)}`]), undefined);
  }
});

test('the fewest edits count, then the order; neither case nor hyphens do', () => {
  assert.is(nearest('abcdef', ['abcdxx', 'abcdex', 'abcdey', 'xbcdef']), 'abcdex');
  assert.is(nearest('Weight-Decay', ['weightdecays', 'weight_decay']), 'weight_decay');
  assert.is(nearest('train', []), undefined);
});

test('words of 200 letters are compared, and words without end are not', () => {
  const long = 'k'.repeat(200);
  assert.is(nearest(long, [long]), long);
  assert.is(nearest(`${long}k`, [`${long}k`]), undefined);
  const spread = '_k'.repeat(200);
  assert.is(nearest(long, [spread]), spread, '400 letters, of which 200 are hyphens');
  assert.is(nearest(long, [`${spread}_`]), undefined);
});

test('after four million letters, or letters compared with letters, nothing more is looked at', () => {
  const letters = (count: number) => [...Array<string>(count).fill('x'.repeat(400)), 'train'];
  assert.is(nearest('trian', letters(9999)), 'train');
  assert.is(nearest('trian', letters(10_000)), undefined);
  const word = 'k'.repeat(200);
  const compared = (count: number) => [...Array<string>(count).fill('x'.repeat(200)), word];
  assert.is(nearest(word, compared(99)), word, '99 times 200 and 200 · 200');
  assert.is(nearest(word, compared(100)), undefined);
  const near = `x${word.slice(1)}`;
  assert.is(nearest(word, [near, ...compared(100)]), near, 'what was found by then is told');
});

test.run();
