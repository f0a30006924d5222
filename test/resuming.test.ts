/** What a run may be begun with, and gone on with; nothing here needs a GPU. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix, win32 } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { ConfigError, DatasetError, FirstlightError } from '../engine/errors.ts';
import { FileError } from '../engine/file_error.ts';
import { CheckpointStore } from '../train/checkpoint/store.ts';
import { UsageError } from '../train/cli/flags.ts';
import { writable } from '../train/cli/file_names.ts';
import { changesBetween, type Described, isFree, refuseChanges } from '../train/run/changes.ts';
import { formatConfig, loadConfig, parseConfig } from '../train/run/config.ts';
import { configKeys, type TrainConfig } from '../train/run/config_keys.ts';
import { withModelFolder } from '../train/run/model_folder.ts';
import { readRunData } from '../train/run/run_data.ts';
import { portable } from '../train/data/sets/portable.ts';
import { beginningOf, refuseMissing } from '../train/run/resuming.ts';
import { Saving } from '../train/run/saving.ts';
import { type SignalSource, StopRequest } from '../train/run/stop.ts';
import { snapshotAt } from './checkpoint_sample.ts';

const root = mkdtempSync(join(tmpdir(), 'firstlight-resuming-'));
test.after(() => rmSync(root, { recursive: true, force: true }));

/** A project of lists, names and clips; nobody looks into the clips. */
function project(name: string): { folder: string; config: TrainConfig } {
  const folder = join(root, name);
  mkdirSync(join(folder, 'clips'), { recursive: true });
  for (const clip of ['a', 'b', 'c']) writeFileSync(join(folder, 'clips', `${clip}.mp4`), clip.repeat(10));
  writeFileSync(join(folder, 'train.txt'), 'clips/a.mp4 0\nclips/b.mp4 1\n');
  writeFileSync(join(folder, 'val.txt'), 'clips/c.mp4 1\n');
  writeFileSync(join(folder, 'labels.csv'), 'id,name\n0,up\n1,down\n');
  writeFileSync(join(folder, 'run.yaml'),
    'model: {preset: tiny}\ndata: {train: train.txt, val: val.txt, labels: labels.csv, size: 32, firstLabel: 0}\n');
  return { folder, config: loadConfig(join(folder, 'run.yaml')) };
}

const described = (config: TrainConfig, out = root): Described => ({ config: formatConfig(config, out),
  data: readRunData(config).identity });
const changed = (before: Described, now: Described) => changesBetween(before, now).map(({ key }) => key);

test('what is free: places of data, the start of a run, its length, and what changes no bit of a step', () => {
  const free = configKeys.map(({ key }) => key).filter(isFree);
  for (const key of ['data.train', 'data.root', 'model.checkpoint', 'train.epochs', 'train.steps', 'run.memoryGiB',
    'run.checkpointEverySteps', 'run.logEverySteps']) assert.ok(free.includes(key), key);
  for (const key of ['run.seed', 'optim.lr', 'train.batch', 'train.accumulation', 'train.precision', 'data.flip',
    'data.jitter', 'data.gray', 'train.mixup', 'train.cutmix', 'train.mixSwitch', 'data.templates', 'data.frames',
    'model.dropPath', 'model.preset']) assert.not(free.includes(key), key);
});

test('what a run depends on is its content: another place, line ends and a byte order mark change nothing', () => {
  const { folder, config } = project('here');
  const before = described(config);
  writeFileSync(join(folder, 'train.txt'), '\ufeffclips/a.mp4 0\r\nclips/b.mp4 1\r\n');
  const there = join(root, 'there');
  renameSync(folder, there);
  const moved = loadConfig(join(there, 'run.yaml'));
  assert.is.not(moved.data.train, config.data.train);
  assert.equal(changed(before, described(moved)), []);
});

