/** What the demo says of what it measured, from invented guesses; and whether a long run is asked for once more. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { isTooSlow } from '../train/moving_shapes/expectation.ts';
import { confusionsOf, headlinesOf, type Measured } from '../train/moving_shapes/report_data.ts';
import { CLASS_NAMES, combinationOf, SEEN, UNSEEN } from '../train/moving_shapes/scenes.ts';
import type { Prediction } from '../train/protocols/evaluation.ts';

test('a run of more than an hour asks first, unless somebody has patience', () => {
  assert.equal([3599, 3600, 3601].map((seconds) => isTooSlow(seconds, false)), [false, false, true]);
  assert.equal([3599, 3600, 3601].map((seconds) => isTooSlow(seconds, true)), [false, false, false]);
});

const motionOf = (id: number) => combinationOf(id).motion;
/** A clip of each of some classes: those of the first `wrong` are taken for the class behind. */
const predictions = (classes: readonly number[], wrong: number): Prediction[] =>
  classes.map((_, label) => ({ index: label, label,
    ranking: [{ label: label < wrong ? label + 1 : label, probability: 1 }] })
  );
const measured = {
  seen: { names: SEEN.map((id) => CLASS_NAMES[id]), classes: SEEN },
  unseen: { names: UNSEEN.map((id) => CLASS_NAMES[id]), classes: UNSEEN },
  xclip: { seen: predictions(SEEN, 30), unseen: predictions(UNSEEN, 6) },
  // four in six motions are right forwards; shuffled ones are right in one direction of two
  shuffled: [0, 0, 1, 2].map((guess) => ({ truth: 0, guess })),
  clipMean: [0, 0, 0, 1].map((guess) => ({ truth: 0, guess })),
} as unknown as Measured;

test('headlines have the share, the number of clips and the chance of what they name', () => {
  const headlines = headlinesOf(measured);
  const shares = Object.fromEntries(headlines.map(({ key, value, clips }) => [key, [value, clips]]));
  const right = [[SEEN, 30], [UNSEEN, 6]].flatMap(([classes, wrong]) =>
    (classes as readonly number[]).filter((id, i) =>
      i >= (wrong as number) || motionOf(id) === motionOf((classes as readonly number[])[i + 1])
    )
  );
  assert.equal(shares, { xclip_seen_top1: [0.75, 120], xclip_zero_shot_top1: [0.75, 24],
    xclip_motion: [right.length / 144, 144], clip_mean_motion: [0.75, 4], xclip_shuffled_motion: [0.375, 8] });
  assert.equal(headlines.map(({ chance }) => chance), [1 / 120, 1 / 24, 1 / 6, 1 / 6, 1 / 6]);
  assert.equal(headlines.map(({ goal }) => `${goal?.kind} ${goal?.value}`), ['at least 0.9', 'at least 0.8',
    'at least 0.9', 'at most 0.5', 'at most 0.5']);
});

test('confusions count every clip once, names by the groups of their motions', () => {
  const { motions, names } = confusionsOf(measured);
  const sum = (counts: readonly (readonly number[])[]) => counts.flat().reduce((a, b) => a + b, 0);
  assert.equal([motions, names].map(({ labels, counts }) => [labels.length, counts.length, sum(counts)]), [[6, 6, 144],
    [144, 144, 144]]);
  assert.equal([...new Set(names.groups)], motions.labels);
  const [diagonal, ofNames] = [motions, names].map(({ counts }) => counts.reduce((all, row, i) => all + row[i], 0));
  assert.is(ofNames, 90 + 18);
  assert.is(diagonal, Math.round(144 * (headlinesOf(measured).find(({ key }) => key === 'xclip_motion')?.value ?? 0)));
  for (const [i, label] of names.labels.entries()) {
    const id = CLASS_NAMES.indexOf(label);
    assert.is(names.groups?.[i], motions.labels[motionOf(id)]);
    assert.is(names.counts[i].reduce((a, b) => a + b, 0), 1);
  }
});

test.run();
