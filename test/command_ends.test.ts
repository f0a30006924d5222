/** What commands say and leave where something is not as it should be, without a model and without a GPU. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { CheckpointCorruptError, FirstlightError, VideoDecodeError } from '../engine/errors.ts';
import { FileError } from '../engine/file_error.ts';
import { folderOf, misfitOf } from '../train/commands/evaluate.ts';
import { Telling } from '../train/commands/predict.ts';
import { keepBest } from '../train/commands/train.ts';
import { beginText, endText, reportOf, tableMovingShapes } from '../train/commands/table_moving_shapes.ts';
import type { FoundOrder, SystemSummary } from '../train/moving_shapes/comparison_report.ts';
import { type Comparison, PAPER } from '../train/moving_shapes/comparisons.ts';
import type { ComparedSystem } from '../train/moving_shapes/systems.ts';
import { printed } from './command_line.ts';
import { nullGpu } from './null_gpu.ts';

const root = mkdtempSync(join(tmpdir(), 'firstlight-ends-'));
test.after(() => rmSync(root, { recursive: true, force: true }));
const at = (...names: string[]) => join(root, ...names);

type Model = Parameters<typeof misfitOf>[1];
type Config = Parameters<typeof misfitOf>[2];

test('a checkpoint is measured as what the configuration says, or as what is asked for, with its frames and pixels', () => {
  const model = (frames: number, size: number) =>
    ({ config: { system: 'clip-mean' }, input: { frames, size } }) as unknown as Model;
  const of = (system: string, asked?: 'clip-mean' | 'xclip', own = model(8, 224)) =>
    misfitOf('c', own, { model: { system }, data: { frames: 8, size: 224 } } as unknown as Config, asked);
  assert.equal([of('clip-mean'), of('clip-mean', 'xclip'), of('xclip', 'xclip')], [undefined, undefined, undefined]);
  const other = of('xclip') as FirstlightError;
  assert.equal([other.message, other.hint], ['c: is clip-mean, the configuration has model.system: xclip',
    '--set model.system=clip-mean; or, to use what xclip has of its weights, --system xclip']);
  const patches = ', or interpolate over patches: --set model.interpolatePatches=true';
  const frames = ', or interpolate over frames: --set model.interpolateFrames=true';
  for (const [own, said, hint] of [
    [model(8, 32), '8 frames of 32 × 32', `--set data.frames=8 --set data.size=32${patches}`],
    [model(4, 224), '4 frames of 224 × 224', `--set data.frames=4 --set data.size=224${frames}`],
    [model(9, 225), '9 frames of 225 × 225', `--set data.frames=9 --set data.size=225${frames}${patches}`],
  ] as const) {
    for (const asked of [undefined, 'xclip'] as const) {
      const error = of('clip-mean', asked, own) as FirstlightError;
      assert.equal([error.message, error.hint], [`c: takes ${said} pixels, the configuration gives 8 of 224`, hint]);
    }
  }
});

test('numbers are left where it is said, or in the run that is measured, or nowhere; a folder that is none is told before', () => {
  mkdirSync(at('run/model'), { recursive: true });
  writeFileSync(at('run/config.yaml'), '');
  writeFileSync(at('file'), '');
  const own = console.warn;
  const said: string[] = [];
  console.warn = (text: string) => void said.push(text);
  try {
    assert.is(folderOf({ out: at('new'), checkpoints: [at('run')] }), at('new'));
    assert.is(folderOf({ checkpoints: [at('run'), at('other')] }), at('run'));
    assert.is(folderOf({ checkpoints: [at('run/model')] }), undefined, 'a model of a run is no run');
    assert.is(folderOf({ checkpoints: [at('new')] }), undefined);
    assert.throwsWith(() => folderOf({ out: at('file'), checkpoints: [at('run')] }), { code: 'FL_RUN_FOLDER' },
      /file: is a file, a run needs a folder here/);
    assert.equal(said, []);
    mkdirSync(at('run/result.json'));
    assert.is(folderOf({ checkpoints: [at('run')] }), undefined);
    assert.match(said.join(), /warning: no report is left in the run folder: .*result\.json: is a folder/);
  } finally {
    console.warn = own;
    rmSync(at('run/result.json'), { recursive: true, force: true });
  }
});

/** What is printed of two clips, of which the first cannot be read. */
async function told(isServed: boolean, isJson: boolean) {
  const telling = new Telling({ labels: ['up', 'down'], top: 1, isServed, isJson });
  const ended = await printed(async () => {
    telling.tell({ path: 'a.mp4', result: new VideoDecodeError('a.mp4', 'is cut off', undefined, 'copy it anew') });
    telling.tell({ path: 'b.mp4', result: new FirstlightError('FL_OOM', 'no memory', {}) });
    telling.tell({ path: 'c.mp4', result: [{ label: 1, probability: 0.75 }, { label: 0, probability: 0.25 }] });
    telling.end();
    return telling.failed;
  });
  return { ...ended, stdout: ended.stdout.trimEnd() };
}