test('another order, label, name or size of a clip is another run, told with what was and what is', () => {
  const { folder, config } = project('content');
  const before = described(config);
  const cases: [string, string, string][] = [
    ['train.txt', 'clips/b.mp4 1\nclips/a.mp4 0\n', 'data.train'],
    ['train.txt', 'clips/a.mp4 1\nclips/b.mp4 1\n', 'data.train'],
    ['train.txt', 'clips/a.mp4 0\n', 'data.train'],
    ['val.txt', 'clips/c.mp4 0\n', 'data.val'],
    ['labels.csv', 'id,name\n0,up\n1,away\n', 'data.labels'],
    ['clips/b.mp4', 'longer than before', 'data.train'],
    ['clips/c.mp4', 'longer than before', 'data.val'],
  ];
  for (const [file, text, key] of cases) {
    const path = join(folder, file);
    copyFileSync(path, `${path}.kept`);
    writeFileSync(path, text);
    assert.equal(changed(before, described(config)), [key], `${file}: ${text}`);
    renameSync(`${path}.kept`, path);
  }
  assert.equal(changed(before, described(config)), []);
  writeFileSync(join(folder, 'clips', 'b.mp4'), 'x');
  const [{ before: was, now }] = changesBetween(before, described(config));
  assert.match(was, /^2 clips \([0-9a-f]{12}\) of 20 bytes \([0-9a-f]{12}\)$/);
  assert.match(now, /^2 clips \([0-9a-f]{12}\) of 11 bytes /);
});

test('harmless changes are free, others are refused with both values and the words that allow them', () => {
  const { config } = project('keys');
  const before = described(config);
  const free = described({ ...config, train: { ...config.train, epochs: 60 }, data: { ...config.data, root: null },
    run: { ...config.run, logEverySteps: 1, checkpointEverySteps: 7, memoryGiB: 3 },
    model: { ...config.model, checkpoint: '/elsewhere' } });
  refuseChanges(changesBetween(before, free), [], 'config.yaml');
  assert.equal(changed(before, free), ['model.checkpoint', 'train.epochs', 'run.memoryGiB', 'run.logEverySteps',
    'run.checkpointEverySteps']);
  const other = changesBetween(before,
    described({ ...config, optim: { ...config.optim, lr: 0.5, betas: [0.9, 0.99] }, run: { ...config.run, seed: 5 } }));
  const error = assert.throwsWith(() => refuseChanges(other, ['run.seed'], 'config.yaml'), ConfigError);
  assert.is(error.message, 'config.yaml: the run was begun otherwise\n  optim.lr: was 0.000008, is now 0.5\n'
    + '  optim.betas: was [0.9,0.98], is now [0.9,0.99]');
  assert.match(error.hint ?? '', '--allow-change optim.lr --allow-change optim.betas');
  refuseChanges(other, ['run.seed', 'optim.lr', 'optim.betas'], 'config.yaml');
});

test('the shape of what was saved cannot change, whatever is allowed', () => {
  const { config } = project('shape');
  const wider = changesBetween(described(config),
    described({ ...config, data: { ...config.data, frames: 16 }, optim: { ...config.optim, name: 'sgd' } }));
  const error = assert.throwsWith(() => refuseChanges(wider, ['data.frames', 'optim.name'], 'config.yaml'),
    ConfigError);
  assert.match(error.message, 'data.frames: was 8, is now 16');
  assert.match(error.message, 'optim.name: was "adamw", is now "sgd"');
  assert.match(error.hint ?? '', 'data.frames, optim.name cannot change in a run');
  const [frames] = wider;
  assert.match(assert.throwsWith(() => refuseChanges([frames], [], 'c.yaml'), ConfigError).hint ?? '',
    /^data\.frames cannot change in a run; begin another one in another folder$/);
});

test('a configuration that a checkpoint keeps, and that is damaged, is refused with what is wrong with it', () => {
  const { config } = project('kept');
  const now = described(config);
  const error = assert.throwsWith(() => changesBetween({ ...now, config: 'data: [1,\n  b: }' }, now), ConfigError);
  assert.match(error.message, /^the configuration that the checkpoint keeps: .*line 2/s);
});

test('a key that is newer than the run had its default then', () => {
  const { config } = project('newer');
  const now = described(config);
  const before = { ...now, config: now.config.replace(/^.*maxGradNorm.*\n/m, '').replace(/^.*eps: 1e-8.*\n/m, '') };
  assert.equal(changed(before, now), []);
  assert.equal(changed(before, described({ ...config, optim: { ...config.optim, eps: 1e-4 } })), ['optim.eps']);
});

