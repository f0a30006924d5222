/** What a context makes of what its device says: the first cause, its echoes, its loss, and work that does not end. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { Device, type WatchdogOptions } from '../engine/device.ts';
import { DeviceLostError, FirstlightError, GpuValidationError, KernelCompileError, OutOfMemoryError,
  StepTimeoutError } from '../engine/errors.ts';
import type { Instance } from '../engine/instance.ts';

class GPUOutOfMemoryError extends Error {}
const invalid = (message: string) => new Error(message) as unknown as GPUError;

interface Asked {
  readonly where?: 'node' | 'browser';
  readonly watchdog?: WatchdogOptions | false;
  readonly features?: readonly string[];
}

/** A device that says what it is told to. */
function fake({ where = 'browser', watchdog, features = [] }: Asked = {}) {
  const said: string[] = [];
  const errors: (GPUError | null)[] = [];
  let lose: (info: { reason: string; message: string }) => void = () => undefined;
  let listener: (event: { error: GPUError; preventDefault(): void }) => void = () => undefined;
  let done: () => void = () => undefined;
  const lost = new Promise((resolve) => (lose = resolve));
  const device = {
    features: new Set(features),
    limits: {},
    lost,
    addEventListener: (_: string, own: typeof listener) => (listener = own),
    pushErrorScope: (filter: string) => void said.push(`push ${filter}`),
    popErrorScope: () => {
      said.push('pop');
      return Promise.resolve(errors.shift() ?? null);
    },
    queue: { onSubmittedWorkDone: () => new Promise<void>((resolve) => (done = resolve)) },
    destroy: () => {
      said.push('destroy');
      lose({ reason: 'destroyed', message: 'by us' });
    },
  };
  const info = { vendor: 'maker', architecture: '', device: '', description: '' };
  const owner = new Device(device as unknown as GPUDevice, { info } as unknown as GPUAdapter,
    { where, language: new Set(['words']) } as unknown as Instance, watchdog);
  return { owner, said, errors, lose: (reason: string) => lose({ reason, message: 'gone' }), done: () => done(),
    event: (error: GPUError) => listener({ error, preventDefault: () => void said.push('prevented') }) };
}

const codeOf = (work: () => unknown) => assert.throwsWith(work, FirstlightError).code;
const settled = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

test('features are those of the device and of the language; no subgroup size is promised where it varies', () => {
  const { owner } = fake({ features: ['subgroups'] });
  assert.equal([[...owner.features], owner.subgroupSize, owner.kind, owner.name], [['subgroups', 'words'], 0,
    'hardware', 'maker']);
  owner.requireType('f32');
  assert.is(codeOf(() => owner.requireType('f16')), 'FL_FEATURE');
  fake({ features: ['shader-f16'] }).owner.requireType('f16');
  for (const seconds of [0, -1, Number.NaN]) {
    assert.throwsWith(() => fake({ watchdog: { seconds } }), RangeError, /more than 0 are needed/);
  }
});

test('the first error is the cause; of what does not compile or fit one may hear after the commands that use it', () => {
  const compile = new KernelCompileError('k', 'a.wgsl', 'no');
  const memory = new OutOfMemoryError('x', 1, { live: 0, reserved: 0, budget: 1, largest: [] });
  const [command, other] = ['command', 'other'].map((message) => new GpuValidationError(message));
  const cases: readonly (readonly [first: FirstlightError, second: FirstlightError, cause: FirstlightError])[] = [
    [command, other, command],
    [command, compile, compile],
    [command, memory, memory],
    [compile, command, compile],
    [memory, compile, memory],
    [compile, memory, compile],
  ];
  for (const [first, second, cause] of cases) {
    const { owner } = fake();
    owner.check();
    for (const error of [first, second]) owner.fail(error);
    assert.is(assert.throwsWith(() => owner.check(), FirstlightError), cause);
  }
});

test('what the device objects to is named by what it was, by the scope that caught it, and poisons the context', async () => {
  const { owner, said, errors, event } = fake();
  const filters: string[] = [];
  errors.push(null, new GPUOutOfMemoryError('none') as unknown as GPUError, invalid('wrong'));
  const made = owner.attempt(() => 7, (error, filter) => {
    filters.push(filter);
    return owner.errorOf(error, 'a buffer');
  });
  assert.is(made, 7);
  assert.is(said.splice(0).join(', '), 'push validation, push out-of-memory, push internal, pop, pop, pop');
  const error = await assert.rejectsWith(owner.settled(), FirstlightError);
  assert.equal(filters, ['out-of-memory', 'validation'], 'the innermost scope first');
  assert.match(error.message, /^cannot allocate memory for a buffer: live 0 B, reserved 0 B, no budget/);
  assert.is(owner.errorOf(invalid('wrong'), 'x').message, 'the GPU refused a command: x: wrong');
  event(invalid('later'));
  assert.equal([said, assert.throwsWith(() => owner.check(), FirstlightError)], [['prevented'], error]);
  const uncaught = fake();
  uncaught.event(invalid('on its own'));
  assert.throwsWith(() => uncaught.owner.check(), GpuValidationError, 'the GPU refused a command: on its own');
  const failing = fake();
  assert.throwsWith(() =>
    failing.owner.attempt(() => {
      throw new TypeError('in the middle');
    }, (error) => failing.owner.errorOf(error)), 'in the middle');
  assert.is(failing.said.filter((what) => what === 'pop').length, 3, 'scopes are closed after an error, too');
});

