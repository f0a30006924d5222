/** What commands say in the end, from invented results: at one and at several, and at the edges of their units. */
import { execFileSync } from 'node:child_process';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { FEATURE_USES, LIMIT_USES } from '../engine/index.ts';
import { PRESETS } from '../model/systems/config.ts';
import { separateNames } from '../train/cli/names.ts';
import { type Diagnosis, render } from '../train/commands/doctor.ts';
import { probeLine, tell } from '../train/commands/embed.ts';
import { lineOf as measurementLine, meanLine } from '../train/commands/evaluate.ts';
import { type Inspection, pageOf } from '../train/commands/inspect.ts';
import { planPage, timeLines } from '../train/commands/plan.ts';
import { paceText } from '../train/commands/predict.ts';
import { retrievalText, tableOf } from '../train/commands/search.ts';
import { predictLine } from '../train/commands/predict_line.ts';
import { accuracyLine, bestLine, budgetOf } from '../train/commands/train.ts';
import { lineOf as checkLine } from '../train/commands/verify.ts';
import { shellWord } from '../train/log/shell_word.ts';
import { parseConfig } from '../train/run/config.ts';
import { usableMemory } from '../train/run/machine.ts';
import type { Plan } from '../train/run/plan.ts';
import { printed } from './command_line.ts';

test('search tells of clips by score, of pieces with their times, and of files elsewhere in full', () => {
  const found = [[0, 2.04], [59.96, 3599.94], [3600, 36_061.25]].map(([start, end], i) => ({
    file: resolve(`clips/${i}.mp4`),
    score: 12.34567 / 10 ** i,
    start,
    end,
  }));
  assert.is(tableOf({ text: 'a text', found: [...found, { file: resolve('../x.mp4'), score: -1 }] }), `a text
    12.346  ${join('clips', '0.mp4')}  0:00.0 to 0:02.0
     1.235  ${join('clips', '1.mp4')}  1:00.0 to 59:59.9
     0.123  ${join('clips', '2.mp4')}  1:00:00.0 to 10:01:01.3
    -1.000  ${resolve('../x.mp4')}`);
});

test('search says how often names find their clips, and clips their names', () => {
  // three clips of two names; the second clip fits the wrong one
  const scores = Float32Array.of(0.9, 0.2, 0.8, 0.3, 0.1, 0.7);
  assert.is(retrievalText(scores, Int32Array.of(0, 1, 1), 2),
    'names whose first clip has that name: 2 of 2 (100.0 %)\nclips whose first name is theirs: 2 of 3 (66.7 %)');
});

/** What `embed` tells of so many clips, of which some are broken. */
async function embedded(clips: number, rows: number, texts: number, broken: number) {
  const { stdout, stderr } = await printed(async () => {
    tell('x.safetensors',
      { clips: Array.from({ length: clips }, () => ({ path: 'p', name: 'n', label: null })) } as never,
      Array(texts).fill('t'), { rows, bytes: 2048,
      broken: Array.from({ length: broken }, (_, i) => ({ name: `${i}.mp4`, reason: 'is cut\noff' })) });
    return 0;
  });
  return [stdout.trimEnd(), ...stderr.trimEnd().split('\n').filter((line) => line !== '')];
}

test('embed counts clips, pieces and texts, and names ten of the clips that it leaves out', async () => {
  assert.equal(await embedded(1, 1, 0, 0), ['Features of 1 clip   x.safetensors   2.0 KiB (2,048 B)']);
  assert.equal((await embedded(1200, 1200, 1, 0))[0].split('   ')[0], 'Features of 1,200 clips and 1 text');
  assert.equal((await embedded(3, 7, 2, 0))[0].split('   ')[0], 'Features of 3 clips in 7 pieces and 2 texts');
  assert.equal((await embedded(0, 0, 2, 0))[0].split('   ')[0], 'Features of 2 texts');
  assert.equal((await embedded(3, 2, 0, 1)).map((line) => line.split('   ')[0]), ['Features of 2 clips',
    'firstlight: 1 clip could not be decoded and is left out:', '  0.mp4: is cut\\u000aoff']);
  const many = await embedded(20, 10, 0, 10);
  assert.equal([many[1], many.length, many.at(-1)], [
    'firstlight: 10 clips could not be decoded and are left out:',
    12,
    '  9.mp4: is cut\\u000aoff',
  ]);
  assert.equal((await embedded(20, 9, 0, 11)).slice(11), ['  9.mp4: is cut\\u000aoff', '  … and 1 more']);
});

