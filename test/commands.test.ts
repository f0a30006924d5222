/** The commands a person types, on a data set of a few clips. */
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseHTML } from 'linkedom';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { commandLine, type Ended } from './command_line.ts';
import { open } from '../engine/index.ts';
import type { Validation } from '../train/checkpoint/validation.ts';
import { readLabels } from '../train/data/sets/lists.ts';
import { RUN_FILES, RUN_FOLDERS } from '../train/run/run_folder.ts';
import { type MovingShapesFolder, writeMovingShapes } from '../train/moving_shapes/files.ts';
import { FRAMES } from '../train/moving_shapes/scenes.ts';
import { writeTiny } from './tiny_checkpoint.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-commands-'));
const config = join(folder, 'tiny.yaml');
const out = join(folder, 'run');
let data: MovingShapesFolder;

test.before(async () => {
  data = await writeMovingShapes(join(folder, 'data'), 6, { train: 8, testSeen: 4, testUnseen: 1, stills: 1 });
  const start = join(folder, 'start');
  await using gpu = await open();
  await writeTiny(gpu, start, { texts: [...readLabels(data.labels.seen), 'a square, a circle'], frames: 8 });
  writeFileSync(config, `
model: {checkpoint: ${start}}
data: {train: ${data.lists.train}, val: ${data.lists.testSeen}, labels: ${data.labels.seen}, size: 32, crop: false, flip: false, jitter: 0, gray: 0, workers: 0}
train: {steps: 4, warmupSteps: 1, batch: 2, mixup: 0, cutmix: 0}
optim: {lr: 1e-3, schedule: plain}
run: {logEverySteps: 1}
`);
});
test.after(() => rmSync(folder, { recursive: true, force: true }));

/**
 * Runs one in a process of its own, and sends it Ctrl-C as soon as stderr holds a text.
 *
 * @param isRead whether anybody reads its stdout; if not, that is closed from its start
 */
function interrupted(words: readonly string[], at: string, isRead = true): Promise<Ended> {
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'),
    fileURLToPath(new URL('../train/cli/process.ts', import.meta.url)), ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  let isSent = false;
  if (!isRead) child.stdout.destroy();
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    if (isSent || !stderr.includes(at)) return;
    isSent = true;
    child.kill('SIGINT');
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}

test('check decodes all clips, tells what is wrong in full, writes a cleaned list, and knows its work the next time', async () => {
  const list = join(data.folder, 'checked.txt');
  const broken = join(data.folder, 'broken.mp4');
  writeFileSync(broken, 'not a video');
  writeFileSync(list, `${readFileSync(data.lists.train, 'utf8')}broken.mp4 3\nabsent.mp4 3\n`);
  const report = join(folder, 'report.json');
  const words = ['check', config, '--set', `data.train=${list}`, '--out', join(folder, 'unmade'), '--report', report];
  const first = await commandLine(words);
  assert.is(first.code, 3, first.stderr);
  assert.match(first.stdout, `error: ${list}:9: broken.mp4: is a text, not a video that is read here`);
  assert.match(first.stdout, `error: ${list}:10: "absent.mp4" does not exist`);
  assert.match(first.stdout, `12 of 13 files are sound, with ${12 * FRAMES} frames`);
  const { problems, cleaned, files } = JSON.parse(readFileSync(report, 'utf8'));
  assert.equal([problems.length, files.sound], [2, 12]);
  assert.equal(cleaned, [{ list, path: join(data.folder, 'checked.checked.txt'), kept: 8, leftOut: 2 }]);
  assert.not(existsSync(join(folder, 'unmade')));
  const second = await commandLine(['check', config, '--set', `data.train=${cleaned[0].path}`, '--out',
    join(folder, 'unmade')]);
  assert.is(second.code, 0, second.stderr);
  assert.match(second.stderr, /12 files are as an earlier check found them/);
  assert.match(second.stdout, /nothing is in the way of this run/);
});

