import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync,
  writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { screen } from './screen.ts';
import { FileError } from '../engine/file_error.ts';
import { AppendedFile } from '../train/log/appended.ts';
import { Progress } from '../train/log/progress.ts';
import { RunRecorder } from '../train/log/recorder.ts';
import { readRunLog, RunLog, seriesOf } from '../train/log/run_log.ts';
import { crc32c } from '../train/log/tensorboard.ts';

let folder = '';
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'firstlight-log-'));
});
test.after.each(() => rmSync(folder, { recursive: true }));

const quiet = () => new Progress({ quiet: true });

// An independent reader of event files: bit by bit checksum, and protobuf fields by their tags alone.
function slowCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    for (let bit = 0; bit < 8; bit++) {
      const mix = (crc ^ (byte >> bit)) & 1;
      crc = (crc >>> 1) ^ (mix ? 0x82f63b78 : 0);
    }
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function unmask(stored: number): number {
  const rotated = (stored - 0xa282ead8) >>> 0;
  return ((rotated << 15) | (rotated >>> 17)) >>> 0;
}

function fields(bytes: Buffer): Map<number, number | Buffer> {
  const found = new Map<number, number | Buffer>();
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1;; scale *= 128) {
      value += (bytes[at] & 127) * scale;
      if (bytes[at++] < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const [field, wire] = [tag >> 3, tag & 7];
    if (wire === 0) found.set(field, varint());
    else if (wire === 1) {
      found.set(field, bytes.readDoubleLE(at));
      at += 8;
    } else if (wire === 5) {
      found.set(field, bytes.readFloatLE(at));
      at += 4;
    } else if (wire === 2) {
      const length = varint();
      found.set(field, bytes.subarray(at, at + length));
      at += length;
    } else throw new Error(`wire type ${wire}`);
  }
  return found;
}

function events(path: string): Map<number, number | Buffer>[] {
  const file = readFileSync(path);
  const all: Map<number, number | Buffer>[] = [];
  for (let at = 0; at < file.length;) {
    const length = Number(file.readBigUInt64LE(at));
    assert.is(unmask(file.readUInt32LE(at + 8)), slowCrc32c(file.subarray(at, at + 8)));
    const payload = file.subarray(at + 12, at + 12 + length);
    assert.is(unmask(file.readUInt32LE(at + 12 + length)), slowCrc32c(payload));
    all.push(fields(payload));
    at += 16 + length;
  }
  return all;
}

/** [step, tag, value] of an event with a scalar. */
function scalarOf(event: Map<number, number | Buffer>): [unknown, string, unknown] {
  const value = fields(fields(event.get(5) as Buffer).get(1) as Buffer);
  return [event.get(2), String(value.get(1)), value.get(2)];
}

test('crc32c of "123456789" is the published check value', () => {
  assert.is(crc32c(Buffer.from('123456789')), 0xe3069283);
});

test('another reader finds every scalar of the event file, with both checksums of every record', () => {
  const recorder = new RunRecorder(folder, { progress: quiet() });
  recorder.stage('xclip', 300);
  recorder.scalar(1, 'loss', 2.5);
  recorder.scalar(300, 'lr', 0.125);
  recorder.finish();
  const [name] = readdirSync(join(folder, 'tensorboard'));
  assert.match(name, /^events\.out\.tfevents\./);
  const all = events(join(folder, 'tensorboard', name));
  assert.is(String(all[0].get(3)), 'brain.Event:2');
  assert.equal(all.slice(1).map(scalarOf), [[1, 'xclip/loss', 2.5], [300, 'xclip/lr', 0.125]]);
  assert.ok(all.every((event) => Math.abs((event.get(1) as number) - Date.now() / 1000) < 600));
});

test('the log has one line for each step, and a series comes back from it', () => {
  const recorder = new RunRecorder(folder, { progress: quiet() });
  recorder.stage('clip', 2);
  for (const step of [1, 2]) {
    recorder.scalar(step, 'loss', 3 / step);
    recorder.scalar(step, 'lr', step);
  }
  recorder.stage('xclip', 2);
  recorder.scalar(2, 'loss', Number.NaN);
  recorder.finish();
  const entries = readRunLog(join(folder, 'log.jsonl'));
  assert.equal(entries.map(({ stage, step }) => `${stage} ${step}`), ['clip 1', 'clip 2', 'xclip 2']);
  assert.equal(seriesOf(entries, 'clip', 'loss'), [[1, 3], [2, 1.5]]);
  assert.ok(Number.isNaN(seriesOf(entries, 'xclip', 'loss')[0][1]));
  assert.equal(seriesOf(entries, 'xclip', 'lr'), []);
});