test('predict tells what is wrong with a clip beside the answers, or in their place where it is served', async () => {
  const stderr = 'firstlight: a.mp4: is cut off\n  copy it anew\nfirstlight: b.mp4: no memory\n';
  const answer = { file: 'c.mp4', predictions: [{ label: 'down', probability: 0.75 }] };
  const plain = await told(false, false);
  assert.equal([plain.code, plain.stderr], [2, stderr]);
  assert.match(plain.stdout, /^c\.mp4\n {3}75\.0 % {2}down {2}█+$/);
  assert.equal(await told(false, true), { code: 2, stderr, stdout: JSON.stringify([answer], null, 2) });
  for (const isJson of [false, true]) {
    assert.equal(await told(true, isJson), { code: 2, stderr: '', stdout: [
      { file: 'a.mp4', error: { code: 'FL_VIDEO', message: 'a.mp4: is cut off' } },
      { file: 'b.mp4', error: { code: 'FL_OOM', message: 'no memory' } },
      answer,
    ].map((each) => JSON.stringify(each)).join('\n') });
  }
});

test('a best model that cannot be copied is told, and what is no fault of a disk is thrown', async () => {
  const copied: unknown[] = [];
  const keeping = (error?: Error) =>
    printed(async () => {
      const folder = await keepBest({ copyModel: async (...asked) => {
        copied.push(asked);
        if (error !== undefined) throw error;
      } }, { step: 30 }, 'run/best');
      return folder === 'run/best' ? 0 : folder === undefined ? 1 : 2;
    });
  assert.equal(await keeping(), { code: 0, stdout: '', stderr: '' });
  assert.equal(copied, [[30, 'run/best']]);
  for (const error of [new CheckpointCorruptError('p', 'is cut off'), new FileError('p', 'ENOSPC')]) {
    const { code, stderr } = await keeping(error);
    assert.equal([code, stderr], [1, `firstlight: the best model, of step 30, is not in run/best: ${error.message}\n`]);
  }
  await assert.rejectsWith(() => keeping(new TypeError('of ours')), TypeError, 'of ours');
});

