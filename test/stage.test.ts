import { test } from './test.ts';
import * as assert from './assert.ts';
import { backward, NonFiniteError, open, Random, Tensor } from '../engine/index.ts';
import { mul, sub } from '../kernels/elementwise/index.ts';
import { linear } from '../kernels/matmul/index.ts';
import { TILE } from '../kernels/shared/arena_update.ts';
import { RECORD } from '../kernels/wire/index.ts';
import type { Wire } from '../train/recipe/gradient.ts';
import { mean } from '../kernels/reduce/index.ts';
import { AdamW, type ParameterGroup } from '../train/recipe/optimizer/index.ts';
import { learningRate, type Schedule } from '../train/recipe/schedule.ts';
import type { Sharing } from '../train/recipe/sharing.ts';
import { type StageOptions, trainStage } from '../train/recipe/stage.ts';
import type { StepReport } from '../train/recipe/step_reports.ts';

const gpu = await open();
const [ROWS, FROM, TO] = [6, 5, 3];
const STEPS = 40;
const schedule: Schedule = { form: 'plain', baseLr: 0.02, minLr: 0, warmup: 5, total: STEPS };

const numbers = (name: string, count: number) => {
  const random = new Random(1, name);
  return Float32Array.from({ length: count }, () => random.normal());
};

/** A linear regression, whose weight and bias stand in groups of their own. */
function regression() {
  const parameter = (name: string, shape: number[]) => {
    const tensor = gpu.keep(Tensor.from(gpu, numbers(name, shape.reduce((a, b) => a * b)), shape, name));
    tensor.requiresGrad = true;
    return tensor;
  };
  const [weight, bias, unused] = [parameter('weight', [TO, FROM]), parameter('bias', [TO]), parameter('unused', [7])];
  const group = (name: string, lrScale: number, weightDecay: number, tensor: Tensor): ParameterGroup => ({ name,
    lrScale, weightDecay, parameters: [[name, tensor]] });
  const groups = [group('weight', 1, 0.1, weight), group('bias', 10, 0, bias), group('unused', 1, 0.5, unused)];
  const optimizer = new AdamW(gpu, groups, { beta1: 0.9, beta2: 0.98, eps: 1e-8, maxNorm: 1 });
  const [x, y] = [gpu.keep(Tensor.zeros(gpu, [ROWS, FROM], 'x')), gpu.keep(Tensor.zeros(gpu, [ROWS, TO], 'y'))];
  const loss = (of: { readonly x: Tensor; readonly y: Tensor } = { x, y }) => {
    const difference = sub(linear(of.x, weight, { bias }), of.y);
    return mean(mul(difference, difference).reshape([-1]), 0);
  };
  const feed = (batch: { readonly x: Float32Array; readonly y: Float32Array }) => {
    x.write(batch.x);
    y.write(batch.y);
  };
  const batch = (step: number) => ({ x: numbers(`x ${step}`, ROWS * FROM), y: numbers(`y ${step}`, ROWS * TO) });
  const weights = () => gpu.read([weight, bias, unused]);
  const dispose = () => {
    optimizer.dispose();
    for (const tensor of [weight, bias, unused, x, y]) tensor.dispose();
  };
  return { optimizer, x, y, loss, feed, batch, weights, dispose };
}

type Regression = ReturnType<typeof regression>;

async function train(own: Regression, options: Partial<StageOptions<ReturnType<Regression['batch']>>> = {}) {
  const reports: StepReport[] = [];
  const reached = await trainStage({
    gpu,
    optimizer: own.optimizer,
    schedule,
    steps: STEPS,
    prepare: async (step) => own.batch(step),
    feed: own.feed,
    loss: () => own.loss(),
    onStep: (report) => void reports.push(report),
    ...options,
  });
  return { reached, reports };
}

test('a stage gives the bits of the same steps taken one by one, and reports every step in order', async () => {
  const own = regression();
  const { reached, reports } = await train(own);
  assert.is(reached, STEPS);
  assert.equal(reports.map(({ step }) => step), Array.from({ length: STEPS }, (_, i) => i + 1));

  const plain = regression();
  for (let step = 0; step < STEPS; step++) {
    plain.feed(plain.batch(step));
    plain.optimizer.schedule(plain.optimizer.groups.map(({ lrScale }) => learningRate(schedule, step, lrScale)));
    plain.optimizer.zeroGrad();
    const [loss, control] = gpu.scope(() => {
      const value = plain.loss();
      backward(value, plain.optimizer.lossScale);
      return [value.detach(), plain.optimizer.step()];
    });
    assert.is(await loss.item(), reports[step].loss);
    assert.is((await control.read())[0], reports[step].gradNorm);
    loss.dispose();
    control.dispose();
  }
  assert.equal(await own.weights(), await plain.weights());
  own.dispose();
  plain.dispose();
});