test('a run of before there was colour jitter, or mixing, had none: going on with it is a change that has to be meant', () => {
  const { config } = project('before jitter');
  const now = described(config);
  const before = { ...now, config: now.config.replace(/^.*(jitter|gray|mixup|cutmix|mixSwitch):.*\n/gm, '') };
  const error = assert.throwsWith(() => refuseChanges(changesBetween(before, now), [], 'config.yaml'), ConfigError);
  assert.is(error.message,
    'config.yaml: the run was begun otherwise\n  data.jitter: was 0, is now 0.8\n  data.gray: was 0, is now 0.2\n  train.mixup: was 0, is now 0.8\n  train.cutmix: was 0, is now 1');
  const none = { ...config, data: { ...config.data, jitter: 0, gray: 0 },
    train: { ...config.train, mixup: 0, cutmix: 0 } };
  assert.equal(changed(before, described(none)), []);
});

test('model.checkpoint may be a run: its model, or the last step that it saved', () => {
  const { folder, config } = project('from a run');
  const before = join(folder, 'runs', 'before');
  const start = (): string | null =>
    withModelFolder({ ...config, model: { ...config.model, preset: null, checkpoint: before } }).model.checkpoint;
  const put = (...names: string[]) => {
    mkdirSync(join(before, ...names), { recursive: true });
    writeFileSync(join(before, ...names, 'config.json'), '{}');
    return join(before, ...names);
  };
  assert.is(start(), before, 'nothing there: the error names what was written');
  put('checkpoints', 'step-00000002');
  const saved = put('checkpoints', 'step-00000010');
  assert.is(start(), saved);
  const model = put('checkpoint');
  assert.is(start(), model);
  put();
  assert.is(start(), before, 'a checkpoint is itself');
  assert.equal(withModelFolder(config), config);
});

test('paths are kept from the run folder on, so that what is moved together goes on', () => {
  const { folder, config } = project('project');
  const out = join(folder, 'runs', 'one');
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'config.yaml'), formatConfig(config, out));
  const moved = join(root, 'moved', 'deeper');
  mkdirSync(join(root, 'moved'));
  renameSync(folder, moved);
  const found = loadConfig(join(moved, 'runs', 'one', 'config.yaml'));
  assert.equal([found.data.train, found.data.val, found.data.labels, found.data.root], [join(moved, 'train.txt'),
    join(moved, 'val.txt'), join(moved, 'labels.csv'), null]);
  assert.equal(changed(described(found), described(loadConfig(join(moved, 'run.yaml')))), []);
  assert.is(formatConfig(config), formatConfig(parseConfig(formatConfig(config), join(root, 'x.yaml'))));
});

test('a path is relative where the two have more in common than the root of the system, or a drive', () => {
  for (const [rules, path, folder, expected] of [
    [posix, '/home/me/lists/a.txt', '/home/me/runs/x', '../../lists/a.txt'],
    [posix, '/home/me/runs/x/a.txt', '/home/me/runs/x', 'a.txt'],
    [posix, '/data/ucf', '/home/me/runs/x', '/data/ucf'],
    [posix, '/data', '/data/runs', '..'],
    [posix, '/data/runs', '/data/runs', '.'],
    [posix, '/a', '/', 'a'],
    [win32, 'C:\\me\\lists\\a.txt', 'C:\\me\\runs', '../lists/a.txt'],
    [win32, 'D:\\lists\\a.txt', 'C:\\me\\runs', 'D:\\lists\\a.txt'],
    [win32, 'C:\\data\\a.txt', 'C:\\me\\runs', 'C:\\data\\a.txt'],
    [win32, '\\\\server\\share\\me\\a.txt', '\\\\server\\share\\me\\runs', '../a.txt'],
    [win32, '\\\\server\\other\\a.txt', '\\\\server\\share\\runs', '\\\\server\\other\\a.txt'],
  ] as const) assert.is(portable(path, folder, rules), expected, `${path} from ${folder}`);
});

/** How a run in `out` would begin. */
async function beginning(out: string, config: TrainConfig,
  { resume = false, allowed = [] }: { resume?: boolean; allowed?: string[] } = {}) {
  const store = await CheckpointStore.open(join(out, 'checkpoints'));
  try {
    return await beginningOf(store, out, { now: described(config, out), resume, allowed });
  } finally {
    await store.close();
  }
}

/** Saves a checkpoint of a run that was begun with `config`. */
async function saved(out: string, config: TrainConfig, step: number): Promise<void> {
  const store = await CheckpointStore.open(join(out, 'checkpoints'));
  const snapshot = snapshotAt(step);
  await store.save({ ...snapshot, state: { ...snapshot.state, ...described(config, out) } });
  await store.close();
}

