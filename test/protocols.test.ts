/** The paper's protocols: what is measured, what comes out, and where it is left. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseHTML } from 'linkedom';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { open } from '../engine/index.ts';
import { saveCheckpoint } from '../model/checkpoint/folder.node.ts';
import { PRESETS } from '../model/systems/config.ts';
import { initialise } from '../model/parts/init.ts';
import { Xclip } from '../model/systems/xclip.ts';
import { writeVideo } from '../train/data/video/encode.ts';
import { evaluationFile, type EvaluationResult, readEvaluation } from '../train/protocols/result.ts';
import { meanOf, sampleDeviation } from '../train/protocols/spread.ts';
import { parseConfig } from '../train/run/config.ts';
import { type Asked, measurementsOf } from '../train/run/measurements.ts';
import { runFolderOf } from '../train/run/model_folder.ts';
import { trainingPreprocessor } from '../train/run/system.ts';
import { commandLine } from './command_line.ts';
import { clip } from './video_sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-protocols-'));
const at = (...names: string[]) => join(folder, ...names);
const CLASSES = 230;
const CLIPS = 6;
const names = Array.from({ length: CLASSES }, (_, i) => `class number ${i}`);
/** Classes of what is measured, and not only planned. */
const FEW = 7;

for (let i = 0; i < CLIPS; i++) writeVideo(at(`${i}.mp4`), clip(4 + i, 64, 48));
writeFileSync(at('broken.mp4'), 'not a video');
/** Clip i is of class `step` · i. */
function writeSet(set: string, count: number, step: number): void {
  mkdirSync(at(set));
  const line = (i: number) => `${i}.mp4 ${step * i}`;
  writeFileSync(at(set, 'labels.csv'),
    `id,name\n${names.slice(0, count).map((name, id) => `${id},${name}`).join('\n')}\n`);
  writeFileSync(at(set, 'all.txt'), Array.from({ length: CLIPS }, (_, i) => line(i)).join('\n'));
  // three splits, each with a clip that cannot be decoded
  for (const split of [1, 2, 3]) {
    const clips = Array.from({ length: split + 1 }, (_, i) => line(split - 1 + i));
    writeFileSync(at(set, `split${split}.txt`), `${[...clips, 'broken.mp4 0'].join('\r\n')}\r\n`);
  }
}
writeSet('many', CLASSES, 40);
writeSet('few', FEW, 1);

const yamlOf = (val: string | null, more = '') =>
  `model: {preset: tiny}
data: {train: all.txt, val: ${
    val === null ? 'null' : `'${val}'`
  }, labels: labels.csv, root: .., size: 32, workers: 0${more}}
run: {seed: 3}`;
writeFileSync(at('few', 'own.yaml'), yamlOf(null));

/** A run folder, as a training leaves it. */
async function runFolder(name: string, seed: number): Promise<string> {
  await using gpu = await open();
  using model = new Xclip(gpu, PRESETS.tiny);
  initialise(model, seed);
  const run = at(name);
  mkdirSync(run);
  await saveCheckpoint(join(run, 'checkpoint'), { config: PRESETS.tiny, parameters: [...model.parameters()],
    preprocessor: trainingPreprocessor(32, true) });
  writeFileSync(join(run, 'config.yaml'), `data: {shots: ${seed}, shotSeed: 7}\n`);
  writeFileSync(join(run, 'result.json'), '{"title": "of the training"}');
  return run;
}

const runs = [await runFolder('first', 2), await runFolder('second', 4)];
const [run] = runs;

/** The command on a list of few classes: what it says and leaves. */
async function measured(val: string, words: readonly string[], checkpoints: readonly string[] = [run]): Promise<{
  result: EvaluationResult;
  said: string;
}> {
  const json = at('numbers.json');
  const { code, stdout, stderr } = await commandLine(['evaluate', at('few', 'own.yaml'), '--set',
    `data.val=${at('few', val)}`, '--json', json, ...checkpoints.flatMap((each) => ['--checkpoint', each]), ...words]);
  assert.is(code, 0, stderr);
  return { result: readEvaluation(json), said: stdout };
}