test('train tells all that is wrong before its first step, and leaves no log', async () => {
  const { code, stderr } = await commandLine(['train', config, '--out', join(folder, 'wrong'), '--set',
    `data.val=${join(folder, 'no_list.txt')}`, '--set', 'optim.newPartsLrScale=0.001']);
  assert.is(code, 3, stderr);
  assert.match(stderr, /2 things stand in the way of this run\n.*no_list\.txt: no such file\n.*newPartsLrScale/s);
  assert.not(existsSync(join(folder, 'wrong', 'log.jsonl')));
});

test('train measures data.val while it trains, and leaves configuration, log, TensorBoard events, checkpoints, the last model and the best, a report', async () => {
  const { code, stdout, stderr } = await commandLine(['train', config, '--out', out]);
  assert.is(code, 0, stderr);
  assert.match(stdout, /4 steps, .* M parameters/);
  assert.match(stdout, /top-1 [\d.]+ %, top-5 [\d.]+ % on 4 clips of 120 classes \(chance 0\.8 %\)/);
  for (const file of ['config.yaml', 'log.jsonl', 'tensorboard', 'checkpoint/model.safetensors', 'report.html',
    'checkpoints/step-00000004/state.json', 'environment.json']) assert.ok(existsSync(join(out, file)), file);
  // 8 clips are 4 steps of 2, so the end of the first epoch is that of the run
  const result = JSON.parse(readFileSync(join(out, 'result.json'), 'utf8'));
  const [validation, ...others] = result.validations as Validation[];
  assert.equal([validation.step, others.length, result.best.step], [4, 0, 4]);
  assert.equal([result.results.top1.value, result.results.top5.value], [validation.top1, validation.top5]);
  assert.is(result.classes.length, 120);
  assert.is(result.classes.reduce((sum: number, { clips }: { clips: number }) => sum + clips, 0), 4);
  assert.match(stderr, `step 4: top-1 ${(100 * validation.top1).toFixed(1)} %`);
  const weights = (folder: string) => readFileSync(join(out, folder, 'model.safetensors'));
  assert.ok(weights('best').equals(weights('checkpoint')));
  const [first] = readFileSync(data.lists.testSeen, 'utf8').split(' ');
  const lines = stdout.trimEnd().split('\n');
  assert.equal([lines.length, ...lines.slice(3)].map((line) => String(line).replace(/ --labels .*/, '')), [
    '5',
    `Report    ${pathToFileURL(join(out, 'report.html')).href}`,
    `Predict   npx firstlight predict ${join(data.folder, first)} --checkpoint ${join(out, 'best')}`,
  ]);
  assert.match(lines[0], `model in ${join(out, 'checkpoint')}`);
  assert.match(lines[2], /^Best {6}top-1 [\d.]+ % after the last step, /);
  const { document } = parseHTML(readFileSync(join(out, 'report.html'), 'utf8'));
  assert.is(document.querySelectorAll('.by-class tbody tr').length, 120);
  const clips = [...document.querySelectorAll('.clip')];
  assert.ok(clips.length >= 2 && clips.length <= 4);
  assert.is(clips[0].querySelectorAll('.strip i').length, 8);
});

test('all that a run leaves is among what is looked at before it', () => {
  const known = [...RUN_FILES, ...RUN_FOLDERS];
  assert.equal(readdirSync(out).filter((name) => !known.includes(name)), []);
});

test('a folder that holds a run is not written over', async () => {
  const { code, stderr } = await commandLine(['train', config, '--out', out]);
  assert.is(code, 1);
  assert.match(stderr, 'already holds a run');
  assert.match(stderr, '--resume');
});