test('a skipped step is always told, numbers are kept where they are asked for, and the bar counts every step', () => {
  const { stream, text } = screen(false);
  const recorder = new RunRecorder(folder, { progress: new Progress({ stream, secondsPerLine: 0, now: () => 1 }) });
  recorder.stage('clip', 3);
  for (const step of [1, 2, 3]) {
    recorder.report({ step, loss: step, gradNorm: 2 * step, lr: 0.5, lossScale: 1, skipped: step === 2 }, 4,
      step !== 2);
  }
  recorder.finish();
  const shown = text().split('\n').filter((line) => line !== '');
  assert.is(shown[1], 'step 2: a gradient was not finite; the step changed nothing');
  assert.match(shown[2], /^clip: 2\/3 .* loss 1\.000/);
  assert.equal(readRunLog(join(folder, 'log.jsonl')).map(({ step, values }) => [step, values]), [[1, { loss: 1, lr: 0.5,
    gradNorm: 2 }], [3, { loss: 3, lr: 0.5, gradNorm: 6 }]]);
});

test('resuming forgets the steps after the checkpoint and a line that was cut off, and nothing else', () => {
  const path = join(folder, 'log.jsonl');
  const first = new RunRecorder(folder, { progress: quiet() });
  first.stage('xclip', 10);
  for (let step = 1; step <= 6; step++) first.scalar(step, 'loss', step);
  first.finish();
  const straight = readRunLog(path).slice(0, 4);
  appendFileSync(path, '{"stage":"xclip","st');
  assert.is(readRunLog(path).length, 6);

  const second = new RunRecorder(folder, { resumeAfter: 4, progress: quiet() });
  assert.equal(readRunLog(path), straight);
  second.stage('xclip', 10, 4);
  for (let step = 5; step <= 7; step++) second.scalar(step, 'loss', 10 * step);
  second.finish();
  assert.equal(seriesOf(readRunLog(path), 'xclip', 'loss'), [[1, 1], [2, 2], [3, 3], [4, 4], [5, 50], [6, 60], [7,
    70]]);

  const files = readdirSync(join(folder, 'tensorboard')).sort();
  assert.is(files.length, 2);
  const starts = files.flatMap((name) => events(join(folder, 'tensorboard', name))).filter((event) => event.has(7));
  assert.equal(starts.map((event) => [event.get(2), fields(event.get(7) as Buffer).get(1)]), [[5, 1]],
    'TensorBoard is told to forget from step 5 on');
});

test('a new run in the same folder starts an empty log', () => {
  for (let run = 0; run < 2; run++) {
    const recorder = new RunRecorder(folder, { progress: quiet() });
    recorder.scalar(1, 'loss', run);
    recorder.finish();
  }
  assert.equal(seriesOf(readRunLog(join(folder, 'log.jsonl')), 'run', 'loss'), [[1, 1]]);
});

test('a broken line in the middle of a log is an error that names it', () => {
  const path = join(folder, 'log.jsonl');
  appendFileSync(path, '{"stage":"x","step":1,"time":"t"}\nnonsense\n{"stage":"x","step":2,"time":"t"}\n');
  assert.throwsWith(() => readRunLog(path), new RegExp(`^${path}:2: `));
});

const full = () => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });

test('what a full disk does not take, in whole or in part, waits and comes later, in order', () => {
  const path = join(folder, 'log.jsonl');
  let room = 30;
  const log = new RunLog(path, undefined, (file, bytes) => {
    if (room === 0) throw full();
    const taken = writeSync(file, bytes.subarray(0, room));
    room -= taken;
    return taken;
  });
  for (let step = 1; step <= 3; step++) log.write({ stage: 'x', step, time: 't', values: { loss: step } });
  assert.is(log.problem?.message, `${path}: the disk is full`);
  assert.is(readFileSync(path).length, 30);
  room = 1e9;
  log.write({ stage: 'x', step: 4, time: 't', values: { loss: 4 } });
  assert.is(log.problem, undefined);
  log.close();
  assert.equal(readRunLog(path).map(({ step, values }) => [step, values.loss]), [[1, 1], [2, 2], [3, 3], [4, 4]]);
});