test('a table of systems has what was measured, the curves of the first seed, and the time of a seed', async () => {
  const gpu = await nullGpu();
  const systems = [['a', 'A', 'first'], ['b', 'B', 'second'], ['c', 'C', 'first']].map(([key, name, group]) =>
    ({ key, name, group, fromClip: key === 'a' }) as ComparedSystem
  );
  const seen = { mean: 0.5, deviation: 0.125 };
  const summaries = systems.map(({ key, name }, i): SystemSummary => ({ key, name, start: i === 0 ? 'CLIP' : 'nothing',
    measured: { seen, motions: undefined, shots: undefined, unseen: undefined }, parameters: 1, macs: 1, bytes: 1,
    clipsPerSecond: 1, seconds: 100 * (i + 1) })
  );
  for (const { key, name } of systems) {
    mkdirSync(at('out/seed_7', key), { recursive: true });
    const line = (step: number) =>
      JSON.stringify({ stage: name, step, time: '2020-01-01T00:00:00Z', loss: step / 2, lr: step / 10 });
    writeFileSync(at('out/seed_7', key, 'log.jsonl'), `${line(1)}\n${line(2)}\n`);
  }
  writeFileSync(at('out/seed_7/b/config.yaml'), 'model: {}\n');
  const order = { below: 'a', above: 'b', measure: 'seen', source: 's', differences: [0.5] } as FoundOrder;
  const comparison = { ...PAPER, systems, title: 'T', story: 'Told so.', columns: ['seen'], shown: 'b' } as Comparison;
  const of = (seeds: number, found: readonly FoundOrder[]) =>
    reportOf(gpu, { comparison, plan: PAPER.smoke, out: at('out'), seed: 7, seeds, summaries, found });
  const { finishedAt, environment, ...data } = of(3, [order]);
  assert.ok(Math.abs(Date.parse(finishedAt) - Date.now()) < 60_000 && environment.adapter === gpu.name);
  assert.equal([data.title, data.seed, data.config, data.confusions, data.clips], ['T', 7, 'model: {}\n', [], []]);
  assert.is(data.summary, 'Each system was trained on the same clips for 6 steps, with 3 seeds. Told so.');
  assert.match(of(1, []).summary, 'for 6 steps, with 1 seed. Told so.');
  assert.equal(data.headlines.map(({ clips }) => clips), [360, 360, 360]);
  assert.equal([data.tables?.map(({ title }) => title), of(1, []).tables?.length], [
    ['Systems', 'The order that the paper finds'],
    1,
  ]);
  const curve = (system: string) => ({ system, loss: [[1, 0.5], [2, 1]], lr: [[1, 0.1], [2, 0.2]] });
  assert.equal(data.stages, [{ title: 'first', curves: [curve('A'), curve('C')] }, { title: 'second',
    curves: [curve('B')] }]);
  assert.equal(data.timings.map(({ name, seconds }) => [name, seconds]), [['A, a seed', 100], ['B, a seed', 200], [
    'C, a seed',
    300,
  ]]);
  const end = (isShort: boolean) => endText(data.tables ?? [], summaries, at('out/report.html'), isShort).split('\n');
  const told = end(false);
  assert.match(told[0], /^\| system +\| +seen/);
  assert.equal(told.slice(5, 8), ['', 'The order that the paper finds:', '']);
  assert.equal(told.slice(-3), ['', 'Time      10:00 a seed',
    `Report    ${pathToFileURL(at('out/report.html')).href}`]);
  assert.equal(end(true), [...told, 'This was the short form: it shows that all parts work.']);
  assert.is(endText([{ title: 'T', hint: '', columns: ['c'], rows: [['r']] }], [], 'x', false).split('\n')[3], '');
  assert.equal([beginText(5, 1, 60), beginText(5, 3, 61)], [
    '5 systems, 1 seed, each in about a minute; a run that is cut off goes on by the same command.\n',
    '5 systems, 3 seeds, each in about 2 minutes; a run that is cut off goes on by the same command.\n',
  ]);
});

test('a comparison that is trained is drawn up from what is there; one that would take hours is asked for once more', async () => {
  const short = { sizes: { train: 6, testSeen: 1, testUnseen: 1, stills: 1 }, clipSteps: 0, videoSteps: 2, shots: 0,
    shotSteps: 0 };
  const system: ComparedSystem = { key: 'a', name: 'A', system: 'vit-mean', fromClip: false, group: 'first' };
  const comparison: Comparison = { ...PAPER, systems: [system], orders: [], plan: { ...short, videoSteps: 1e12 },
    smoke: short, columns: ['seen'], shown: 'a', command: 'table x' };
  const out = at('compared');
  const drawn = (more: object) =>
    printed(() =>
      tableMovingShapes({ comparison, seed: 7, seeds: 2, out, smoke: true, patient: false, json: false, ...more })
    );
  const slow = await drawn({ smoke: false });
  assert.is(slow.code, 1);
  assert.match(slow.stdout,
    /^On .+ each seed would take .+\.\n {2}a small form, which learns little: {2}npx firstlight table x --smoke\n/);
  const result = { motions: 0.5, shots: null, unseen: null, parameters: 1, macs: 1, bytes: 1, clipsPerSecond: 1,
    seconds: 60, steps: [2, 0] };
  for (const [seed, seen] of [[7, 0.25], [8, 0.75], [9, 'of no seed that is asked for']] as const) {
    const folder = join(out, `seed_${seed}`, 'a');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'system.json'), JSON.stringify({ ...result, seen }));
    writeFileSync(join(folder, 'config.yaml'), 'model: {}\n');
    writeFileSync(join(folder, 'log.jsonl'), '');
  }
  const text = await drawn({});
  assert.is(text.code, 0, text.stderr);
  assert.match(text.stdout,
    /^1 systems, 2 seeds, each in [^]*^\| A +\| +50\.0 ± [^]*^Time {6}[^]*^Report {4}file:.*\n/m);
  const json = await drawn({ json: true });
  const { systems, orders } = JSON.parse(json.stdout);
  assert.equal([json.code, json.stdout], [0, `${JSON.stringify({ systems, orders }, null, 2)}\n`]);
  assert.equal([systems.map((each: SystemSummary) => [each.name, each.measured.seen?.mean]), orders], [[['A', 0.5]],
    []]);
});

test.run();
