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
import { isLogged } from '../train/moving_shapes/clip_stage.ts';
import { clipSchedule } from '../train/moving_shapes/clip_step.ts';
import { headlinesOf as barsOf, ordersTable, type SystemSummary,
  systemsTable } from '../train/moving_shapes/comparison_report.ts';
import { isTooSlow, workOf } from '../train/moving_shapes/expectation.ts';
import { guessesOf } from '../train/moving_shapes/guesses.ts';
import { presented, type Presentation, type TestSet } from '../train/moving_shapes/measure.ts';
import { FULL, type Plan, SMOKE, videoConfig, type VideoRecipe } from '../train/moving_shapes/plan.ts';
import { confusionsOf, headlinesOf, type Measured, stagesOf,
  worthLooking } from '../train/moving_shapes/report_data.ts';
import { CLASS_NAMES, combinationOf, FRAMES, SEEN, SIDE, UNSEEN } from '../train/moving_shapes/scenes.ts';
import type { LogEntry } from '../train/log/run_log.ts';
import type { TrainConfig } from '../train/run/config_keys.ts';
import { trainingPreprocessor } from '../train/run/system.ts';
import type { Prediction } from '../train/protocols/evaluation.ts';
import { printed } from './command_line.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-demo-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

test('a run of more than an hour asks first, unless somebody has patience', () => {
  assert.equal([3599, 3600, 3601].map((seconds) => isTooSlow(seconds, false)), [false, false, true]);
  assert.equal([3599, 3600, 3601].map((seconds) => isTooSlow(seconds, true)), [false, false, false]);
});

test('the work of a run is that of all steps of its stages', () => {
  const work = (clipSteps: number, videoSteps: number) => workOf({ clipSteps, videoSteps });
  assert.equal([work(1, 0), work(0, 1), work(10, 4)], [1.4e9, 5.5e9, 36e9]);
});

test('the full run has whole numbers of clips for every class, and as many steps as told; a smoke test little of all', () => {
  const perClass = ({ sizes: { testSeen, testUnseen } }: Plan) => [testSeen / SEEN.length, testUnseen / UNSEEN.length];
  assert.equal([FULL, SMOKE].map(perClass), [[2, 11], [1, 1]]);
  assert.equal(
    [FULL, SMOKE].map(({ sizes, clipSteps, videoSteps }) => [sizes.train, sizes.stills, clipSteps, videoSteps]),
    [[4096, 6144, 900, 600], [240, 432, 30, 12]],
  );
});

test('a system is trained as a user would write it: from a CLIP, or from nothing, at one rate for all', () => {
  const config = (own: Partial<VideoRecipe>, system: TrainConfig['model']['system'] = 'xclip') =>
    videoConfig(system, { steps: 600, data: { train: 'train.txt', labels: 'labels.csv' }, seed: 3, precision: 'f32',
      ...own });
  const { model, data, train, optim, run } = config({ clip: 'clip' });
  const { mitPositions, mitWeights, promptWeights } = model.init;
  assert.equal([mitPositions, mitWeights, promptWeights, model.preset, model.checkpoint?.endsWith('clip')], [1, 0.15,
    0.05, null, true]);
  assert.equal([data.frames, data.size, data.crop, data.flip, data.jitter, data.gray], [8, 32, false, false, 0, 0]);
  assert.equal([train.steps, train.warmupSteps, train.batch, train.mixup, train.cutmix], [600, 50, 16, 0, 0]);
  assert.equal([optim.lr, optim.minLrRatio, optim.schedule, optim.maxGradNorm, optim.newPartsLrScale], [1e-3, 0,
    'plain', 1, 10]);
  assert.equal([run.seed, run.logEverySteps], [3, 5]);
  const fromNothing = config({ steps: 491, parts: { prompts: false } });
  assert.equal([fromNothing.model.preset, fromNothing.model.prompts, fromNothing.optim.newPartsLrScale], ['tiny', false,
    1]);
  assert.equal([12, 490, 491, 501].map((steps) => config({ steps }).train.warmupSteps), [2, 49, 50, 50]);
  assert.equal([config({ lr: 2e-4 }).optim.lr, config({}, 'clip-one').data.frames], [2e-4, 1]);
});

