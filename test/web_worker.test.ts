/** What the site asks of its worker, in Node: the worker's side, the page's, and what passes between them. */
import { readFileSync } from 'node:fs';
import { FirstlightError, open } from '../engine/index.ts';
import { rooms } from '../kernels/index.ts';
import type { Room } from '../kernels/shared/room.ts';
import { arrived, crossing, type FromWorker, type Progress, type ToWorker } from '../web/worker/protocol.ts';
import { Client, type WorkerLike } from '../web/worker/client.ts';
import { SharedContext } from '../web/worker/contexts.ts';
import { serve } from '../web/worker/serve.ts';
import { Service } from '../web/worker/service.ts';
import * as assert from './assert.ts';
import { test } from './test.ts';
import { here } from './this_adapter.ts';

const loaders = Object.fromEntries(rooms.map((room) => [room.name, async () => ({ room })]));
const service = new Service(loaders);
const types = here.features.has('shader-f16') ? 2 : 1;

test('the adapter is described: name, kind, whose WebGPU, features with their use, limits, and the clock', async () => {
  const { name, kind, webgpu, features, limits, clock } = await service.answer({ kind: 'describe' });
  await using gpu = await open();
  assert.equal([name, kind], [gpu.name, gpu.kind]);
  assert.match(webgpu, /^webgpu \d/);
  assert.equal(features.map(({ has }) => has), features.map((feature) => gpu.features.has(feature.name)));
  assert.ok(features.every(({ use }) => use.length > 5));
  assert.ok(limits.every(({ value, use }) => value > 0 && use.length > 5));
  assert.is(clock, gpu.features.has('timestamp-query') ? 'timestamps' : 'wall');
});

test('a first kernel runs and is checked', async () => {
  const { elements, error, isRight, milliseconds } = await service.answer({ kind: 'first' });
  assert.is(elements, 1001);
  assert.ok(isRight && error < 1e-5 && milliseconds > 0);
});

test('what there is to choose from in a room is told', async () => {
  const { variants, cases, workloads } = await service.answer({ kind: 'candidates', room: 'layernorm' });
  assert.ok(variants.f32.includes('naive') && variants.f32.includes('tree'));
  assert.is(variants.f16.length > 0, types === 2);
  const layernorm = rooms.find(({ name }) => name === 'layernorm') as Room;
  assert.equal(cases.map(({ name }) => name), layernorm.cases.map(({ name }) => name));
  assert.ok(cases.some(({ hasGradient }) => hasGradient));
  assert.equal(workloads.map(({ isForThisAdapter }) => isForThisAdapter),
    layernorm.workloads.map(({ needsHardware }) => here.kind === 'hardware' || needsHardware !== true));
  assert.is(workloads.every(({ isForThisAdapter }) => isForThisAdapter), here.kind === 'hardware');
});

test('a program is told line by line, with file and line, in the variant that is asked for', async () => {
  const { steps, programs } = await service.answer({ kind: 'program', room: 'softmax', direction: 'gradient',
    variant: 'naive' });
  assert.ok(steps.some((step) => step.includes('softmax_grad') && step.includes('.naive on ')), steps.join('\n'));
  const lines = programs.flatMap((program) => program.lines);
  const entry = lines.find(({ text }) => text.startsWith('fn softmax_grad('));
  assert.is(entry?.file, 'softmax/softmax_grad.naive.wgsl');
  assert.ok((entry?.line ?? 0) > 5);
  assert.match(programs[0].heading, 'softmax_grad');
  await assert.rejectsWith(service.answer({ kind: 'program', room: 'blend', direction: 'gradient' }),
    /^blend: ".*" has no gradient$/, { code: 'FL_USAGE' });
});