test('a log that the disk does not take to the end is an error at its close, and one that fails is one at once', () => {
  const path = join(folder, 'log.jsonl');
  const log = new RunLog(path, undefined, () => {
    throw full();
  });
  log.write({ stage: 'x', step: 1, time: 't', values: {} });
  assert.throwsWith(() => log.close(), `${path}: the disk is full`);
  const closed = new RunLog(path, undefined, () => {
    throw Object.assign(new Error('EBADF'), { code: 'EBADF' });
  });
  assert.throwsWith(() => closed.write({ stage: 'x', step: 1, time: 't', values: {} }), FileError);
  assert.throwsWith(() => closed.close(), FileError);
});

test('where the clock was set back, a new file of events comes after the old ones nevertheless', () => {
  const events = join(folder, 'tensorboard');
  mkdirSync(events);
  const future = (Date.now() / 1000 + 1e6).toFixed(3);
  writeFileSync(join(events, `events.out.tfevents.${future}.host.1`), '');
  new RunRecorder(folder, { progress: quiet(), resumeAfter: 3 }).finish();
  const names = readdirSync(events).sort();
  assert.is(names.length, 2);
  assert.match(names[0], future);
});

/** A progress that notes what it is told. */
function noted() {
  const calls: string[] = [];
  const note = (name: string) => (...values: unknown[]) => void calls.push([name, ...values].join(' '));
  const progress = { start: note('start'), stop: note('stop'), message: note('message'),
    update: (step: number, clips: number, reading: object) => note('update')(step, clips, JSON.stringify(reading)) };
  return { progress: progress as unknown as Progress, calls };
}

test('something else in the middle of a stage has the bar, whatever comes of it; then the stage goes on', async () => {
  const { progress, calls } = noted();
  const recorder = new RunRecorder(folder, { progress });
  recorder.stage('w', 3);
  recorder.scalar(1, 'loss', 0.5);
  recorder.scalar(1, 'lr', 0.25);
  recorder.scalar(1, 'other', 1);
  recorder.advance(1, 8);
  recorder.stage('x', 5, 2);
  await recorder.aside('first', 1, async () => undefined);
  assert.equal(calls.splice(0), ['start w 3 0', 'update 1 8 {"loss":0.5,"lr":0.25}', 'start x 5 2', 'start first 1',
    'stop', 'start x 5 2'], 'a stage begins without the numbers of the one before');
  recorder.advance(3, 8);
  assert.is(await recorder.aside('evaluation', 9, async () => 'result'), 'result');
  recorder.advance(4, 8);
  recorder.advance(5, 8);
  await assert.rejectsWith(recorder.aside('evaluation', 9, async () => {
    throw new Error('cut');
  }), 'cut');
  assert.equal(calls, ['update 3 8 {}', 'start evaluation 9', 'stop', 'start x 5 3', 'update 4 8 {}', 'update 5 16 {}',
    'start evaluation 9', 'stop'], 'clips are counted anew, and a stage that is done is not begun again');
  recorder.finish();
});

test('that the disk is full is told once, that it takes the log again once, and what is lost in the end', () => {
  const { progress, calls } = noted();
  const own = join(folder, 'run');
  let isFull = false;
  const recorder = new RunRecorder(own, { progress, write: (file, bytes) => {
    if (isFull) throw full();
    return writeSync(file, bytes);
  } });
  const told = (step: number, becomesFull: boolean) => {
    recorder.scalar(step, 'loss', step);
    isFull = becomesFull;
    recorder.flush();
    return calls.splice(0);
  };
  const log = join(own, 'log.jsonl');
  assert.equal(told(1, false), []);
  assert.equal(told(2, true), [`message ${log}: the disk is full; the log waits in memory, training goes on`]);
  assert.equal(told(3, true), []);
  assert.equal(told(4, false), [], 'the events of this step still wait');
  assert.equal(told(5, false), ['message the disk takes the log again']);
  assert.equal(told(6, false), []);
  assert.equal(readRunLog(log).map(({ step }) => step), [1, 2, 3, 4, 5, 6]);
  told(7, true);
  recorder.scalar(8, 'loss', 8);
  recorder.finish();
  assert.is(calls.length, 3, calls.join('\n'));
  assert.is(calls[1], `message the end of the log is lost: ${log}: the disk is full`);
  assert.match(calls[2], /^message the end of the log is lost: .*tfevents.*: the disk is full$/);
});

test('a fault that is none of the disk ends a run where it is met', () => {
  const recorder = new RunRecorder(folder, { progress: quiet() });
  recorder.finish();
  assert.throwsWith(() => recorder.finish(), /EBADF|bad file descriptor/);
});