test('reports are the same however many steps are read at once', async () => {
  const { now } = performance;
  const seen: { readonly reports: readonly StepReport[]; readonly ahead: number }[] = [];
  for (const secondsPerReadback of [1, 0]) {
    const own = regression();
    let [time, fed, ahead] = [0, 0, 0];
    const reports: StepReport[] = [];
    performance.now = () => (time += secondsPerReadback * 1000); // asked when reports come back
    try {
      await train(own, {
        feed: (batch) => {
          own.feed(batch);
          fed++;
        },
        onStep: (report) => {
          ahead = Math.max(ahead, fed - report.step);
          reports.push(report);
        },
      });
    } finally {
      performance.now = now;
    }
    seen.push({ reports, ahead });
    own.dispose();
  }
  const [slow, fast] = seen;
  assert.equal(fast.reports, slow.reports);
  assert.ok(slow.ahead <= 2, `steps of a second each are reported one by one, ${slow.ahead} were ahead`);
  assert.ok(fast.ahead > 8 && fast.ahead <= 32, `steps that take no time are read together, ${fast.ahead} were ahead`);
});

test('an update of three groups takes four dispatches, and a parameter without a gradient decays', async () => {
  const own = regression();
  const [, , before] = await own.weights();
  own.optimizer.zeroGrad();
  gpu.scope(() => backward(own.loss()));
  own.optimizer.schedule([0.1, 0.1, 0.1]);
  const { dispatches } = gpu.counts;
  own.optimizer.step().dispose();
  assert.is(gpu.counts.dispatches - dispatches, 4);
  const [, , after] = (await own.weights()) as Float32Array[];
  assert.equal(after,
    Float32Array.from(before, (value) => Math.fround(value * Math.fround(1 - Math.fround(Math.fround(0.1) * 0.5)))));
  own.dispose();
});

test('a step has its own gradient, nothing of the one before: at a rate of 0 all of them are equal', async () => {
  const own = regression();
  const { reports } = await train(own, { schedule: { ...schedule, baseLr: 0 }, steps: 4,
    prepare: async () => own.batch(1), accumulation: 2 });
  assert.ok(reports[0].gradNorm > 0);
  assert.equal(new Set(reports.map(({ gradNorm }) => gradNorm)).size, 1);
  own.dispose();
});

/** What two processes do together, in this one. */
function two(count: number, stopsAfter: number, bucketBytes: number): readonly Sharing[] {
  let waiting:
    | { readonly numbers: Float32Array; readonly into: Float32Array; readonly resolve: () => void }
    | undefined;
  const plus: NonNullable<Parameters<Sharing['sum']>[3]> = (from, into) =>
    from.forEach((value, i) => (into[i] += value));
  const meet = (numbers: Float32Array, into = numbers, add = plus) =>
    new Promise<void>((resolve) => {
      if (waiting === undefined) return void (waiting = { numbers, into, resolve });
      const sum = numbers.slice();
      add(waiting.numbers, sum);
      for (const each of [waiting, { into, resolve }]) {
        each.into.set(sum);
        each.resolve();
      }
      waiting = undefined;
    });
  let told = 0;
  return [0, 1].map((rank) => ({ rank, size: 2, share: { first: rank * count, count }, bucketBytes,
    ready: () => meet(new Float32Array(1)), numbers: (length, unit = 1) => new Float32Array(length + 3 * unit),
    sum: (own, into, _, add) => {
      if (rank === 0) lengths.push(own.length);
      return meet(own, into, add);
    }, tell: () => (rank === 1 && ++told === stopsAfter ? 7 : 0),
    hear: (numbers) => void heard[rank].push([...numbers]) })
  );
}
const heard: number[][][] = [[], []];
let lengths: number[] = [];

test('two processes that share micro-batches take the steps of one, bit for bit, and tell one another', async () => {
  const accumulation = 4;
  const run = async (wire: Wire, sharing?: Sharing) => {
    const own = regression();
    const others = Array.from({ length: accumulation }, () => regression());
    const reports: StepReport[] = [];
    await trainStage({ gpu, optimizer: own.optimizer, schedule, steps: 5, accumulation, sharing, wire,
      prepare: async (step, micro) => own.batch(accumulation * step + micro),
      feed: (batch, _, micro) => others[micro].feed(batch), loss: (micro) => own.loss(others[micro]),
      onStep: (report) => void reports.push(report) });
    const weights = await own.weights();
    for (const each of [own, ...others]) each.dispose();
    return { weights, reports };
  };
  const alone = { f32: await run('f32'), f16: await run('f16') };
  assert.not.equal(alone.f16, alone.f32);
  // in the order in which a backward pass reaches them, what it does not reach last, and then the losses
  for (const [wire, bucketBytes, sums] of [
    ['f32', 1 << 20, [3 * TILE + 3, 9]],
    ['f32', 1, [TILE + 3, TILE + 3, TILE + 3, 9]],
    ['f16', 2 * 4 * TILE, [(2 + 3) * RECORD, (1 + 3) * RECORD, 9]],
  ] as const) {
    heard[0] = [];
    heard[1] = [];
    lengths = [];
    const [first, second] = await Promise.all(two(2, 3, bucketBytes).map((sharing) => run(wire, sharing)));
    assert.equal(first, alone[wire]);
    assert.equal(second, alone[wire]);
    assert.equal(heard, [[[0, 0], [0, 0], [0, 7], [0, 0], [0, 0]], heard[0]]);
    assert.equal(lengths, Array.from({ length: 5 }, () => sums).flat());
  }
});