test('a case is checked in all candidates and storages, with a row for each, told as it comes', async () => {
  const told: Progress[] = [];
  const { cases, runs, skipped } = await service.answer({ kind: 'check', room: 'gelu',
    case: 'quick_gelu: one element' }, (progress) => told.push(progress));
  assert.is(cases, 1);
  assert.equal(skipped, []);
  assert.is(runs.length, types === 2 ? 3 : 1);
  assert.ok(runs.every(({ isRight, comparisons }) => isRight && comparisons.length === 2));
  assert.equal(told, [{ kind: 'case', case: 'quick_gelu: one element', done: 0, of: 1 },
    ...runs.map((run) => ({ kind: 'run' as const, run }))]);
  const half = await service.answer({ kind: 'check', room: 'gelu', case: 'quick_gelu: one element', types: ['f32'] });
  assert.equal(half.runs.map(({ storage }) => storage), ['f32']);
});

test('a run that does not compile says so, and the others of the room are checked all the same', async () => {
  const edits = { 'gelu/gelu.wgsl': 'nonsense' };
  const one = { kind: 'check', room: 'gelu', edits, types: ['f32'] } as const;
  const { runs } = await service.answer({ ...one, case: 'quick_gelu: one element' });
  assert.is(runs.length, 1);
  assert.match(runs[0].error?.message ?? '', 'gelu/gelu.wgsl');
  assert.is(runs[0].isRight, false);
  const naive = readFileSync(new URL('../kernels/softmax/softmax.naive.wgsl', import.meta.url), 'utf8');
  const softmax = await service.answer({ kind: 'check', room: 'softmax', types: ['f32'],
    case: rooms.find(({ name }) => name === 'softmax')?.cases[0].name,
    edits: { 'softmax/softmax.naive.wgsl': naive.replace('let ', 'let 1') } });
  const [wrong, right] = [false, true].map((wanted) => softmax.runs.filter(({ isRight }) => isRight === wanted));
  assert.ok(right.length > 0 && wrong.length === 1);
  assert.match(wrong[0].candidate ?? '', /^naive/);
  assert.match(wrong[0].error?.where ?? '', /^softmax\/softmax\.naive\.wgsl:\d+:\d+$/);
  // a counter stands before this place in its line; the place is told as if there were none
  const loops = naive.replace(/(for \(.*?\) \{)/, '$1 nonsense();');
  const placed = await service.answer({ kind: 'check', room: 'softmax', types: ['f32'],
    case: rooms.find(({ name }) => name === 'softmax')?.cases[0].name,
    edits: { 'softmax/softmax.naive.wgsl': loops } });
  const at = loops.slice(0, loops.indexOf('nonsense')).split('\n');
  assert.is(placed.runs.find(({ isRight }) => !isRight)?.error?.where,
    `softmax/softmax.naive.wgsl:${at.length}:${(at.at(-1)?.length ?? 0) + 1}`);
  const { runs: after } = await service.answer({ ...one, case: 'quick_gelu: one element', edits: {} });
  assert.ok(after.every(({ isRight }) => isRight));
});

test('an edit whose loop does not end, or that writes out of bounds, is told by a check as well, which ends', async () => {
  const gelu = readFileSync(new URL('../kernels/gelu/gelu.wgsl', import.meta.url), 'utf8');
  for (const [from, to] of [['i += WORKGROUP', 'i += 0u'], ['y[i] =', 'y[i + 64u] =']]) {
    assert.match(gelu, from);
    const { runs: [run] } = await service.answer({ kind: 'check', room: 'gelu', case: 'quick_gelu: one element',
      types: ['f32'], edits: { 'gelu/gelu.wgsl': gelu.replace(from, to) } });
    assert.is(run.error?.code, 'FL_EDIT');
    assert.match(run.error?.message ?? '', /out of bounds, or a loop does not end: outside of "/);
  }
});

test('requests are answered one after another, and a lost device is replaced for the next one', async () => {
  await using contexts = new SharedContext();
  const lost = await contexts.current();
  assert.is(await contexts.current(), lost);
  lost.device.destroy();
  await lost.device.lost;
  await new Promise((resolve) => setTimeout(resolve));
  const next = await contexts.current();
  assert.is.not(next, lost);
  next.check();
  assert.throwsWith(() => lost.check(), { code: 'FL_DEVICE_LOST' });
});

/** A worker's two ends, with the service behind one of them. */
function workerOf(behind: Pick<Service, 'answer'>): WorkerLike & { isEnded: boolean } {
  const worker: WorkerLike & { isEnded: boolean } = {
    isEnded: false,
    onmessage: null,
    onerror: null,
    postMessage: (message) => queueMicrotask(() => port.onmessage?.({ data: structuredClone(message) })),
    terminate() {
      this.isEnded = true;
    },
  };
  const port: { postMessage(message: FromWorker): void;
    onmessage: ((event: { readonly data: ToWorker }) => void) | null } = {
      postMessage: (message) => worker.onmessage?.({ data: structuredClone(message) } as MessageEvent<FromWorker>),
      onmessage: null,
    };
  serve(port, behind as Service);
  return worker;
}

test('a page asks, is told of progress, and gets answers and errors as they were', async () => {
  const client = new Client(() => workerOf(service));
  const told: string[] = [];
  const { runs } = await client.ask({ kind: 'check', room: 'gelu', case: 'quick_gelu: one element' },
    ({ kind }) => told.push(kind));
  assert.equal(told, ['case', ...runs.map(() => 'run')]);
  const error = await assert.rejectsWith(client.ask({ kind: 'candidates', room: 'gelo' }), FirstlightError,
    'there is no room "gelo"', { code: 'FL_USAGE', hint: /did you mean "gelu"\?/ });
  assert.instance(error, FirstlightError);
});

test('an error keeps code, message, hint and place on its way; what is no error of ours is called a defect', () => {
  const error = arrived(structuredClone(crossing(new FirstlightError('FL_X', 'what', { where: 'a.wgsl:1:2' }, 'how'))));
  assert.equal([error.code, error.message, error.hint, error.context], ['FL_X', 'what', 'how', {
    where: 'a.wgsl:1:2',
  }]);
  const { code, message, hint } = crossing(new TypeError('x is undefined'));
  assert.equal([code, message], ['FL_DEFECT', 'TypeError: x is undefined']);
  assert.match(hint ?? '', 'report it');
});

test('a worker that says nothing is given up in one sentence, and the next request has another one', async () => {
  const silent = workerOf({ answer: () => new Promise(() => undefined) });
  const made: WorkerLike[] = [];
  const client = new Client(() => {
    made.push(made.length === 0 ? silent : workerOf(service));
    return made[made.length - 1];
  }, 0.05);
  const asked = [client.ask({ kind: 'describe' }), client.ask({ kind: 'first' })];
  for (const each of asked) {
    await assert.rejectsWith(each, 'the GPU did not answer for 0.05 s', { code: 'FL_WORKER_SILENT', hint: /restart/ });
  }
  assert.ok(silent.isEnded);
  const slow = new Client(() =>
    workerOf({ answer: (async (_: unknown, tell: (progress: Progress) => void) => {
      for (let i = 0; i < 6; i++) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        tell({ kind: 'stage', stage: 'check' });
      }
      return { done: true };
    }) as unknown as Service['answer'] }), 0.1);
  assert.equal(await slow.ask({ kind: 'describe' }), { done: true } as never);
  await assert.rejectsWith(client.ask({ kind: 'candidates', room: 'nothing' }), { code: 'FL_USAGE' });
  assert.is(made.length, 2);
});

test('a worker that fails, or is stopped, ends what was asked of it', async () => {
  const broken = workerOf({ answer: () => new Promise(() => undefined) });
  const client = new Client(() => broken);
  const asked = client.ask({ kind: 'describe' });
  broken.onerror?.({ message: '' } as ErrorEvent);
  await assert.rejectsWith(asked, 'the worker failed: it could not be loaded', { code: 'FL_WORKER' });
  const stopped = client.ask({ kind: 'describe' });
  client.stop();
  await assert.rejectsWith(stopped, { code: 'FL_STOPPED' });
  const never = new Client(() => {
    throw new Error('Worker is not defined');
  });
  await assert.rejectsWith(never.ask({ kind: 'describe' }), 'the worker failed: Worker is not defined');
});

test.after(() => service.close());
test.run();
