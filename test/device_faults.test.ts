/** A device that lacks memory, or is lost, at every moment: the first error is the cause, and it says so. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { Arena, backward, type Context, DeviceLostError, FirstlightError, type Gpu, GpuValidationError, History, open,
  OutOfMemoryError, Tensor } from '../engine/index.ts';
import { mul } from '../kernels/elementwise/index.ts';
import { mean } from '../kernels/reduce/index.ts';
import { type Made, openLacking, openWith } from './faulty_device.ts';

/** The error that some work ends with. */
const errorOf = (work: () => unknown) => assert.rejectsWith(async () => work(), Error);

/** A small training, in which memory is taken for all that it is ever taken for. */
async function train(gpu: Gpu): Promise<void> {
  const w = gpu.keep(Tensor.from(gpu, Float32Array.from({ length: 300 }, (_, i) => i / 300), [300], 'w'));
  w.requiresGrad = true;
  const arena = new Arena(gpu, 'arena', [{ id: 0, parameters: [['w', w]] }], 64);
  const history = new History(gpu, 4, 1);
  const step = gpu.capture((x: Tensor) => {
    arena.zeroGrad();
    const loss = mean(mul(mul(w, x), w), 0);
    backward(loss);
    history.append([loss]);
  });
  const x = gpu.keep(Tensor.from(gpu, new Float32Array(300).fill(2), [300], 'x'));
  step.run(x);
  const [row] = await history.read(0, 1);
  assert.ok(row[0] > 0);
  using square = gpu.scope(() => mul(arena.grads, arena.grads));
  await square.read();
  if (gpu.features.has('timestamp-query')) await gpu.profile(() => void step.run(x));
}

/** How often a training makes each kind of thing, by what each is called. */
async function madeBy(): Promise<Record<Made, (string | undefined)[]>> {
  const made: Record<Made, (string | undefined)[]> = { createBuffer: [], createQuerySet: [], createBindGroup: [],
    createComputePipeline: [] };
  await using gpu = await openLacking((kind, _, { label }) => {
    made[kind].push(label);
    return false;
  });
  await train(gpu);
  return made;
}

test('wherever memory ends in a training, the error names what there was none for, and is the first that anybody sees', async () => {
  const made = await madeBy();
  assert.ok(made.createBuffer.length >= 12, made.createBuffer.join(', '));
  for (const [kind, labels] of Object.entries(made) as [Made, string[]][]) {
    for (const [i, label] of labels.entries()) {
      let gpu: Gpu | undefined;
      const error = await errorOf(async () => {
        gpu = await openLacking((other, count) => other === kind && count === i + 1);
        await train(gpu);
        await gpu.sync(); // what was recorded last
      });
      const what = `${kind} ${i + 1}, "${label}": ${error}`;
      assert.instance(error, OutOfMemoryError, what);
      const { message, context, cause } = error as OutOfMemoryError;
      assert.ok(message.includes(label), what);
      assert.match(message,
        /^cannot allocate ([\d.]+ [KM]?i?B.*|memory) for .*: live .*, reserved .*, no budget\nLargest: /);
      if (kind === 'createBuffer') assert.ok(context.requested as number > 0, what);
      assert.match(String((cause as Error).message), 'no memory for');
      if (gpu === undefined) continue;
      const again = await errorOf(() => Tensor.from(gpu as Context, Float32Array.of(1)));
      assert.is(again, error);
      await gpu.close();
    }
  }
});

test('memory that the host maps is refused at once: what is kept for later gives way, and the device is asked again', async () => {
  let refusals = 0;
  await using gpu = await openWith((real) => ({
    createBuffer(descriptor: GPUBufferDescriptor) {
      if (descriptor.mappedAtCreation === true && refusals > 0) {
        refusals--;
        throw new RangeError('createBuffer: out of memory');
      }
      return real.createBuffer(descriptor);
    },
  }), { guard: true });
  using x = Tensor.from(gpu, Float32Array.of(1, 2));
  await x.read();
  const { buffersCreated } = gpu.counts;
  refusals = 1;
  using y = Tensor.from(gpu, Float32Array.of(3), [1], 'y');
  assert.equal([...(await y.read())], [3]);
  assert.is(gpu.counts.buffersCreated - buffersCreated, 2, 'the staging buffer was given up for y, and made again');
  refusals = 2;
  const error = await errorOf(() => Tensor.zeros(gpu, [5], 'z'));
  assert.instance(error, OutOfMemoryError);
  assert.match((error as Error).message, /^cannot allocate 20 B for z: live 12 B/);
});

// ------------------------------------------------------------------------------------------------ loss