test('a folder without a checkpoint is begun again, with --resume and without it', async () => {
  const { config } = project('again');
  const out = join(root, 'again', 'runs', 'one');
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'log.jsonl'), '{"stage":"x","step":1,"time":"t"}\n');
  assert.is((await beginning(out, config)).resumed, undefined);
  const { resumed, messages } = await beginning(out, config, { resume: true });
  assert.is(resumed, undefined);
  assert.equal([...messages], ['one was begun, and no checkpoint was saved: it begins again']);
});

test('a folder with a checkpoint is gone on with, or left alone', async () => {
  const { config } = project('going');
  const out = join(root, 'going', 'run');
  await saved(out, config, 7);
  const error = await assert.rejectsWith(beginning(out, config), FirstlightError,
    /run already holds a run, saved after step 7/);
  assert.match(error.hint ?? '', '--resume');
  assert.is((await beginning(out, config, { resume: true })).resumed?.state.step, 7);
  const other = { ...config, optim: { ...config.optim, lr: 1e-3 } };
  await assert.rejectsWith(beginning(out, other, { resume: true }), ConfigError,
    /optim\.lr: was 0\.000008, is now 0\.001/);
  const { messages } = await beginning(out, other, { resume: true, allowed: ['optim.lr'] });
  assert.equal([...messages], ['changed: optim.lr: was 0.000008, is now 0.001']);
});

test('a folder whose checkpoints are all damaged says how to begin again, with --resume and without it', async () => {
  const { config } = project('damaged');
  const out = join(root, 'damaged', 'run');
  await saved(out, config, 1);
  writeFileSync(join(out, 'checkpoints', 'step-00000001', 'state.json'), '{}');
  for (const resume of [false, true]) {
    const error = await assert.rejectsWith(beginning(out, config, { resume }), FirstlightError,
      /no checkpoint is whole/);
    assert.match(error.hint ?? '', `remove ${join(out, 'checkpoints')}`);
  }
  rmSync(join(out, 'checkpoints'), { recursive: true });
  assert.is((await beginning(out, config)).resumed, undefined);
});

test('a store that fails in another way fails as it does', async () => {
  const { config } = project('fails');
  const store = { latest: async () => {
    throw new RangeError('a defect');
  } } as unknown as CheckpointStore;
  await assert.rejectsWith(beginningOf(store, root, { now: described(config), resume: true, allowed: [] }), RangeError,
    'a defect');
});

test('a list with a line that is wrong is no data of a run', () => {
  const { folder, config } = project('unsound');
  writeFileSync(join(folder, 'train.txt'), 'clips/a.mp4 0\nclips/none.mp4 1\n');
  assert.throwsWith(() => readRunData(config), DatasetError, /train\.txt:2: "clips\/none\.mp4" does not exist/);
});

test('what was never begun is not resumed: nothing is made, and only other folders are offered', () => {
  const runs = join(root, 'siblings');
  for (const name of ['one', 'two', 'notes']) mkdirSync(join(runs, name), { recursive: true });
  for (const name of ['one', 'two']) writeFileSync(join(runs, name, 'log.jsonl'), '');
  const refused = (out: string) => assert.throwsWith(() => refuseMissing(out), FirstlightError);
  const error = refused(join(runs, 'notes'));
  assert.match(error.message, /notes holds no run to go on with/);
  assert.is(error.hint, '--out names the run folder; beside it there are one, two');
  assert.is(refused(join(runs, 'none')).hint, error.hint);
  assert.not(existsSync(join(runs, 'none')));
  assert.is(refused(join(root, 'empty', 'none')).hint, 'begin it without --resume');
  refuseMissing(join(runs, 'one'));
});

/** A run whose saves fail with these, one after another; undefined succeeds. */
function savingWith(failures: (Error | undefined)[], resumedFrom?: number) {
  const told: string[] = [];
  const saving = new Saving({
    store: { save: async () => {
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
      return 'saved';
    } },
    progress: { message: (text) => void told.push(text) },
    snapshot: async (step) => snapshotAt(step),
    resumedFrom,
  });
  return { saving, told };
}

test('a disk that does not take a checkpoint is told, and the next one is tried', async () => {
  const { saving, told } = savingWith([undefined, new FileError('/r/model', 'ENOSPC'), undefined]);
  assert.equal([await saving.save(2), await saving.save(4), saving.last], [true, false, 2]);
  assert.equal([await saving.save(6), saving.last], [true, 6]);
  assert.equal(told, ['step 4 could not be saved: /r/model: the disk is full; --resume goes on from step 2\n'
    + '  free some space, or name a folder on another disk']);
});