test('a probe tells its shares, its chance, and what it could not know', () => {
  const result = { classes: 8, trained: 1200, heldOut: 1300, accuracy: 0.8765, trainAccuracy: 0.999, unknown: 0 };
  assert.is(probeLine(result, 'drawn by seed 7'),
    'Probe   87.6 % of 1,300 held out, drawn by seed 7 (8 classes, chance 12.5 %); 99.9 % of the 1,200 that it was trained on');
  assert.match(probeLine({ ...result, unknown: 3 }, 'of x'), /; 3 of classes that it never saw, which count as wrong$/);
});

/** Clips of name 0 that the model has at these places. */
const guessed = (places: readonly number[]) =>
  places.map((place, index) => ({ index, label: 0,
    ranking: [1, 2, 3, 4, 5].toSpliced(place, 0, 0).map((label) => ({ label, probability: 1 })) })
  );

test('evaluate has a line for each measurement, and one for the mean of several', () => {
  const names = Array(6).fill('a name');
  const predictions = guessed([0, 1, 4, 5]);
  const own = { name: 'split 1', names, leftOut: 0 };
  const line = 'top-1 25.0 %, top-5 75.0 % on 4 clips of 6 classes (chance 16.7 %)';
  assert.is(measurementLine(own, predictions, false), line);
  assert.is(measurementLine({ ...own, leftOut: 1234 }, predictions, true),
    `split 1: ${line}; clips of other classes, left out: 1,234`);
  const mean = { top1: 0.5, top5: 0.75, deviation: { top1: 0.0123, top5: 0.25, meanPerClass: 0 }, parts: Array(3) };
  assert.is(meanLine(mean), 'mean of 3: top-1 50.0 ± 1.2 %, top-5 75.0 ± 25.0 % (± sample deviation, n − 1)');
  assert.is(meanLine({ ...mean, deviation: null }),
    'mean of 3: top-1 50.0 ± 0.0 %, top-5 75.0 ± 0.0 % (± sample deviation, n − 1)');
});

test('train says what was best, what to ask the model, and what it may take of memory', () => {
  assert.is(accuracyLine(200, 8, 0.123, 1), 'top-1 12.3 %, top-5 100.0 % on 200 clips of 8 classes (chance 12.5 %)');
  const best = { step: 30, top1: 0.875, top5: 1, loss: null };
  assert.equal([bestLine(best, 40, 'r/best'), bestLine(best, 30, 'r/best')], [
    'Best      top-1 87.5 % after step 30, r/best',
    'Best      top-1 87.5 % after the last step, r/best',
  ]);
  const [plain, wordy] = [{ templates: 'none', mean: 'softmax' }, { templates: 'paper', mean: 'logits' }] as const;
  assert.is(predictLine('r/best', ['a "b"', 'c', 'd', 'e'], plain, 'v/x.mp4'),
    `npx firstlight predict v/x.mp4 --checkpoint r/best --labels 'a "b", c, d'`);
  assert.is(predictLine('my runs/best', ['up'], wordy),
    'npx firstlight predict clip.mp4 --checkpoint "my runs/best" --labels up --templates paper --template-mean logits');
  const config = (memoryGiB: number | null) => ({ run: { memoryGiB } }) as Parameters<typeof budgetOf>[0];
  assert.equal([budgetOf(config(1.5), 'software'), budgetOf(config(1.5), 'hardware'),
    budgetOf(config(null), 'hardware'), budgetOf(config(1e-9), 'hardware')], [1.5 * 2 ** 30, 1.5 * 2 ** 30, Infinity,
    1]);
  assert.is(budgetOf(config(null), 'software'), Math.floor(0.8 * usableMemory()));
});