test('a loss is told once it is known, but not that which ends the context', async () => {
  const { owner, lose } = fake();
  lose('unknown');
  await settled();
  assert.throwsWith(() => owner.check(), DeviceLostError, 'the GPU device was lost (unknown): gone');
  const closing = fake();
  await closing.owner.close();
  await closing.owner.close();
  assert.equal([closing.said, closing.owner.isClosed], [['destroy'], true]);
  assert.is(codeOf(() => closing.owner.check()), 'FL_CLOSED');
  const broken = fake();
  const wait = broken.owner.finish(Promise.reject(new Error('broken')));
  broken.lose('soon');
  await assert.rejectsWith(wait, DeviceLostError, 'the GPU device was lost (soon): gone');
});

test('where a promise breaks, what was objected to before is the cause', async () => {
  const { owner, errors } = fake();
  errors.push(invalid('wrong'));
  owner.attempt(() => undefined, (error) => owner.errorOf(error));
  await assert.rejectsWith(owner.finish(Promise.reject(new Error('broken'))), GpuValidationError,
    'the GPU refused a command: wrong');
  const later = fake();
  const wait = later.owner.finish(Promise.reject(new Error('broken')));
  await settled();
  later.owner.fail(new KernelCompileError('k', 'a.wgsl', 'no'));
  later.lose('soon');
  await assert.rejectsWith(wait, KernelCompileError);
});

test('a promise that breaks without a loss is what the device says, after five seconds', async () => {
  const { setTimeout: real } = globalThis;
  const waits: number[] = [];
  const sooner = (ring: (value: undefined) => void, milliseconds: number) => {
    waits.push(milliseconds);
    return real(ring, 0, undefined);
  };
  Object.assign(globalThis, { setTimeout: sooner });
  try {
    const { owner } = fake({ watchdog: false });
    await assert.rejectsWith(owner.finish(Promise.reject(new Error('broken'))), GpuValidationError, /Error: broken/);
    assert.equal(waits, [5000]);
    assert.throwsWith(() => owner.check(), GpuValidationError);
  } finally {
    Object.assign(globalThis, { setTimeout: real });
  }
});

test('work that does not end is named once, whoever waits, and what ends is done', async () => {
  const told: StepTimeoutError[] = [];
  const { owner, said } = fake({ watchdog: { seconds: 0.02, onTimeout: (error) => void told.push(error) } });
  owner.pace.submitted('k on 1 × 1 × 1 workgroups', 1, 1);
  assert.is(await owner.finish(Promise.resolve(3)), 3);
  assert.is(owner.pace.isBusy, false);
  owner.pace.submitted('m on 1 × 1 × 1 workgroups', 1, 1);
  const never = new Promise(() => undefined);
  const [first, second] = await Promise.allSettled([owner.finish(never), owner.finish(never)]);
  assert.ok(first.status === 'rejected' && second.status === 'rejected');
  assert.equal([first.reason === second.reason, told.length, told[0] === first.reason], [true, 1, true]);
  assert.is(told[0].message,
    'the GPU did not finish within 0.02 s: 1 submit is pending, the last dispatch is m on 1 × 1 × 1 workgroups');
  assert.throwsWith(() => owner.check(), StepTimeoutError);
  await owner.close();
  assert.equal(said, ['destroy'], 'a browser ends it');
});

test('a context that is closed waits for what is under way; one in Node leaves work that does not end', async () => {
  const busy = fake();
  busy.owner.pace.submitted('k', 1, 1);
  const closing = busy.owner.close();
  await settled();
  assert.equal(busy.said, []);
  busy.done();
  await closing;
  assert.equal(busy.said, ['destroy']);
  const hanging = fake({ where: 'node', watchdog: { seconds: 0.02 } });
  hanging.owner.pace.submitted('k', 1, 1);
  await assert.rejectsWith(hanging.owner.close(), StepTimeoutError);
  await hanging.owner.close();
  assert.equal(hanging.said, []);
});

test.run();