test('what is written anew is copied by the mebibyte, though a disk takes a part; half of it does not stand for all', () => {
  const path = join(folder, 'log.jsonl');
  const MIB = 2 ** 20;
  const sizes: number[] = [];
  let room = Infinity;
  // takes all but a byte, and then that
  const log = new AppendedFile(path, 'w+', (file, bytes) => {
    if (room === 0) throw full();
    const taken = writeSync(file, bytes.subarray(0, Math.min(room, Math.max(1, bytes.length - 1))));
    room -= taken;
    sizes.push(taken);
    return taken;
  });
  const all = Buffer.from(Array.from({ length: 2.5 * MIB }, (_, i) => i % 251));
  log.append(all);
  assert.is(log.losses, 0);
  rmSync(path);
  room = MIB;
  log.append(Buffer.from('e'));
  assert.match(log.problem?.message ?? '', 'the disk is full');
  assert.not(existsSync(path));
  assert.is(log.losses, 0);
  room = Infinity;
  log.append(Buffer.from('nd'));
  assert.equal(sizes, [2.5 * MIB - 1, 1, MIB - 1, 1, MIB - 1, 1, MIB - 1, 1, MIB / 2 - 1, 1, 2, 1]);
  assert.is(log.losses, 1);
  assert.ok(readFileSync(path).equals(Buffer.concat([all, Buffer.from('end')])));
  log.close();
});

test('steps of any length in bytes come back from the events; a run that is begun anew forgets the steps before', () => {
  const told = (resumeAfter: number | undefined, ...steps: number[]) => {
    const recorder = new RunRecorder(folder, { progress: quiet(), resumeAfter });
    for (const step of steps) recorder.scalar(step, 'loss', 1);
    recorder.finish();
    const names = readdirSync(join(folder, 'tensorboard')).sort();
    for (const name of names) assert.match(name, /^events\.out\.tfevents\.\d+\.\d{3}\.[^.]/);
    const all = events(join(folder, 'tensorboard', names.at(-1) as string)).slice(1);
    return all.map((event) => (event.has(7) ? `from ${event.get(2)}` : event.get(2)));
  };
  assert.equal(told(undefined, 1, 127, 128, 129, 16_383, 16_384, 2 ** 40), [1, 127, 128, 129, 16_383, 16_384, 2 ** 40]);
  assert.equal(told(undefined, 1), ['from 1', 1]);
  assert.equal(told(3, 4), ['from 4', 4]);
  rmSync(join(folder, 'tensorboard'), { recursive: true });
  assert.equal(told(0, 1), ['from 1', 1], 'events that were removed may be known to TensorBoard');
});

test('a run that goes on from before its first entry has an empty log; an empty line is no entry', () => {
  const path = join(folder, 'log.jsonl');
  appendFileSync(path, '{"stage":"x","step":1,"time":"t"}\n');
  new RunRecorder(folder, { progress: quiet(), resumeAfter: 0 }).finish();
  assert.is(readFileSync(path, 'utf8'), '');
  appendFileSync(path, '\n{"stage":"x","step":0,"time":"t"}\n');
  assert.throwsWith(() => readRunLog(path), `${path}:1: not an entry of a run's log`);
  writeFileSync(path, '{"stage":"x","step":0,"time":"t"}\n');
  assert.equal(readRunLog(path), [{ stage: 'x', step: 0, time: 't', values: {} }]);
});

test('a log that is removed under a running job, alone or with its folder, is written anew, and that is told', () => {
  const run = join(folder, 'run');
  const { stream, text } = screen(false);
  const recorder = new RunRecorder(run, { progress: new Progress({ stream, secondsPerLine: 1e9 }) });
  recorder.stage('clip', 5);
  const step = (n: number) => recorder.scalar(n, 'loss', n / 8);
  step(1);
  step(2); // writes the first
  rmSync(run, { recursive: true });
  step(3);
  assert.match(text(), `${join(run, 'log.jsonl')} was removed while the run goes on: it is written anew`);
  step(4);
  assert.is(text(), '', 'it is told once');
  rmSync(join(run, 'log.jsonl'));
  step(5);
  recorder.finish();
  assert.equal(readRunLog(join(run, 'log.jsonl')).map(({ values }) => values.loss), [1, 2, 3, 4, 5].map((n) => n / 8));
  const [name] = readdirSync(join(run, 'tensorboard'));
  const steps = events(join(run, 'tensorboard', name)).slice(1).map((event) => scalarOf(event)[0]);
  assert.equal(steps, [1, 2, 3, 4, 5]);
});

test.run();