const testShell = testIf(process.platform !== 'win32', 'there is no sh');
testShell('what a person is told to paste runs nothing but itself, whatever names hold', () => {
  const plain = { templates: 'none', mean: 'softmax' } as const;
  const names = ["it's $(touch x), `touch x`", '"; touch x; #', 'a \\ b | c > x & !! $HOME'];
  const wordsOf = (line: string) => execFileSync('sh', ['-c', line], { encoding: 'utf8' }).split('\0').slice(0, -1);
  for (const path of ['clips/$(touch x).mp4', `a'b "c".mp4`, 'a b.mp4', '`x`.mp4', 'a;b&c|d.mp4', 'a\\ b\\']) {
    const line = predictLine('runs/$(x)/best', names, plain, path).replace('npx firstlight', "printf '%s\\0'");
    assert.equal(wordsOf(line).slice(0, -1), ['predict', path, '--checkpoint', 'runs/$(x)/best', '--labels']);
    assert.equal(separateNames(wordsOf(line)[5]), names);
  }
  const signs = Array.from({ length: 0x17f - 0x20 }, (_, i) => `a${String.fromCharCode(0x20 + i)}`);
  assert.equal(wordsOf(`printf '%s\\0' ${signs.map(shellWord).join(' ')}`), signs);
  assert.match(predictLine('best', names, plain, 'a\u001b[2J.mp4'), ' clip.mp4 ');
});

test('predict says how fast it was, and what limited it', () => {
  const pace = { clips: 50, seconds: 4, idle: 0.39, threads: 3 };
  assert.is(paceText(pace), '12.5 clips/s; the model limits, for clips are decoded before it asks for them');
  assert.is(paceText({ ...pace, idle: 0.4 }),
    '12.5 clips/s; decoding limits, in 3 threads: the model waits for clips 10 % of the time');
  for (const [threads, text] of [[0, 'one thread'], [1, 'one thread'], [2, '2 threads']] as const) {
    assert.match(paceText({ ...pace, idle: 2, threads }),
      `decoding limits, in ${text}: the model waits for clips 50 % of`);
  }
});

test('verify has a line for each check, with its worst tensor, what is wrong, and what is not there', () => {
  const check = { fixture: 'ops', check: 'gelu', tensors: 1, passed: true,
    worst: { tensor: 'x', error: 1.5e-7, tolerance: 2e-6 }, problem: undefined, lacks: [] };
  assert.is(checkLine(check), `ok    ops         ${'gelu'.padEnd(34)}     1 tensor  worst x: 1.5e-7 of 2.0e-6`);
  assert.is(
    checkLine({ ...check, tensors: 12, passed: false, worst: undefined, problem: 'is\nwrong', lacks: ['a', 'b'] }),
    `FAIL  ops         ${'gelu'.padEnd(34)}   12 tensors  is\\u000awrong  (the fixture has no a, b)`,
  );
});

/** What is planned of X-CLIP, with some numbers of its own. */
function planned(own: Partial<Plan> = {}, overrides: readonly string[] = []): Plan {
  const config = parseConfig('data: {train: a, labels: b}\nmodel: {preset: tiny}\n', 'c.yaml', overrides);
  const MIB = 2 ** 20;
  return { config, model: PRESETS.tiny, preset: 'tiny', guess: undefined, trained: 1.25e6, frozen: 2.5e6, groups: [],
    memory: { parameters: MIB, gradients: 2 * MIB, moments: 3 * MIB, inputs: 4 * MIB, activations: 5 * MIB, engine: MIB,
      total: 16 * MIB }, classes: { count: 1200, source: 'of labels.csv' }, seen: [],
    clips: { count: 34_567, source: 'of a.txt' }, macs: { clip: 39e9, published: 39e9, training: 1.2e15 },
    stepsPerEpoch: 1080, steps: 4, schedule: { form: 'plain', baseLr: 1, minLr: 0, warmup: 2, total: 4 }, ...own };
}