test('a step whose gradient is not finite is reported, changes nothing and does not count', async () => {
  const poisoned = new Set([3, 4, 11]);
  const own = regression();
  const broken = (
    step: number,
  ) => (poisoned.has(step) ? { ...own.batch(step), y: new Float32Array(ROWS * TO).fill(Number.NaN) } : own.batch(step));
  const { reports } = await train(own, { prepare: async (step) => broken(step) });
  assert.equal(reports.filter(({ skipped }) => skipped).map(({ step }) => step), [4, 5, 12]);
  const { steps, skipped } = await own.optimizer.counts();
  assert.equal([steps, skipped], [STEPS - 3, 3]);
  assert.ok((await own.weights()).every((values) => Array.from(values).every(Number.isFinite)));
  own.dispose();
});

test('twenty steps in a row whose gradient is not finite end the stage', async () => {
  const own = regression();
  const infinite = { ...own.batch(0), y: new Float32Array(ROWS * TO).fill(3e38) };
  const training = train(own, { prepare: async (step) => (step < 5 ? own.batch(step) : infinite) });
  await assert.rejectsWith(training, NonFiniteError, /the gradient of 20 steps in a row is NaN or infinite at step 25/);
  own.dispose();
});

test('an end that leaves the GPU sound is told with the steps that are done, all reported, before the error is thrown', async () => {
  const broken = new Error('clip 6 is broken');
  const infinite = { x: numbers('x 0', ROWS * FROM), y: new Float32Array(ROWS * TO).fill(3e38) };
  for (const [prepare, error, least, most] of [
    [(own: Regression, step: number) => {
      if (step === 6) throw broken;
      return own.batch(step);
    }, broken, 6, 6],
    [(own: Regression, step: number) => (step < 5 ? own.batch(step) : infinite), NonFiniteError, 25, STEPS],
  ] as const) {
    const own = regression();
    const [reported, ends]: [number[], number[][]] = [[], []];
    const training = train(own, {
      prepare: async (step) => prepare(own, step),
      onStep: ({ step }) => void reported.push(step),
      onFailure: async (step) => {
        const { steps, skipped } = await own.optimizer.counts();
        ends.push([step, reported.length, steps + skipped]);
      },
    });
    if (error === broken) assert.is(await assert.rejectsWith(training, Error), broken);
    else await assert.rejectsWith(training, NonFiniteError);
    const [[step]] = ends;
    assert.ok(step >= least && step <= most, `ended after step ${step}`);
    assert.equal(ends, [[step, step, step]]);
    assert.equal(reported, Array.from({ length: step }, (_, i) => i + 1));
    own.dispose();
  }
});

test('at a pause nothing is under way, all is reported, and the stage can be ended there', async () => {
  const own = regression();
  const seen: (readonly number[])[] = [];
  const reports: number[] = [];
  const reached = await trainStage({
    gpu,
    optimizer: own.optimizer,
    schedule,
    steps: STEPS,
    prepare: async (step) => own.batch(step),
    feed: own.feed,
    loss: () => own.loss(),
    onStep: ({ step }) => void reports.push(step),
    pausesAfter: (step) => step % 7 === 0,
    onPause: async (step) => {
      seen.push([step, reports.length, (await own.optimizer.counts()).steps]);
      return step < 21;
    },
  });
  assert.is(reached, 21);
  assert.equal(seen, [[7, 7, 7], [14, 14, 14], [21, 21, 21]]);
  own.dispose();
});

test('where the GPU has failed, steps that nobody can read are not told of, and all that a stage held is given back', async () => {
  const own = regression();
  await train(own, { steps: 2 }); // what stays for the life of the context
  const { live } = gpu.pool;
  const { reached } = await train(own, { steps: 3 });
  assert.equal([reached, gpu.pool.live], [3, live]);
  const ends: number[] = [];
  const check = gpu.check.bind(gpu);
  const training = train(own, {
    prepare: async (step) => {
      if (step < 6) return own.batch(step);
      gpu.check = () => {
        throw new Error('the device is lost');
      };
      throw new Error('clip 6 is broken');
    },
    onFailure: async (step) => void ends.push(step),
  });
  try {
    await assert.rejectsWith(training, Error);
  } finally {
    gpu.check = check;
  }
  assert.equal(ends, []);
  own.dispose();
});

test('an error in loading ends the stage with that error', async () => {
  const own = regression();
  const training = train(own, {
    prepare: async (step) => {
      if (step === 6) throw new Error('clip 6 is broken');
      return own.batch(step);
    },
  });
  await assert.rejectsWith(training, 'clip 6 is broken');
  own.dispose();
});

test.after(() => gpu.close());
test.run();