const planned = (val: string | null, asked: Partial<Asked> = {}, more?: string) =>
  measurementsOf(parseConfig(yamlOf(val, more), at('many', 'own.yaml')), { protocol: 'zero-shot', checkpoints: [run],
    classes: [], draws: 3, ...asked });

test('zero-shot goes through the splits of a list that has some, and takes a list without as it is', () => {
  const { measurements } = planned('split{split}.txt');
  assert.equal(
    measurements.map((
      { name, split, names: own, list: { file, entries } },
    ) => [name, split, own.length, file, entries.length]),
    [1, 2, 3].map((split) => [`split ${split}`, split, CLASSES, at('many', `split${split}.txt`), split
      + 2]
    ),
  );
  assert.equal(planned('all.txt').measurements.map(({ name, split, draw }) => [name, split, draw]), [['all.txt', null,
    null]]);
});

test('160 of 220 classes are drawn three times by the seed; clips of others are left out and counted', () => {
  const file = at('new.txt');
  writeFileSync(file, names.slice(5, 225).join('\n'));
  const { measurements } = planned('all.txt', { classes: [file] });
  assert.equal(measurements.map(({ name, draw, names: own }) => [name, draw, own.length]), [1, 2, 3].map((draw) => [
    `draw ${draw}`,
    draw,
    160,
  ]));
  assert.is(new Set(measurements.map(({ names: own }) => own.join())).size, 3);
  for (const { names: own, list: { entries }, leftOut, classesFile } of measurements) {
    assert.equal([entries.length + leftOut, classesFile], [CLIPS, file]);
    assert.ok(leftOut >= 1, 'class 0 is not among the 220');
    for (const { path, label } of entries) assert.is(own[label], names[40 * Number(path.at(-5))]);
  }
  assert.equal(planned('all.txt', { classes: [file] }).measurements, measurements);
  assert.is(planned('all.txt', { classes: [file], draws: 5 }).measurements.length, 5);
});

test('several files of classes, or a short one, are taken as they are', () => {
  const files = [[0, 40, 1], [80, 200, 3]].map((labels, i) => {
    writeFileSync(at(`choice${i}.txt`), labels.map((label) => names[label]).join('\n'));
    return at(`choice${i}.txt`);
  });
  const { measurements } = planned('all.txt', { classes: files });
  assert.equal(measurements.map(({ name, draw, names: own, list, leftOut }) => [name, draw, own.length, list.entries
    .length, leftOut]
  ), [['choice0.txt', 1, 3, 2, 4], ['choice1.txt', 2, 3, 2, 4]]);
  assert.equal(planned('all.txt', { classes: files.slice(0, 1) }).measurements.map(({ draw }) => draw), [null]);
});

test('classes that a model was trained on before are told, and left out with their clips where that is asked for', () => {
  const lists = { 'seen.txt': 'Class_Number 40\nCLASS NUMBER 120\nclass number 3\nsomething else\n',
    'table.csv': 'label,youtube_id,time_start,time_end,split\nclass number 40,a,0,10,train\n'
      + 'class number 120,b,0,10,train\nclass number 3,c,0,10,train\n' };
  for (const [file, text] of Object.entries(lists)) {
    writeFileSync(at('many', file), text);
    const told = planned('all.txt', {}, `, seen: ${file}`);
    assert.equal([told.measurements[0].names.length, told.measurements[0].leftOut], [CLASSES, 0]);
    assert.equal(told.warnings, [{ file: at('many', file), line: 0,
      problem: `has 3 of the ${CLASSES} classes, which are not new to a model that was trained on it; `
        + 'data.unseenOnly=true leaves them out: "class number 3", "class number 40", "class number 120"' }]);

    const { measurements: [own], warnings } = planned('all.txt', {}, `, seen: ${file}, unseenOnly: true`);
    assert.equal([own.names.length, own.list.entries.length, own.leftOut], [CLASSES - 3, CLIPS - 2, 2]);
    for (const { path, label } of own.list.entries) assert.is(own.names[label], names[40 * Number(path.at(-5))]);
    assert.match(warnings[0].problem, /has 3 of the 230 classes, which are left out: /);
  }
  writeFileSync(at('new.txt'), names.slice(1, 221).join('\n'));
  const [drawn] = planned('all.txt', { classes: [at('new.txt')] }, ', seen: table.csv').measurements;
  assert.is(drawn.names.length, 160);
  writeFileSync(at('many', 'all.names.txt'), names.join('\n'));
  assert.throwsWith(() => planned('all.txt', {}, ', seen: all.names.txt, unseenOnly: true'),
    /has 230 of the 230 classes of .*: without them too few are left/, { code: 'FL_DATASET' });
  assert.throwsWith(() => planned('all.txt', {}, ', seen: nowhere.txt'), /nowhere\.txt/, { code: 'FL_DATASET' });
});