test('evaluate gives the numbers of the training, from the run folder alone', async () => {
  const json = join(folder, 'numbers.json');
  const begin = performance.now();
  const { code, stdout, stderr } = await commandLine(['evaluate', join(out, 'config.yaml'), '--checkpoint',
    join(out, 'checkpoint'), '--json', json]);
  assert.is(code, 0, stderr);
  const numbers = JSON.parse(readFileSync(json, 'utf8'));
  assert.ok(stdout.startsWith(`top-1 ${(100 * numbers.top1).toFixed(1)} %, top-5 `), stdout);
  assert.not.match(stdout, 'mean of');
  assert.ok(numbers.seconds > 0 && 1000 * numbers.seconds < performance.now() - begin, `${numbers.seconds} s`);
  assert.is(numbers.parts[0].predictions.length, 4);
  assert.is(numbers.parts[0].predictions[0].predictions.length, 5);
});

test('predict and evaluate give a clip the same numbers, whatever the batch; a run folder stands for its model, a folder for its videos', async () => {
  const names = readLabels(data.labels.seen);
  const clips = readFileSync(data.lists.testSeen, 'utf8').trim().split('\n').map((line) => line.split(' ')[0]);
  const videos = join(folder, 'videos');
  clips.forEach((clip, i) => cpSync(join(data.folder, clip), join(videos, 'deep', `${i}.mp4`)));
  writeFileSync(join(videos, 'notes.txt'), 'no video');
  writeFileSync(join(videos, 'zz.mp4'), 'no video either');
  // pictures of 64 are squeezed to 48, and the middle is cut out: no configuration says so
  const checkpoint = join(out, 'checkpoint');
  const processor = { image_processor_type: 'VideoMAEImageProcessor', size: { height: 48, width: 40 }, resample: 3,
    crop_size: 32 };
  writeFileSync(join(checkpoint, 'preprocessor_config.json'), JSON.stringify(processor));

  const json = join(folder, 'same.json');
  const evaluated: string[] = [];
  for (const batch of ['1', '3']) {
    const { code, stderr } = await commandLine(['evaluate', join(out, 'config.yaml'), '--checkpoint', out, '--batch',
      batch, '--json', json]);
    assert.is(code, 0, stderr);
    evaluated.push(JSON.stringify(JSON.parse(readFileSync(json, 'utf8')).parts[0].predictions));
  }
  assert.is(evaluated[0], evaluated[1]);
  const { code, stdout, stderr } = await commandLine(['predict', videos, '--labels', names.join(','), '--checkpoint',
    out, '--top', '5', '--json']);
  assert.is(code, 3);
  assert.match(stderr, /zz\.mp4: /);
  const said = JSON.parse(stdout) as { file: string; predictions: object[] }[];
  assert.equal(said.map(({ file }) => file), clips.map((_, i) => join(videos, 'deep', `${i}.mp4`)));
  const wanted = JSON.parse(evaluated[0]) as { predictions: object[] }[];
  assert.equal(said.map(({ predictions }) => predictions), wanted.map(({ predictions }) => predictions));
});

/** A copy of the trained checkpoint whose tensor `name` holds `value` throughout. */
function brokenCheckpoint(name: string, value: number): string {
  const copy = join(folder, `broken-${name}-${value}`);
  cpSync(join(out, 'checkpoint'), copy, { recursive: true });
  const file = join(copy, 'model.safetensors');
  const bytes = readFileSync(file);
  const start = 8 + Number(bytes.readBigUInt64LE());
  const { data_offsets: [from, to] } = JSON.parse(bytes.toString('utf8', 8, start))[name] as {
    data_offsets: [number, number];
  };
  for (let at = start + from; at < start + to; at += 4) bytes.writeFloatLE(value, at);
  writeFileSync(file, bytes);
  return copy;
}

