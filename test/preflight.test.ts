/** All that a run needs is looked at before its first step, and all that is wrong is told at once. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, statfsSync,
  writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { DatasetError, open } from '../engine/index.ts';
import { parseConfig } from '../train/run/config.ts';
import { fileOf, requireOneStep } from '../train/run/lists.ts';
import { lackOfSpace } from '../train/run/run_folder.ts';
import { preflight, type PreflightOptions, requireNothingWrong } from '../train/run/preflight.ts';

const gpu = await open();
const root = realpathSync(mkdtempSync(join(tmpdir(), 'firstlight-preflight-')));
const at = (name: string) => join(root, name);
const out = at('runs/new');
for (const name of ['a.mp4', 'b.mp4', 'c.mp4', 'd.mp4']) writeFileSync(at(name), '');
writeFileSync(at('labels.csv'), 'id,name\n0,surfing\n1,diving\n');
writeFileSync(at('train.txt'), 'a.mp4 0\nb.mp4 1\nc.mp4 0\n');
writeFileSync(at('val.txt'), 'd.mp4 0\n');

const configOf = (overrides: readonly string[] = []) =>
  parseConfig(`model: {preset: tiny}
data: {train: train.txt, val: val.txt, labels: labels.csv, size: 32}
train: {batch: 1, steps: 10, warmupSteps: 2}
`, at('run.yaml'), overrides);

const look = (overrides: readonly string[] = [], options: Partial<PreflightOptions> = {}) =>
  preflight(configOf(overrides), { out, ...options });

/** The messages of what stands in the way, with their remedies. */
async function wrong(...args: Parameters<typeof look>): Promise<string[]> {
  return (await look(...args)).errors.map(({ message, hint = '' }) => `${message} | ${hint}`);
}

test('a run that lacks nothing has nothing in its way, and nothing is made', async () => {
  const { errors, warnings, lists } = await look([], { gpu });
  assert.equal([errors, warnings], [[], []]);
  assert.equal(lists.map(({ part, entries }) => [part, entries.length]), [['train', 3], ['val', 1]]);
  assert.not(existsSync(at('runs')));
  requireNothingWrong({ errors });
});

test('everything that is wrong is told at once, each with what to do', async () => {
  writeFileSync(at('broken.csv'), 'id,name\n0,surfing\n1,Surfing\n');
  writeFileSync(at('broken.txt'), 'a.mp4 0\nnone.mp4 1\nb.mp4 x\n');
  writeFileSync(at('file'), '');
  const found = await look([`data.labels=${at('broken.csv')}`, `data.train=${at('broken.txt')}`,
    `data.val=${at('none.txt')}`, 'data.size=64', 'optim.newPartsLrScale=0.001', 'train.batch=9'], {
    out: at('file/run'),
  });
  const error = assert.throwsWith(() => requireNothingWrong(found), /./);
  const lines = error.message.split('\n');
  assert.is(lines[0], '7 things stand in the way of this run');
  for (const part of [/broken\.csv:3: the name "Surfing" is the same text/, /broken\.txt:2: "none\.mp4" does not exist/,
    /broken\.txt:3: the label "x" is not a whole number/, /none\.txt: no such file/,
    /broken\.txt: has 1 clips, one optimiser step takes 9/, /newPartsLrScale: 0\.001 × lr is below the rate at the end/,
    /lower optim\.minLrRatio/, /data\.size: is 64, the model takes pictures of 32/, /set data\.size to 32/,
    /file: is a file, a run needs a folder here/, /--out FOLDER/]) assert.match(error.message, part);
});

test('one thing that is wrong is the error itself, with its own code', async () => {
  const { errors } = await look(['data.size=64']);
  assert.throwsWith(() => requireNothingWrong({ errors }), 'data.size: is 64, the model takes pictures of 32', {
    code: 'FL_CONFIG',
    hint: /^set data\.size to 32, or interpolate/,
  });
});