test('what is wrong with all splits and files of classes is told at once, each thing once', () => {
  for (const split of [1, 2, 3]) writeFileSync(at('many', `bad${split}.txt`), `0.mp4 0\nabsent${split}.mp4 1\n`);
  assert.throwsWith(() => planned('bad{split}.txt'), /absent1[^]*absent2[^]*absent3/, { code: 'FL_DATASET' });
  writeFileSync(at('strange.txt'), 'class number 7\nno such class\n');
  writeFileSync(at('empty_handed.txt'), 'class number 7\nclass number 9\n');
  assert.throwsWith(() => planned('all.txt', { classes: [at('strange.txt'), at('empty_handed.txt')] }),
    /no such class[^]*no clip of .*all\.txt is of one of these classes/);
  assert.throwsWith(() => planned(null), /data\.val: is missing/, { code: 'FL_CONFIG' });
  assert.throwsWith(() => planned('split{split}.txt', { protocol: 'few-shot' }, ', split: 2'), /data\.split: is 2/);
});

test('several checkpoints are called by their folders, or whole where these are alike', () => {
  const called = (...checkpoints: string[]) =>
    planned('all.txt', { protocol: 'few-shot', checkpoints }).measurements.map(({ name }) => name);
  assert.equal(called(run), ['all.txt']);
  assert.equal(called('runs/a', 'runs/b/'), ['a', 'b']);
  assert.equal(called('runs/a/best', 'runs/b/best', 'runs/c'), ['runs/a/best', 'runs/b/best', 'c']);
});

test('the deviation is that of a sample, and one value has none', () => {
  assert.is(meanOf([1, 2, 6]), 3);
  assert.is(sampleDeviation([1, 2, 6]), Math.sqrt((4 + 1 + 9) / 2));
  assert.is(sampleDeviation([1]), undefined);
});

test('multi-view leaves numbers and a report in the run folder, and not over those of the training', async () => {
  const { result, said } = await measured('split2.txt', ['--protocol', 'multi-view']);
  assert.equal(result.views, { count: 12, clips: 4, crops: 3, sampling: 'random', stride: null });
  assert.equal([result.frames, result.size, result.architecture, result.deviation], [8, 32, 'tiny', null]);
  const [part] = result.parts;
  assert.equal([part.clips, part.unreadable, part.leftOut, part.data.split], [4, 1, 0, null]);
  assert.equal(part.weights, { checkpoint: join(run, 'checkpoint'), run, config: { data: { shots: 2, shotSeed: 7 } } });
  assert.is(part.classes.length, FEW);
  const right = part.predictions.filter(({ label, predictions }) => predictions.at(0)?.label === label).length;
  assert.is(part.top1, right / 4);
  assert.is(part.confusion.reduce((sum, [, , clips]) => sum + clips, 0), 3, 'nothing is guessed of a broken clip');
  assert.equal(part.predictions.map(({ predictions, unreadable }) => [predictions.length, unreadable !== undefined]), [[
    5,
    false,
  ], [5, false], [5, false], [0, true]]);
  assert.match(said, /top-1 .* on 4 clips of 7 classes/);

  const file = join(run, evaluationFile('multi-view', 'own'));
  assert.is(file, join(run, 'evaluation.multi-view.own.json'));
  assert.equal(readEvaluation(file), result);
  assert.match(said, file);
  const { document } = parseHTML(readFileSync(file.replace('.json', '.html'), 'utf8'));
  assert.match(document.querySelector('.lead')?.textContent ?? '', '12 views, 3 crops of 4 clips (drawn by the seed)');
  assert.is(document.querySelectorAll('.by-class tbody tr').length, FEW);
  assert.is(document.querySelectorAll('.headline').length, 3);
  assert.is(document.querySelectorAll('.parts').length, 0);
  assert.match(readFileSync(join(run, 'result.json'), 'utf8'), 'of the training');
  assert.is(evaluationFile('single', 'config'), 'evaluation.single.json');
});