test('what is not finite is no ranking: predict and evaluate name the weight, or the activation that it made so', async () => {
  const clip = join(data.folder, readFileSync(data.lists.testSeen, 'utf8').split(' ')[0]);
  const predict = ['predict', clip, '--labels', 'a square, a circle'];
  const evaluate = ['evaluate', join(out, 'config.yaml')];
  const cases: [string[], string, number, RegExp, number][] = [
    [predict, 'visual_projection.weight', Number.NaN, /tensor "visual\.proj": holds NaN at place 0/, 5],
    [predict, 'visual_projection.weight', 3e38, /the activation "visual\.frames" of .*\.mp4 is NaN or infinite/, 1],
    [evaluate, 'text_projection.weight', 3e38, /a feature of the texts is NaN or infinite/, 1],
    [[...evaluate, '--set', 'train.precision=f16'], 'text_projection.weight', 1e5,
      /the weight "text_projection", too large for f16, is NaN or infinite|has no shader-f16/, 1],
  ];
  for (const [command, name, value, message, status] of cases) {
    const { code, stdout, stderr } = await commandLine([...command, '--checkpoint', brokenCheckpoint(name, value)]);
    assert.match(stderr, message);
    assert.is(code, status);
    assert.is(stdout, '');
  }
});

test('a training that ends with weights that are not finite says which, leaves no model, and ends with 1', async () => {
  const folderOfRun = join(folder, 'diverged');
  const { code, stderr } = await commandLine(['train', config, '--out', folderOfRun, '--set', 'train.steps=3', '--set',
    'optim.lr=3e37', '--set', 'optim.weightDecay=10']);
  assert.match(stderr, /the weight ".*" is NaN or infinite/);
  assert.is(code, 1);
  assert.not.ok(existsSync(join(folderOfRun, 'checkpoint', 'config.json')));
});

test('a step that fails while the next clips are decoded ends the run with its reason, not in silence', async () => {
  const { code, stderr } = await commandLine(['train', config, '--out', join(folder, 'failed'), '--lr', '3e38', '--set',
    'data.workers=1']);
  assert.match(stderr, 'AdamW: lr is 3e+39, expected a number that f32 holds');
  assert.is(code, 1);
});

test('Ctrl-C ends the step, saves and leaves with 130; --resume goes on; other settings are refused', async () => {
  const steps = 100_000; // more than any adapter takes before the first line of progress
  const long = ['--set', `train.steps=${steps}`, '--set', 'data.workers=1', '--out', join(folder, 'long')];
  const stopped = await interrupted(['train', config, ...long], 'lr ');
  assert.is(stopped.code, 130, stopped.stderr);
  const step = Number(/stopped after step (\d+)/.exec(stopped.stdout)?.[1]);
  assert.ok(step > 0 && step < steps, stopped.stdout);
  assert.ok(existsSync(join(folder, 'long', 'checkpoints', `step-${String(step).padStart(8, '0')}`)));
  const changed = await commandLine(['train', config, ...long, '--resume', '--lr', '0.5']);
  assert.is(changed.code, 1);
  assert.match(changed.stderr, /optim\.lr: was 0\.001, is now 0\.5\n.*--allow-change optim\.lr/);
  const resumed = await interrupted(['train', config, ...long, '--resume'], 'lr ', false);
  assert.match(resumed.stderr, `going on from step ${step} of ${steps}`);
  assert.is(resumed.code, 130, 'though nobody reads its stdout');
});

test('what cannot be found is named, with a way out', async () => {
  const cases: [string[], number, RegExp][] = [
    [['train', config, '--resume', '--out', join(folder, 'nothing')], 1,
      /nothing holds no run to go on with\n.*there are/],
    [['train', config, '--out', join(config, 'run')], 1, /tiny\.yaml: is a file, a run needs a folder here\n.*--out/],
    [['evaluate', config, '--checkpoint', join(folder, 'nowhere')], 5, /nowhere: no such file or folder/],
    [['evaluate', config, '--checkpoint', join(out, 'checkpoint'), '--set', 'data.size=64'], 1,
      /frames of 32 × 32 pixels.*of 64\n.*data\.size=32/],
    [['train', config, '--out', join(folder, 'other'), '--batch', '100'], 3,
      /has 8 clips, one optimiser step takes 100/],
  ];
  for (const [words, code, message] of cases) {
    const ended = await commandLine(words);
    assert.match(ended.stderr, message);
    assert.is(ended.code, code, ended.stderr);
  }
});

test.run();