test('the page of a plan has its numbers in words, and the rate as blocks', () => {
  const page = planPage('x.yaml', planned({}, ['train.batch=4', 'train.accumulation=64']));
  assert.is(page.replace(/ +$/gm, ''),
    `x.yaml: X-CLIP tiny, 8 frames of ${PRESETS.tiny.vision.imageSize} × ${PRESETS.tiny.vision.imageSize}, f32

  parameters      3.8 M: 1.3 M are trained, 2.5 M frozen
  memory          16.0 MiB on the GPU: parameters 1.0 MiB, gradients 2.0 MiB, moments 3.0 MiB, inputs 4.0
                  MiB, activations 5.0 MiB, engine 1.0 MiB
  arithmetic      39.0 GMAC for a clip and one text, forward
                  1.20 PMAC for the whole training
  clips           34,567 of a.txt
  classes         1,200 of labels.csv
  steps           1,080 an epoch, 4 in 30 epochs, each of 256 clips: 64 × 4
  learning rate   ▅██▅
                  5e-1 in the first step, 1e+0 in step 2, 5e-1 in the last
                  10 times as much for new parts, which no checkpoint need have, and as little in the end`);
  const other = planPage('x.yaml',
    planned({ guess: 'x is not there', preset: undefined, macs: { clip: 39e9, published: 40.5e9, training: 9.996e11 },
      seen: [{ file: 'seen.txt', line: 0, problem: 'has 2' }], steps: 1, stepsPerEpoch: 2,
      schedule: { form: 'plain', baseLr: 8e-6, minLr: 0, warmup: 0, total: 2 } }, ['train.steps=1']));
  const told = other.replace(/\s+/g, ' ');
  for (const part of ['X-CLIP of its own sizes', 'of the published model: x is not there',
    '; 40.5 GMAC as the paper counts, with answers of messages that nobody reads', '1000 GMAC for the whole training',
    'seen.txt: has 2', '2 an epoch, 1 in all, each of 8 clips: 1 × 8',
    'learning rate █ 8e-6 in the first step, 8e-6 in step 1, 8e-6 in the last']) assert.match(told, part);
  const blocks = (steps: number, warmup: number) =>
    /rate +(\S+)/.exec(
      planPage('x.yaml',
        planned({ steps, schedule: { form: 'plain', baseLr: 1, minLr: 0, warmup, total: steps + 1 } })),
    )?.[1] ?? '';
  assert.is(blocks(5, 5), '▂▄▅▇█');
  assert.is(blocks(120, 120), [7, 7, 8, 7, 8, 7, 8, 8].map((count, i) => '▁▂▃▄▅▆▇█'[i].repeat(count)).join(''));
  const lines = (letters: number) =>
    planPage('x.yaml', planned({ guess: 'x'.repeat(letters) })).split('\n').filter((line) => /model:|xxx/.test(line));
  assert.equal([lines(66).length, lines(67).length], [1, 2], 'ninety letters stand in a line');
});