/** What is under way when the device is lost: `before` it is lost and `after`. */
const STAGES: Readonly<Record<string, (gpu: Gpu, lose: () => void) => Promise<unknown> | unknown>> = {
  'before anything was recorded': (gpu, lose) => {
    lose();
    const x = gpu.keep(Tensor.from(gpu, Float32Array.of(1)));
    return gpu.keep(mul(x, x)).read();
  },
  'while commands are recorded': (gpu, lose) => {
    const x = gpu.keep(Tensor.from(gpu, Float32Array.of(1)));
    const y = gpu.keep(mul(x, x));
    lose();
    return gpu.keep(mul(y, y)).read();
  },
  'after they were submitted': async (gpu, lose) => {
    const x = gpu.keep(Tensor.from(gpu, Float32Array.of(1)));
    gpu.keep(mul(x, x));
    gpu.recorder.flush();
    lose();
    await gpu.sync();
  },
  'in the middle of a readback': (gpu, lose) => {
    const reading = gpu.keep(Tensor.zeros(gpu, [100])).read();
    lose();
    return reading;
  },
  'between two loads of a long readback': async (gpu, lose) => {
    const reading = gpu.keep(Tensor.zeros(gpu, [1 << 20])).read(); // 4 MiB, of which 64 KiB come at a time
    const { submits } = gpu.counts;
    while (gpu.counts.submits < submits + 2) await new Promise((resolve) => setTimeout(resolve, 1));
    lose();
    await reading;
  },
  'while two readbacks wait': async (gpu, lose) => {
    const x = gpu.keep(Tensor.zeros(gpu, [100]));
    const readings = [x.read(), x.read()];
    lose();
    const [first, second] = await Promise.allSettled(readings);
    assert.is((first as PromiseRejectedResult).reason, (second as PromiseRejectedResult).reason);
    await readings[0];
  },
  'in a wait for all work': (gpu, lose) => {
    const x = gpu.keep(Tensor.from(gpu, Float32Array.of(1)));
    gpu.keep(mul(x, x));
    const waiting = gpu.sync();
    lose();
    return waiting;
  },
  'in a step that is replayed': (gpu, lose) => {
    const x = gpu.keep(Tensor.from(gpu, Float32Array.of(1)));
    const step = gpu.capture(() => mul(x, x));
    step.run();
    lose();
    return step.run().read();
  },
  'in a profile': (gpu, lose) => {
    const x = gpu.keep(Tensor.from(gpu, Float32Array.of(1)));
    if (!gpu.features.has('timestamp-query')) lose();
    const profile = gpu.features.has('timestamp-query') ? gpu.profile(() => void gpu.keep(mul(x, x))) : x.read();
    lose();
    return profile;
  },
};

for (const [stage, work] of Object.entries(STAGES)) {
  test(`a device that is lost ${stage} is a DeviceLostError with the reason, and so is every call after it`, async () => {
    const gpu = await open({ budget: 4 * 2 ** 20 + 2 ** 18 });
    const error = await errorOf(() => work(gpu, () => gpu.device.destroy()));
    assert.instance(error, DeviceLostError, `${error}`);
    assert.is((error as DeviceLostError).context.reason, 'destroyed');
    assert.is(await errorOf(() => Tensor.from(gpu, Float32Array.of(1))), error);
    assert.is(await errorOf(() => gpu.sync()), error);
    await gpu.close();
  });
}

test('a loss of which the device tells only after it broke its promise is a loss', async () => {
  let lose: (info: { reason: string; message: string }) => void = () => undefined;
  let isBroken = false;
  const gpu = await openWith((real) => ({
    lost: new Promise((resolve) => {
      lose = resolve;
    }),
    createBuffer(descriptor: GPUBufferDescriptor) {
      const buffer = real.createBuffer(descriptor);
      if (isBroken) {
        Object.defineProperty(buffer, 'mapAsync', { value: () => Promise.reject(new DOMException('', 'AbortError')) });
      }
      return buffer;
    },
  }));
  using x = Tensor.from(gpu, Float32Array.of(1));
  isBroken = true;
  setTimeout(() => lose({ reason: 'unknown', message: 'the driver was reset' }), 50);
  const error = await errorOf(() => x.read());
  assert.instance(error, DeviceLostError, `${error}`);
  assert.match((error as Error).message, 'the GPU device was lost (unknown): the driver was reset');
  await gpu.close();
});

test('a readback that is under way when its context is closed ends with an error of ours', async () => {
  const gpu = await open();
  const reading = errorOf(() => gpu.keep(Tensor.zeros(gpu, [1000])).read());
  await gpu.close();
  const error = await reading;
  assert.instance(error, FirstlightError, `${error}`);
  assert.not.instance(error, GpuValidationError);
});

test.run();