test('what is no error of the disk ends a save, and so the run; who keeps nothing writes nothing', async () => {
  const { saving } = savingWith([new RangeError('a defect')]);
  await assert.rejectsWith(saving.save(1), 'a defect');
  const { progress, snapshot } = { progress: { message: () => undefined }, snapshot: async () => undefined };
  assert.ok(await new Saving({ progress, snapshot }).keep('m', () => Promise.reject(new Error('it is written'))));
});

test('before an error ends a run, what is done is saved, and where it goes on is told', async () => {
  const fresh = savingWith([undefined]);
  await fresh.saving.end(3);
  assert.equal(fresh.told, ['the run ended after step 3; --resume goes on from step 3']);
  const nothingNew = savingWith([new Error('must not be saved')], 3);
  await nothingNew.saving.end(3);
  assert.equal(nothingNew.told, ['the run ended after step 3; --resume goes on from step 3']);
  const nothingYet = savingWith([new Error('must not be saved')]);
  await nothingYet.saving.end(0);
  assert.equal(nothingYet.told, ['the run ended after step 0; no checkpoint was saved']);
  const broken = savingWith([new RangeError('a defect')], 1);
  await broken.saving.end(2);
  assert.equal(broken.told, ['step 2 could not be saved: a defect',
    'the run ended after step 2; --resume goes on from step 1']);
});

/** Signals that a test sends; `lacks` are unknown to the system. */
function signals(lacks: readonly string[] = []) {
  const listeners = new Map<string, () => void>();
  const exits: number[] = [];
  const source = {
    on: (name: string, listener: () => void) => {
      if (lacks.includes(name)) throw Object.assign(new Error('uv_signal_start EINVAL'), { code: 'EINVAL' });
      listeners.set(name, listener);
    },
    off: (name: string) => listeners.delete(name),
    exit: (code: number) => exits.push(code),
  };
  const send = (name: string) => listeners.get(name)?.();
  return { source: source as unknown as SignalSource, send, listeners, exits };
}

test('every signal that asks for an end is a request with its own status; a second one ends the process', () => {
  for (const [name, code] of [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129], ['SIGBREAK', 149], ['SIGUSR1',
    138]] as const) {
    const { source, send, exits, listeners } = signals();
    const stop = new StopRequest(source);
    stop.throwIfRequested('nothing');
    send(name);
    assert.is(stop.code, code);
    assert.ok(stop.signal.aborted, 'who waits for something else is told');
    assert.throwsWith(() => stop.throwIfRequested('the evaluation', 'go on'), /the evaluation was interrupted/);
    send('SIGINT');
    assert.equal(exits, [130]);
    stop[Symbol.dispose]();
    assert.is(listeners.size, 0);
  }
});

test('a request of one rank counts once all have heard of it', () => {
  const { source, send, exits } = signals();
  const stop = new StopRequest(source, { isShared: true });
  send('SIGUSR1');
  assert.equal([stop.asked, stop.code, stop.signal.aborted], [138, undefined, false]);
  stop.throwIfRequested('nothing');
  stop.grant(143);
  assert.equal([stop.asked, stop.code, stop.signal.aborted], [138, 143, true]);
  send('SIGTERM');
  assert.equal(exits, [143], 'a second signal ends the process');
});

test('a system that lacks a signal has the others', () => {
  const { source, send } = signals(['SIGHUP', 'SIGBREAK']);
  const stop = new StopRequest(source);
  send('SIGTERM');
  assert.is(stop.code, 143);
});

test('names that Windows takes for devices, cuts or does not have are refused there, and only there', () => {
  for (const name of ['runs/con', 'NUL', 'aux.v1', 'runs\\Com1\\x', 'runs/lpt¹', 'a/run.', 'a/run ', 'runs/a?b', 'a|b',
    'runs/x:y']) {
    assert.throwsWith(() => writable(name, 'win32'), UsageError, /Windows/);
    assert.is(writable(name, 'linux'), name);
  }
  for (const name of ['runs/console', 'C:\\runs\\hmdb51', './x', '../runs/nully', 'runs/', '\\\\server\\share\\x']) {
    assert.is(writable(name, 'win32'), name);
  }
});

test.run();
