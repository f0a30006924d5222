/** What the demo says of what it measured, from invented guesses; and whether a long run is asked for once more. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from './test.ts';
import * as assert from './assert.ts';
import type { Gpu } from '../engine/index.ts';
import { Clock, freeFolder, leaveResult } from '../train/commands/demo_result.ts';
import { Progress } from '../train/log/progress.ts';
import { RunRecorder } from '../train/log/recorder.ts';
import { isTooSlow } from '../train/moving_shapes/expectation.ts';
import { videoConfig } from '../train/moving_shapes/plan.ts';
import { confusionsOf, headlinesOf, type Measured } from '../train/moving_shapes/report_data.ts';
import { CLASS_NAMES, combinationOf, SEEN, UNSEEN } from '../train/moving_shapes/scenes.ts';
import type { Prediction } from '../train/protocols/evaluation.ts';
import { printed } from './command_line.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-demo-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

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

/** What nobody asks more of than its names. */
const gpu = { name: 'an adapter', kind: 'software',
  adapter: { info: { vendor: 'v', architecture: 'a', description: '' } }, candidates: { used: [] } } as unknown as Gpu;

/** What the demo prints, and its exit status, where so many clips of each part were wrong. */
async function ended(wrong: number, smoke: boolean) {
  const seen = { ...measured.seen, dataset: { entries: [{ path: 'clips/0.mp4' }, { path: 'clips/1.mp4' }] } };
  const own = { ...measured, seen, xclip: { seen: predictions(SEEN, wrong), unseen: predictions(UNSEEN, wrong) },
    shuffled: [0, 1, 2, 3, 4].map((guess) => ({ truth: 1, guess })),
    clipMean: [0, 0, 0, 1].map((guess) => ({ truth: 1, guess })) } as unknown as Measured;
  const out = join(folder, `run-${wrong}-${smoke}`);
  const recorder = new RunRecorder(out, { progress: new Progress({ quiet: true }) });
  recorder.stage('X-CLIP', 2);
  recorder.scalar(1, 'loss', 2.5);
  recorder.finish();
  const config = videoConfig('xclip', { steps: 12, data: { train: 'a', labels: 'b' }, seed: 7, precision: 'f32' });
  const timings = [{ name: 'Data set', seconds: 75 }, { name: 'Evaluation', seconds: 2.4 }];
  const { code, stdout } = await printed(() =>
    leaveResult({ gpu, out, seed: 7, smoke, config, measured: own, clips: [], timings })
  );
  return { code, out, stdout: stdout.replaceAll(pathToFileURL(out).href, 'OUT').replaceAll(out, 'OUT'),
    result: JSON.parse(readFileSync(join(out, 'result.json'), 'utf8')),
    report: readFileSync(join(out, 'report.html'), 'utf8') };
}

test('the demo ends with its numbers beside their goals, the time of each part, and what to do next', async () => {
  const { code, stdout, result, report } = await ended(0, false);
  assert.is(code, 0);
  assert.is(stdout, `
system                   measured                                                            result  goal                chance  clips
X-CLIP                   top-1 of 120 names, combinations seen in training                  100.0 %  at least 90.0 %  ✓   0.8 %    120
X-CLIP, zero-shot        top-1 of 24 names, words that never occurred together in training  100.0 %  at least 80.0 %  ✓   4.2 %     24
X-CLIP                   motion alone, all test clips                                       100.0 %  at least 90.0 %  ✓  16.7 %    144
CLIP-Mean                motion alone, all test clips forwards and backwards                 25.0 %  at most 50.0 %   ✓  16.7 %      4
X-CLIP, frames shuffled  motion alone, all test clips forwards and backwards                 20.0 %  at most 50.0 %   ✓  16.7 %     10

Time      Data set 1:15, Evaluation 0:02
Report    OUT/report.html
Predict   npx firstlight predict clips/0.mp4 --checkpoint OUT/checkpoint --labels "a red square moving left, a red square moving right"
`);
  assert.equal([result.title, result.seed, result.targetsMet, result.timings.length, result.environment.driver], [
    'X-CLIP on moving shapes',
    7,
    true,
    2,
    'v a',
  ]);
  assert.match(report,
    /to tell 144 of them apart, such as (&quot;|")a red square moving left(&quot;|")\. No single frame/);
  assert.match(report,
    /frame tells (&quot;|")moving left(&quot;|") from (&quot;|")moving right(&quot;|"), and neither/);
  assert.match(report, 'All 144 names, ordered by group');
});

test('a target that was missed is marked and ends the demo with 1; the short form has none', async () => {
  const { code, stdout, result } = await ended(24, false);
  assert.is(code, 1);
  assert.match(stdout, /\nX-CLIP, zero-shot .* 0\.0 % {2}at least 80\.0 % {2}✗ /);
  assert.match(stdout, /\nX-CLIP .* 120 names.* 80\.0 % {2}at least 90\.0 % {2}✗ /);
  assert.is(result.targetsMet, false);
  const short = await ended(24, true);
  assert.is(short.code, 0);
  assert.match(short.stdout,
    /\nThis was the short form: it shows that all parts work\. npx firstlight demo trains in full\.\n$/);
});

test('a demo without a folder takes the first that is free; its parts are timed in seconds', async () => {
  for (const name of ['demo-1', 'demo-2', 'demo-4']) mkdirSync(join(folder, name));
  assert.is(freeFolder(folder), join(folder, 'demo-3'));
  assert.is(freeFolder(join(folder, 'demo-1')), join(folder, 'demo-1', 'demo-1'));
  const { now } = performance;
  let milliseconds = 4000;
  performance.now = () => milliseconds;
  try {
    const clock = new Clock();
    assert.is(await clock.time('a part', async () => (milliseconds += 1500)), 5500);
    assert.equal(clock.timings, [{ name: 'a part', seconds: 1.5 }]);
  } finally {
    performance.now = now;
  }
});

test.run();