test('the time of a training is told in the largest unit that it has two of', () => {
  const speed = { macsPerSecond: 1e12, clips: 1, frames: 8, tokens: 50, seconds: 0.0123 };
  const time = (seconds: number) =>
    /time +(\S+ \S+) at 1\.00 TMAC a second/.exec(
      timeLines({ name: 'gpu' }, planned({ macs: { clip: 1, published: 1, training: seconds * 1e12 } }), speed),
    )?.[1];
  assert.equal([1, 119, 120, 7199, 7200, 172_799, 172_800, 2 * 365.25 * 86_400 - 1, 2 * 365.25 * 86_400].map(time), [
    '1.00 seconds',
    '119 seconds',
    '2.00 minutes',
    '120 minutes',
    '2.00 hours',
    '48.0 hours',
    '2.00 days',
    '730 days',
    '2.00 years',
  ]);
  const measured = (own: Partial<typeof speed>) =>
    timeLines({ name: 'gpu' }, planned(), { ...speed, ...own }).replace(/\s+/g, ' ').split('measured: ')[1];
  assert.is(measured({}),
    'one block of the vision tower, 8 frames of 50 tokens, forward and gradient in f32, takes 0.0123 s on gpu');
  assert.match(measured({ clips: 4, frames: 1 }), 'tower, 4 clips of 1 frame of 50 tokens');
  const macs = (perSecond: number) =>
    / at (.*) a second/.exec(timeLines({ name: 'gpu' }, planned(), { ...speed, macsPerSecond: perSecond }))?.[1];
  assert.equal([5e5, 1e6, 9.99e8, 1e9, 1e12, 1e15, 1e18, 1e21, 1e24].map(macs), ['0.500 MMAC', '1.00 MMAC', '999 MMAC',
    '1.00 GMAC', '1.00 TMAC', '1.00 PMAC', '1.00 EMAC', '1.00 ZMAC', '1000 ZMAC']);
});

/** What doctor found on an invented machine. */
function diagnosis(own: Partial<Diagnosis> = {}): Diagnosis {
  return { canTrain: true, adapter: { kind: 'hardware', name: 'a card', driver: join(homedir(), 'driver.json') },
    tried: [], dawn: 'webgpu 1.2.3', features: { subgroups: true }, matrixUnits: { why: 'none here' },
    limits: Object.fromEntries(Object.keys(LIMIT_USES).map((name) => [name, 1024])),
    machine: { node: '20.1.0', system: 'a system', processor: 'a processor', cores: 2, memoryBytes: 2 ** 31,
      freeMemoryBytes: 2 ** 30 },
    parts: [{ name: 'video files', purpose: 'reading', present: true, detail: 'node-av 6', remedy: 'npm ci' }, {
      name: 'koffi',
      purpose: 'a library',
      present: false,
      detail: 'no koffi',
      remedy: 'npm ci',
    }], remedies: [], ...own };
}

test('doctor draws up what it found, what it lacks and what to do, a line each', () => {
  const told = (own: Partial<Diagnosis> = {}) => render(diagnosis(own)).split('\n');
  const [first, ...others] = Object.keys(FEATURE_USES);
  const uses = Object.values(LIMIT_USES);
  assert.equal(told(), ['', 'GPU', '  adapter               a card (hardware)',
    `  driver                ${join('~', 'driver.json')}`, '  Dawn                  webgpu 1.2.3',
    `  features              · ${first} (${FEATURE_USES[first]})`,
    ...others.map((name) =>
      `                        ${name === 'subgroups' ? '✓' : '·'} ${name} (${FEATURE_USES[name]})`
    ), '  matrix units          · none here',
    ...uses.map(({ use, unit }, i) =>
      `  ${(i === 0 ? 'limits' : '').padEnd(22)}${(unit === 'bytes' ? '1.0 KiB' : '1024').padEnd(10)}${use}`
    ), '', 'Machine', '  Node                  20.1.0', '  system                a system',
    '  processor             a processor, 2 cores', '  memory                2.0 GiB, 1.0 GiB free', '',
    'Optional parts', '  video files           ✓ node-av 6 (reading)', '  koffi                 · no koffi (a library)',
    '', '✓ A kernel ran here and was right: training can run.', '']);
  const lost = told({ canTrain: false, adapter: null, tried: ['GPU: none', 'lavapipe: gone'], failure: 'why',
    remedies: ['do this', 'or that'] });
  assert.equal(lost.slice(1, 6), ['GPU', '  adapter               none', '  not to be had         GPU: none',
    '                        lavapipe: gone', '']);
  assert.equal(lost.slice(-6),
    ['', 'To get more', '  - do this', '  - or that', '', '✗ Training cannot run: there is no adapter.', ''].slice(-6));
  assert.is(told({ canTrain: false, adapter: null, failure: 'no driver' })[3], '  because               no driver');
  assert.is(told({ canTrain: false, failure: 'a kernel is off' }).at(-2), '✗ Training cannot run: a kernel is off.');
  assert.match(told({ matrixUnits: { why: 'all', units: {} as never } }).join('\n'), '  matrix units          ✓ all');
});