test('data.val is looked at before training, as are its labels', async () => {
  writeFileSync(at('far.txt'), 'd.mp4 7\n');
  assert.equal(await wrong([`data.val=${at('far.txt')}`]), [
    `${at('far.txt')}:1: label 7 is none of the 2 classes, 0 to 1 | `,
  ]);
});

test('a warm-up as long as the run is refused in every unit', async () => {
  for (const [overrides, message] of [
    [['train.steps=null', 'train.warmupSteps=3', 'train.epochs=1'],
      /train\.warmupSteps=3: the warm-up takes 3 of the run's 3/],
    [['train.warmupSteps=null', 'train.warmupEpochs=4'], /train\.warmupEpochs=4: the warm-up takes 12 of the run's 10/],
    [['train.warmupSteps=null', 'train.warmupEpochs=4', 'optim.schedule=plain'],
      /the warm-up takes 12 of the run's 10 optimiser steps/],
  ] as const) {
    const [problem, ...others] = await wrong(overrides);
    assert.match(problem, message);
    assert.equal(others, []);
  }
});

test('what is odd is told, and does not stop the run: clips on both sides, classes without any', async () => {
  writeFileSync(at('labels3.csv'), 'id,name\n0,surfing\n1,diving\n2,rowing\n');
  writeFileSync(at('both.txt'), 'd.mp4 0\n./b.mp4 1\n');
  const { errors, warnings } = await look([`data.labels=${at('labels3.csv')}`, `data.val=${at('both.txt')}`]);
  assert.equal(errors, []);
  assert.equal(warnings.map(({ file, line, problem }) => `${file}:${line}: ${problem}`), [
    `${at('both.txt')}:2: "./b.mp4" stands in line 2 of ${at('train.txt')} too: it is trained on and measured on`,
    `${at('train.txt')}:0: 1 of 3 classes have no clip: 2 (rowing)`,
  ]);
  writeFileSync(at('both.txt'), 'a.mp4 0\nb.mp4 1\n');
  const { warnings: [first, ...others] } = await look([`data.val=${at('both.txt')}`]);
  assert.match(first.problem, /^"a\.mp4" stands in line \d of .*: it is trained on and measured on, as 1 more$/);
  assert.equal(others, []);
});

test('of classes without clips five are named; one clip is enough to look, and names that were seen are told', async () => {
  const warned = async (classes: number, list: string, overrides: readonly string[] = []) => {
    writeFileSync(at('some.csv'), `id,name\n${Array.from({ length: classes }, (_, k) => `${k},class${k}\n`).join('')}`);
    writeFileSync(at('some.txt'), list);
    return (await look([`data.labels=${at('some.csv')}`, `data.train=${at('some.txt')}`, ...overrides])).warnings.map((
      { problem },
    ) => problem);
  };
  assert.equal(await warned(2, 'a.mp4 0\n'), ['1 of 2 classes have no clip: 1 (class1)']);
  assert.equal(await warned(6, 'a.mp4 0\n'), [
    '5 of 6 classes have no clip: 1 (class1), 2 (class2), 3 (class3), 4 (class4), 5 (class5)',
  ]);
  assert.equal(await warned(7, 'a.mp4 0\n'), [
    '6 of 7 classes have no clip: 1 (class1), 2 (class2), 3 (class3), 4 (class4), 5 (class5), …',
  ]);
  writeFileSync(at('seen.txt'), 'class1\nother\n');
  const [seen, ...others] = await warned(2, 'a.mp4 0\nb.mp4 1\n', [`data.seen=${at('seen.txt')}`]);
  assert.match(String(seen), /^has 1 of the 2 classes, .*: "class1"$/);
  assert.equal(others, []);
});

test('what is wrong is told once, and what only follows from it is not', async () => {
  const none = [`data.train=${at('none.txt')}`, `data.val=${at('none.txt')}`];
  const [absent, ...others] = await wrong(none);
  assert.match(absent, /none\.txt: no such file/);
  assert.equal(others, []);
  writeFileSync(at('useless.txt'), 'none.mp4 0\n');
  const [useless, ...more] = await wrong([`data.train=${at('useless.txt')}`]);
  assert.match(useless, /"none\.mp4" does not exist/);
  assert.equal(more, [], 'not that no clip is left');
  assert.equal(await wrong(['optim.newPartsLrScale=0.01']), [], 'a rate that is as the last one');
});

test('steps are whole: clips that are drawn, in batches that are full', async () => {
  for (const [clips, batch, accumulation, steps] of [[8, 2, 2, 2], [7, 2, 2, 1], [4, 2, 2, 1], [9, 4, 1, 2]] as const) {
    const config = configOf([`train.batch=${batch}`, `train.accumulation=${accumulation}`]);
    assert.is(requireOneStep(config, clips), steps, `${clips} clips in ${accumulation} × ${batch}`);
  }
  assert.throwsWith(() => requireOneStep(configOf(['train.batch=2', 'train.accumulation=2']), 3), DatasetError,
    /train\.txt: has 3 clips, one optimiser step takes 4 \(train\.batch × train\.accumulation\)$/);
  assert.throwsWith(() => fileOf(configOf(['data.val=null']), 'val'), 'data.val is null');
  assert.equal(await wrong(['data.shots=1', 'train.batch=2']), []);
  const [few, ...others] = await wrong(['data.shots=1', 'train.batch=3']);
  assert.match(few, /has 2 clips, one optimiser step takes 3/);
  assert.equal(others, []);
  const [warm] = await wrong(['train.steps=null', 'train.epochs=1', 'train.warmupSteps=1', 'train.batch=2']);
  assert.match(warm, /the warm-up takes 1 of the run's 1 /);
});

test('a published split that holds clips twice is wrong, and says so of each', async () => {
  mkdirSync(at('ucf/Dive'), { recursive: true });
  for (const name of ['Dive/a.avi', 'Dive/b.avi']) writeFileSync(at(`ucf/${name}`), '');
  writeFileSync(at('ucf/classInd.txt'), '1 Dive\n');
  writeFileSync(at('ucf/trainlist01.txt'), 'Dive/a.avi 1\nDive/b.avi 1\n');
  writeFileSync(at('ucf/testlist01.txt'), 'Dive/a.avi\nDive/b.avi\n');
  const told = await wrong(['data.format=ucf101', 'data.labels=null', `data.train=${at('ucf/trainlist01.txt')}`,
    `data.val=${at('ucf/testlist01.txt')}`]);
  assert.is(
    told.join('\n').match(/stands in line \d of .*trainlist01\.txt too: it is trained on and measured/g)?.length,
    2,
  );
});

test('room is asked for where the run will lie: checkpoints that are kept, one more, the best, and the model', () => {
  const memory = { parameters: 10, moments: 20 };
  const asked: string[] = [];
  const lack = (free: number | undefined, hasValidation: boolean, path = at('runs/new/deep')) =>
    lackOfSpace(path, memory, hasValidation, (folder) => {
      asked.push(folder);
      return free;
    })?.context;
  assert.equal([lack(130, true), lack(129, true), lack(100, false), lack(99, false), lack(undefined, true)], [undefined,
    { need: 130, have: 129 }, undefined, { need: 100, have: 99 }, undefined]);
  assert.equal([...new Set(asked)], [root]);
  for (const [name, bytes] of [['checkpoints/step-1/model', 7], ['tensorboard/events', 3], ['log.jsonl',
    50]] as const) {
    mkdirSync(join(at('kept'), name, '..'), { recursive: true });
    writeFileSync(join(at('kept'), name), new Uint8Array(bytes));
  }
  assert.equal(lack(119, true, at('kept')), { need: 130, have: 129 });
  assert.is(asked.at(-1), at('kept'));
  const have = Number(lackOfSpace(root, { parameters: 2 ** 62, moments: 0 }, false)?.context.have);
  const { bavail, bsize } = statfsSync(root);
  assert.ok(have > 0.5 * bavail * bsize && have < 2 * bavail * bsize, 'the disk itself is asked');
});

test('a name that the tokenizer cannot take whole is told with all others', async () => {
  writeFileSync(at('long.csv'), `id,name\n0,surfing\n1,${'very '.repeat(100)}long\n2,${'quite '.repeat(100)}long\n`);
  const [problem, ...others] = await wrong([`data.labels=${at('long.csv')}`]);
  assert.equal(others, []);
  assert.is(problem.match(/makes 103 tokens, the context holds/g)?.length, 2, problem);
});

test('what lies in the way of what a run leaves is named', async () => {
  mkdirSync(join(out, 'report.html'), { recursive: true });
  writeFileSync(join(out, 'checkpoints'), '');
  assert.equal(await wrong(), [
    `${join(out, 'report.html')}: is a folder, a run writes a file here | name another folder: --out FOLDER`,
    `${join(out, 'checkpoints')}: is a file, a run needs a folder here | name another folder: --out FOLDER`,
  ]);
  rmSync(at('runs'), { recursive: true });
});

test('a folder for decoded clips that cannot be one is told', async () => {
  writeFileSync(at('clips.txt'), '');
  assert.equal(await wrong([`data.cache=${at('clips.txt')}`]), [
    `${at('clips.txt')}: is a file, a run needs a folder here | name another folder in data.cache`,
  ]);
  assert.equal(await wrong([`data.cache=${at('made later')}`]), []);
  assert.not.ok(existsSync(at('made later')), 'looking changes nothing');
});

test('checkpoints that do not find room are told before they are written', async () => {
  const [problem, ...others] = await wrong([], { gpu, freeBytes: () => 2 ** 20 });
  assert.equal(others, []);
  const match =
    /the run writes up to .*\(([\d,]+) B\) \(4 checkpoints of .*\(([\d,]+) B\), and the model\), the disk has 1\.0 MiB \(1,048,576 B\) for it \|/
      .exec(problem);
  const [need, checkpoint] = (match ?? []).slice(1).map((text) => Number(text.replaceAll(',', '')));
  assert.ok(need > 4 * checkpoint && need < 5 * checkpoint, problem);
  // what an earlier run has left there makes room
  mkdirSync(join(out, 'checkpoints'), { recursive: true });
  assert.equal(await wrong([], { gpu, freeBytes: () => need }), []);
  assert.is((await wrong([], { gpu, freeBytes: () => need - 1000 })).length, 1);
  writeFileSync(join(out, 'checkpoints', 'old'), new Uint8Array(1000));
  assert.equal(await wrong([], { gpu, freeBytes: () => need - 1000 }), []);
  assert.equal(readdirSync(out), ['checkpoints']);
  rmSync(at('runs'), { recursive: true });
});

test('a run that can be trained, but not measured, is told so', async () => {
  const { checkMemory } = await import('../train/run/memory.ts');
  const { PRESETS } = await import('../model/systems/config.ts');
  const { total } = checkMemory(gpu, configOf(), PRESETS.tiny, { classes: 2, templates: 1, length: 5 });
  await using tight = await open({ budget: total });
  assert.match((await wrong([], { gpu: tight })).join(), /^measuring one clip of data\.val needs/);
  assert.equal(await wrong(['data.val=null'], { gpu: tight }), []);
  await using small = await open({ budget: Math.floor(total / 2) });
  assert.match((await wrong([], { gpu: small })).join(), /^this run needs .* on the GPU, the budget is/);
  // one of two ranks keeps no gradient that waits for the other micro-batch
  const half = ['train.batch=1', 'train.accumulation=2', 'data.val=null'];
  const share = { first: 0, count: 1 };
  const own = checkMemory(gpu, configOf(half), PRESETS.tiny, { classes: 2, templates: 1, length: 5 }, share);
  await using shared = await open({ budget: own.total });
  assert.equal(await wrong(half, { gpu: shared, share }), []);
  assert.match((await wrong(half, { gpu: shared })).join(), /^this run needs/);
});

test.after(() => {
  rmSync(root, { recursive: true });
  gpu.close();
});
test.run();