test('spread clips give other numbers than drawn ones, and are told', async () => {
  const { result } = await measured('split2.txt', ['--protocol', 'multi-view', '--clips', 'even'], [
    join(run, 'checkpoint'),
  ]);
  assert.is(result.views.sampling, 'even');
  const drawn = readEvaluation(join(run, evaluationFile('multi-view', 'own')));
  assert.is(drawn.views.sampling, 'random', 'a checkpoint that is not named as a run leaves nothing in it');
  const { result: ten } = await measured('split2.txt', ['--protocol', 'multi-view', '--clips', 'even', '--views',
    '1x10'], [join(run, 'checkpoint')]);
  assert.equal(ten.views, { count: 10, clips: 1, crops: 10, sampling: 'even', stride: null });
  const first = ({ parts: [{ predictions }] }: EvaluationResult) => predictions[0].predictions[0].probability;
  assert.not.equal(first(result), first(drawn));
});

test('few-shot over the runs of two draws: mean and deviation, both runs named, in a folder of one choice', async () => {
  const out = at('reports', 'few-shot');
  const { result, said } = await measured('all.txt', ['--protocol', 'few-shot', '--out', out], runs);
  assert.equal(result.parts.map(({ name, weights }) => [name, weights.run, weights.config]), [['first', runs[0], {
    data: { shots: 2, shotSeed: 7 },
  }], ['second', runs[1], { data: { shots: 4, shotSeed: 7 } }]]);
  for (const key of ['top1', 'top5', 'meanPerClass'] as const) {
    const values = result.parts.map((part) => part[key]);
    assert.is(result[key], (values[0] + values[1]) / 2);
    const wanted = Math.abs(values[0] - values[1]) / Math.sqrt(2);
    assert.ok(Math.abs((result.deviation?.[key] as number) - wanted) < 1e-15, key);
  }
  assert.match(said, /first: top-1 .*\nsecond: top-1 .*\nmean of 2: top-1 [\d.]+ ± [\d.]+ %/);
  assert.ok(existsSync(join(out, 'evaluation.few-shot.own.html')));
  assert.not.ok(existsSync(join(run, 'evaluation.few-shot.own.json')), 'only where it was asked for');
});

test('zero-shot over three splits: the report shows each of them, and classes of all together', async () => {
  await measured('split{split}.txt', ['--protocol', 'zero-shot']);
  const file = join(run, 'evaluation.zero-shot.own');
  const result = readEvaluation(`${file}.json`);
  assert.equal(result.parts.map(({ clips, unreadable, data }) => [clips, unreadable, data.split]), [[3, 1, 1], [4, 1,
    2], [5, 1, 3]]);
  const { document } = parseHTML(readFileSync(`${file}.html`, 'utf8'));
  assert.is(document.querySelectorAll('.parts tbody tr').length, 3);
  assert.match(document.querySelector('.headline .number')?.textContent ?? '', '±');
  const clips = [...document.querySelectorAll('.by-class tbody tr')].map((row) =>
    Number(row.getAttribute('data-clips'))
  );
  assert.is(clips.reduce((sum, count) => sum + count, 0), 3 + 4 + 5);
  assert.match(document.querySelector('main')?.textContent ?? '', /broken\.mp4/);
});

test('a checkpoint in a run folder belongs to the run, any other to none', () => {
  assert.equal(
    [run, join(run, 'checkpoint'), join(run, 'checkpoints', 'step-00000004'), join(run, 'best'), folder,
      join(run, 'other')].map(runFolderOf),
    [run, run, run, run, undefined, undefined],
  );
});

test('a file that is no result of an evaluation is refused with its reason', () => {
  const file = at('evaluation.other.json');
  for (const [text, message] of [['{', /is not JSON$/], ['{"title": "training"}', /is not the result of .*: kind: /]]) {
    writeFileSync(file, text as string);
    assert.throwsWith(() => readEvaluation(file), message, { code: 'FL_RESULT' });
  }
});

test.after(() => rmSync(folder, { recursive: true, force: true }));
test.run();