test('inspect lists the tensors, and what does not fit the model that they look like', () => {
  const found: Inspection = { path: 'x.pth', formats: ['PyTorch', 'safetensors'], names: 'official', numbers: 1234567,
    tensors: [{ name: 'a', dtype: 'F32', shape: [2, 3] }, { name: 'b', dtype: 'F16', shape: [] }, { name: 'c',
      dtype: 'F32', shape: [7] }], aside: ['ids', 'mask'], beside: ['log'], title: 'X-CLIP B/32', warnings: ['odd'],
    difference: { missing: ['m', 'n'], unexpected: [], mismatched: ['o'] },
    start: { held: 5, drawn: { mit: 2, prompts: 1 }, missing: ['p'], isOfPictures: true } };
  assert.is(pageOf(found).replace(/ +$/gm, ''), `| tensor | type | shape |
|--------|------|-------|
| a      | F32  | [2,3] |
| b      | F16  | []    |
| c      | F32  | [7]   |

file        x.pth: PyTorch; safetensors
names       official
tensors     3 of 1,234,567 numbers: 2 F32, 1 F16
left aside  ids, mask
not read    1
            log
looks like  X-CLIP B/32
warning     odd
missing     2
            m
            n
unexpected  nothing
mismatched  1
            o
for X-CLIP  5 parameters are here, 2 of mit, 1 of prompts are drawn
            those of pictures: name it in model.vision, and in model.checkpoint a CLIP, which has the texts
it lacks    1
            p`);
  const unknown = pageOf({ ...found, aside: [], beside: [], title: undefined, warnings: undefined, problem: 'why',
    difference: undefined, start: undefined }).split('\n').slice(-2);
  assert.equal(unknown, ['left aside  nothing', 'looks like  no model that is known: why']);
  const whole = pageOf({ ...found, start: { held: 5, drawn: { mit: 2 }, missing: [], isOfPictures: false } });
  assert.match(whole, /for X-CLIP {2}5 parameters are here, 2 of mit are drawn$/);
});

/** Runs something where stdout is a terminal, or not, in an environment. */
function onTerminal<T>(isTTY: boolean, environment: Readonly<Record<string, string>>, work: () => T): T {
  const [own, before] = [Object.getOwnPropertyDescriptor(process.stdout, 'isTTY'), process.env];
  Object.defineProperty(process.stdout, 'isTTY', { value: isTTY, configurable: true });
  process.env = environment;
  try {
    return work();
  } finally {
    process.env = before;
    Reflect.deleteProperty(process.stdout, 'isTTY');
    if (own !== undefined) Object.defineProperty(process.stdout, 'isTTY', own);
  }
}

test('doctor paints where a person looks at a terminal that shows colours', () => {
  const paint = (isTTY: boolean, environment: Readonly<Record<string, string>>, own: Partial<Diagnosis> = {}) =>
    onTerminal(isTTY, environment, () => render(diagnosis(own)));
  const painted = paint(true, { TERM: 'xterm', NO_COLOR: '' });
  for (const part of ['\u001b[1mGPU\u001b[0m', '\u001b[32m✓\u001b[0m', '\u001b[33m·\u001b[0m',
    '\u001b[2m(reading)\u001b[0m', '\u001b[32m✓ A kernel ran']) assert.match(painted, part);
  assert.match(paint(true, {}, { canTrain: false, adapter: null }), 'adapter               \u001b[31mnone\u001b[0m');
  for (const plain of [paint(false, {}), paint(true, { NO_COLOR: '1' }), paint(true, { TERM: 'dumb' })]) {
    assert.not.match(plain, '\u001b');
  }
});

test.run();