test('a CLIP warms up for a tenth of its steps, fifty at most, ends at 0, and logs its first, last and each fifth step', () => {
  assert.equal([1, 10, 11, 490, 900].map((steps) => clipSchedule(steps).warmup), [1, 1, 2, 49, 50]);
  assert.equal(clipSchedule(900), { form: 'plain', baseLr: 2e-3, minLr: 0, warmup: 50, total: 900 });
  const logged = (steps: number) =>
    Array.from({ length: steps }, (_, i) => i + 1).filter((step) => isLogged(step, steps));
  assert.equal([logged(12), logged(5), logged(1)], [[1, 5, 10, 12], [1, 5], [1]]);
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

test('systems that are compared have bars of their means, and orders that do not hold are told as they are', () => {
  const seen = { mean: 0.5, deviation: 0.125 };
  const summary = (own: object) =>
    ({ key: 'a', name: 'A', start: 'CLIP', measured: { seen }, parameters: 1234.4, macs: 2.25e6, bytes: 3 * 2 ** 19,
      clipsPerSecond: 7.25, seconds: 1, ...own }) as unknown as SystemSummary;
  const bars = barsOf([summary({}), summary({ key: 'b', start: 'nothing' }), summary({ measured: {} })], 'seen', 240);
  assert.equal(
    bars.map(({ key, value, deviation, clips, chance, meaning }) => [key, value, deviation, clips, chance, meaning]),
    [['a_seen_top1', 0.5, 0.125, 240, 1 / 120, 'It starts from the tiny CLIP.'], ['b_seen_top1', 0.5, 0.125, 240,
      1 / 120, 'It starts from nothing.']],
  );
  const { rows } = systemsTable([summary({})], ['start', 'seen', 'shots', 'parameters', 'macs', 'bytes',
    'clipsPerSecond']);
  assert.equal(rows, [['A', 'CLIP', '50.0 ± 12.5', '', '1,234', '2.3', '1.5', '7.3']]);
  const order = (differences: readonly number[]) =>
    ordersTable([{ below: 'a', above: 'b', measure: 'seen', source: 's', differences }], []).rows[0].slice(4);
  assert.equal(order([-0.25, 0.125, 0]), ['−4.2', '1 of 3']);
  assert.equal([order([0.5]), order([])], [['+50.0', '1 of 1'], ['', '0 of 0']]);
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

test('clips to look at are of different motions, and one of four is a failure, if there is any', () => {
  const lookedAt = (wrong: number) => {
    const dataset = { entries: CLASS_NAMES.map((path) => ({ path })) };
    return worthLooking(
      { ...measured, seen: { ...measured.seen, dataset }, unseen: { ...measured.unseen, dataset },
        xclip: { seen: predictions(SEEN, wrong), unseen: predictions(UNSEEN, wrong) } } as unknown as Measured,
    );
  };
  for (const [wrong, places] of [[0, [0, 1, 2, 3]], [1, [1, 2, 3, 0]], [2, [2, 3, 4, 0]]] as const) {
    const shown = lookedAt(wrong);
    assert.equal(shown.map(({ unseen }) => unseen), [false, false, false, false, true, true, true, true]);
    for (const [part, classes] of [[shown.slice(0, 4), SEEN], [shown.slice(4), UNSEEN]] as const) {
      assert.equal(part.map(({ prediction }) => prediction.index), firstOfMotions(classes, wrong), `${wrong} wrong`);
      assert.equal(part.map(({ entry }) => entry.path), part.map(({ prediction }) => CLASS_NAMES[prediction.index]));
      assert.equal(part[0].names, classes.map((id) => CLASS_NAMES[id]));
    }
    assert.equal(shown.slice(0, 4).map(({ prediction }) => prediction.index), places, 'classes are ordered by motions');
  }
});

/** Places of the first clip of each motion from one on, and of the first that is wrong: four. */
function firstOfMotions(classes: readonly number[], wrong: number): number[] {
  const motions = classes.map(motionOf);
  const right = motions.flatMap((motion, i) => i >= wrong && motions.indexOf(motion, wrong) === i ? [i] : []);
  return wrong === 0 ? right.slice(0, 4) : [...right.slice(0, 3), 0];
}

test('the log of a run becomes two stages, of three systems', () => {
  const log = [['CLIP', 1, { loss: 3, lr: 1e-3 }], ['X-CLIP', 1, { loss: 2 }], ['CLIP-Mean', 1, { loss: 4, lr: 1e-4 }],
    [
      'CLIP',
      5,
      { loss: 1, lr: 0 },
    ]] as const;
  const entries = log.map(([stage, step, values]) => ({ stage, step, values })) as unknown as LogEntry[];
  assert.equal(stagesOf(entries).map(({ curves }) => curves), [[{ system: 'CLIP', loss: [[1, 3], [5, 1]],
    lr: [[1, 1e-3], [5, 0]] }], [{ system: 'X-CLIP', loss: [[1, 2]], lr: [] }, { system: 'CLIP-Mean', loss: [[1, 4]],
    lr: [[1, 1e-4]] }]]);
});

test('clips run forwards, backwards as the opposite class, or shuffled, the same way each time', async () => {
  const frames = (clip: number) => Array.from({ length: FRAMES }, (_, t) => `${clip}.${t}`);
  const batch = { indices: Int32Array.of(5, 9), labels: Int32Array.of(0, 3), frames: [...frames(5), ...frames(9)],
    views: [], bad: [] };
  const sizes: number[] = [];
  const dataset = {
    async *evaluation(size: number) {
      sizes.push(size);
      yield batch;
    },
  };
  const set = { dataset, names: [], classes: [10, 11, 20, 21] } as unknown as TestSet;
  const shown = async (presentation: Presentation) => {
    const all = [];
    for await (const each of presented(set, trainingPreprocessor(SIDE, false), presentation)) all.push(each);
    assert.is(all.length, 1);
    return { labels: [...all[0].labels], frames: all[0].frames as unknown as string[] };
  };
  assert.equal(await shown('forwards'), { labels: [0, 3], frames: batch.frames });
  assert.equal(await shown('backwards'), { labels: [1, 2], frames: [...frames(5).reverse(), ...frames(9).reverse()] });
  const shuffled = await shown('shuffled');
  assert.equal(shuffled.labels, [0, 3]);
  const [first, second] = [shuffled.frames.slice(0, FRAMES), shuffled.frames.slice(FRAMES)];
  assert.equal([[...first].sort(), [...second].sort()], [frames(5), frames(9)]);
  assert.equal(first.map((frame) => Number(frame.split('.')[1])), [3, 7, 6, 4, 5, 0, 2, 1]);
  assert.not.equal(first.map((frame) => frame.slice(1)), second.map((frame) => frame.slice(1)),
    'each in its own order');
  assert.equal(await shown('shuffled'), shuffled);
  assert.equal(guessesOf(set, predictions([10, 11], 1)), [{ truth: 10, guess: 11 }, { truth: 11, guess: 11 }]);
  assert.equal([...new Set(sizes)], [24]);
});

test.run();
