/**
 * The layer of batch normalisation, and with it buffers of a module: when they move, and that checkpoints keep every
 * bit of them.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { type AnyTensor, CheckpointFormatError, ConfigError, FirstlightError, type FloatType, type Gpu, halve, Module,
  NonFiniteError, noGrad, open, recompute, StateDictError, Tensor } from '../engine/index.ts';
import { DRAW } from '../kernels/dropout/index.ts';
import { mul } from '../kernels/elementwise/index.ts';
import { cast } from '../kernels/rearrange/index.ts';
import { sumAll } from '../kernels/reduce/index.ts';
import { bytesInMemory } from '../model/checkpoint/bytes.ts';
import { disk } from '../model/checkpoint/files.node.ts';
import { openWeights } from '../model/checkpoint/folder.node.ts';
import { loadWeights } from '../model/checkpoint/loading.ts';
import { openTensors } from '../model/checkpoint/open.ts';
import { encodeTorch } from '../model/checkpoint/pickle/write.ts';
import { encodeSafetensors } from '../model/checkpoint/safetensors.ts';
import { planFile } from '../model/checkpoint/encoding.ts';
import { Weights } from '../model/checkpoint/weights.ts';
import { BatchMoments } from '../model/parts/batch_moments.ts';
import { BatchNorm, freezeBatchNorms } from '../model/parts/batch_norm.ts';
import { initialise } from '../model/parts/init.ts';
import { PRESETS } from '../model/systems/config.ts';
import { parseConfig } from '../train/run/config.ts';
import { newModel } from '../train/run/system.ts';
import { requireFiniteWeights } from '../train/protocols/finite.ts';
import { AdamW, CONTROL } from '../train/recipe/optimizer/index.ts';
import { recordStep } from '../train/recipe/stage.ts';
import { snapshotAt, using } from './checkpoint_sample.ts';

const gpu = await open();
const CHANNELS = 3;
const FIRST = Float32Array.of(1, 2, 3, 5, 2, 9);
const SECOND = Float32Array.of(0, -4, 1, 2, 2, 2);

/** Two norms one behind the other. */
class Net extends Module {
  readonly norms: readonly BatchNorm[];

  constructor(context: Gpu) {
    super();
    this.norms = this.addAll('bn', [new BatchNorm(context, CHANNELS), new BatchNorm(context, CHANNELS)]);
    initialise(this, 3);
  }

  forward(x: Tensor, draw?: Tensor<'u32'>, recomputes = false): Tensor {
    const pass = draw === undefined ? {} : { draw };
    const both = (from: Tensor) => this.norms.reduce((y, norm, i) => norm.forward(y, pass, { relu: i === 0 }), from);
    return recomputes ? recompute(both, x) : both(x);
  }
}

const draw = gpu.keep(Tensor.from(gpu, new Uint32Array(DRAW.words)));

async function stateOf(net: Module): Promise<Map<string, number[]>> {
  const entries = [...net.buffers()];
  const values = await gpu.read(entries.map(([, tensor]) => tensor));
  return new Map(entries.map(([name], i) => [name, [...values[i]]]));
}

/** Steps of two micro-batches; `slope` is dLoss/dy. */
function training(net: Net, recomputes = false, type: FloatType = 'f32') {
  const inputs = [FIRST, SECOND].map((values) => {
    const input = gpu.keep(Tensor.empty(gpu, [2, CHANNELS], type, 'input') as Tensor);
    input.write(values);
    return input;
  });
  const slope = gpu.keep(Tensor.from(gpu, Float32Array.of(0.5, -1, 2, 1, 1, 3), [2, CHANNELS]));
  const optimizer = new AdamW(gpu, [{ name: 'all', lrScale: 1, weightDecay: 0, parameters: [...net.parameters()] }], {
    beta1: 0.9,
    beta2: 0.98,
    eps: 1e-8,
    maxNorm: 0,
  });
  optimizer.schedule([1e-3]);
  const captured = gpu.capture(() =>
    recordStep(optimizer, inputs.length, (micro) =>
      sumAll(mul(cast(net.forward(inputs[micro], draw, recomputes), 'f32'), slope)))
      .control
  );
  return { captured, slope, dispose: () => {
    captured.dispose();
    optimizer.dispose();
    for (const tensor of [...inputs, slope]) tensor.dispose();
  } };
}

test('buffers have the names of torch, are no parameters, and are given back with the module', () => {
  const net = new Net(gpu);
  const names = [0, 1].flatMap((i) =>
    ['running_mean', 'running_var', 'num_batches_tracked'].map((own) => `bn.${i}.${own}`)
  );
  assert.equal([...net.buffers()].map(([name]) => name), names);
  assert.equal([...net.parameters()].map(([name]) => name), ['bn.0.weight', 'bn.0.bias', 'bn.1.weight', 'bn.1.bias']);
  assert.equal([...net.state()].length, 10);
  const buffers = [...net.buffers()].map(([, tensor]) => tensor);
  net.dispose();
  assert.ok(buffers.every((tensor: AnyTensor) => tensor.isDisposed));
  using tensor = Tensor.zeros(gpu, [1]);
  class Twice extends Module {
    constructor() {
      super();
      this.addBuffer('a', tensor);
      this.add('a', tensor);
    }
  }
  assert.throwsWith(() => new Twice(), FirstlightError, 'a module has two parts named "a"');
});

test('running statistics move once for each micro-batch of a captured step, and not again under recompute', async () => {
  const states: Map<string, number[]>[] = [];
  const weights: unknown[] = [];
  for (const recomputes of [false, true]) {
    const net = new Net(gpu);
    const run = training(net, recomputes);
    run.captured.run();
    run.captured.run();
    states.push(await stateOf(net));
    weights.push(await gpu.read([...net.parameters()].map(([, tensor]) => tensor)));
    run.dispose();
    net.dispose();
  }
  const [plain, recomputed] = states;
  assert.equal(plain.get('bn.0.num_batches_tracked'), [4]);
  assert.equal(recomputed, plain);
  assert.equal(weights[1], weights[0]);
  // means of the two micro-batches by hand: (3, 2, 6) and (1, −1, 1.5), a tenth each time
  const follow = (first: number, second: number) =>
    [first, second, first, second].reduce((mean, own) => 0.9 * mean + 0.1 * own, 0);
  const want = [follow(3, 1), follow(2, -1), follow(6, 1.5)];
  plain.get('bn.0.running_mean')?.forEach((mean, c) => assert.ok(Math.abs(mean - want[c]) < 1e-6, `channel ${c}`));
});

test('moments that are kept of micro-batches, some of them by others, move running statistics to the same bits', async () => {
  const inputs = [FIRST, SECOND].map((values) => gpu.keep(Tensor.from(gpu, values, [2, CHANNELS])));
  const [plain, own, other] = [new Net(gpu), new Net(gpu), new Net(gpu)];
  const kept = [own, other].map((net) => BatchMoments.of(gpu, net, inputs.length) as BatchMoments);
  for (let step = 0; step < 2; step++) {
    gpu.scope(() => noGrad(() => inputs.forEach((input) => plain.forward(input, draw))));
    for (const [i, net] of [own, other].entries()) {
      kept[i].keep(i);
      gpu.scope(() => noGrad(() => net.forward(inputs[i], draw)));
    }
    const [first, second] = await Promise.all(kept.map(({ all }) => all.read()));
    assert.equal(await stateOf(own), await stateOf(other));
    const half = first.length / 2;
    for (const { all } of kept) all.write(Float32Array.of(...first.slice(0, half), ...second.slice(half)));
    gpu.scope(() => kept.forEach((moments) => moments.follow()));
  }
  const want = await stateOf(plain);
  assert.equal(await stateOf(own), want);
  assert.equal(await stateOf(other), want);
  for (const each of [...kept, plain, own, other, ...inputs]) each.dispose();
  const frozen = new Net(gpu);
  freezeBatchNorms(frozen, 'frozen');
  assert.is(BatchMoments.of(gpu, frozen, 2), undefined);
});

test('in evaluation, and frozen in training, running statistics are taken and stay; partial leaves the first', async () => {
  const net = new Net(gpu);
  const run = training(net);
  run.captured.run();
  const before = await stateOf(net);
  using x = Tensor.from(gpu, FIRST, [2, CHANNELS]);
  const read = (pass?: Tensor<'u32'>) => {
    using y = gpu.scope(() => noGrad(() => net.forward(x, pass)));
    return y.read();
  };
  const evaluated = await read();
  assert.equal(await stateOf(net), before);
  freezeBatchNorms(net, 'partial');
  assert.equal(net.norms.map(({ isFrozen, weight }) => [isFrozen, weight.requiresGrad]), [[false, true], [true,
    false]]);
  freezeBatchNorms(net, 'frozen');
  assert.equal([...(await read(draw))], [...evaluated]);
  assert.equal(await stateOf(net), before);
  assert.ok([...net.parameters()].every(([, { requiresGrad }]) => !requiresGrad));
  run.dispose();
  net.dispose();
});

test('a configuration that freezes batch norms is refused for a system that has none', () => {
  const config = parseConfig('data: {train: a.txt, labels: l.csv}\nmodel: {preset: tiny}\n', 'c.yaml', [
    'train.batchNorm=frozen',
  ]);
  assert.throwsWith(() => newModel(gpu, config, PRESETS.tiny), ConfigError,
    'train.batchNorm: is frozen, xclip has no batch norm');
});

test('a step that the optimiser skips moves running statistics, as in torch', async () => {
  const net = new Net(gpu);
  const run = training(net);
  run.slope.write(new Float32Array(6).fill(Infinity));
  const control = await run.captured.run().read();
  assert.is(control[CONTROL.skipped], 1);
  assert.equal((await stateOf(net)).get('bn.0.num_batches_tracked'), [2]);
  assert.equal([...(await net.norms[0].weight.read())], [1, 1, 1]);
  run.dispose();
  net.dispose();
});

testIf(gpu.features.has('shader-f16'), 'the adapter lacks shader-f16')(
  'a halved module has f32 buffers, which follow as those of f32 do, and move in a step that is skipped',
  async () => {
    const [wide, half] = [new Net(gpu), new Net(gpu)];
    halve(half);
    assert.equal([...half.state()].map(([, { dtype }]) => dtype), [...new Array<string>(4).fill('f16'), 'f32', 'f32',
      'u32', 'f32', 'f32', 'u32']);
    const runs = [training(wide), training(half, false, 'f16')];
    // the scale of the loss is 65,536 at first: only its backing off makes the gradient finite
    const [, control] = runs.map(({ captured }) => captured.run());
    assert.is((await control.read())[CONTROL.skipped], 1);
    const [want, got] = [await stateOf(wide), await stateOf(half)];
    for (const [name, values] of want) {
      got.get(name)?.forEach((value, c) => assert.ok(Math.abs(value - values[c]) < 1e-3, `${name} ${c}: ${value}`));
    }
    for (const run of runs) run.dispose();
    wide.dispose();
    half.dispose();
  },
);

/** Numbers that no pass leaves, and that a slip in reading would not give back. */
function fill(net: Net): void {
  for (const [i, { running }] of net.norms.entries()) {
    running.mean.write(Float32Array.of(-0, 1e-40, i + 1 / 3));
    running.variance.write(Float32Array.of(2.5, 3e38, i));
    running.batches.write(Uint32Array.of(4_000_000_000 + i));
  }
}

const bitsOf = (values: Map<string, number[]>) =>
  JSON.stringify([...values].map(([name, own]) => [name, own.map((v) => (Object.is(v, -0) ? '-0' : v))]));

/** A file of these buffers and parameters, as it is opened. */
async function written(net: Net, encode: typeof encodeSafetensors | typeof encodeTorch,
  isKept: (name: string) => boolean = () => true): Promise<Weights> {
  const { tensors, read } = planFile([...net.state()].filter(([name]) => isKept(name)), 'official');
  const chunks: Uint8Array[] = [];
  for await (const piece of encode(tensors, read)) chunks.push(piece);
  return new Weights('file', [await openTensors(bytesInMemory('file', Buffer.concat(chunks)))]);
}

test('files keep every bit of buffers, counts as I64: safetensors, PyTorch’s, and the checkpoint of a run', async () => {
  const net = new Net(gpu);
  const again = new Net(gpu);
  fill(net);
  const want = bitsOf(await stateOf(net));
  for (const encode of [encodeSafetensors, encodeTorch]) {
    const weights = await written(net, encode);
    assert.equal(weights.shape('bn.1.num_batches_tracked'), []);
    await loadWeights(again, weights);
    assert.is(bitsOf(await stateOf(again)), want);
    again.norms[0].running.mean.write(new Float32Array(3));
    assert.equal(
      weights.readables().map(([name, { dtype = 'f32' }]) => `${name} ${dtype}`).filter((line) => line.endsWith('u32')),
      ['bn.0.num_batches_tracked u32', 'bn.1.num_batches_tracked u32'],
    );
  }
  const folder = mkdtempSync(join(tmpdir(), 'firstlight-buffers-'));
  try {
    const saved = snapshotAt(3);
    const path = await using(folder, disk, (store) =>
      store.save({ ...saved, content: { ...saved.content, parameters: net.state() } }));
    const { weights, close } = await openWeights(path);
    await loadWeights(again, weights);
    assert.is(bitsOf(await stateOf(again)), want);
    await close();
  } finally {
    rmSync(folder, { recursive: true });
  }
  net.dispose();
  again.dispose();
});

test('a file without counts is read, and one without statistics, of a variance below 0, or with a count beyond 32 bits, refused by name', async () => {
  const net = new Net(gpu);
  net.norms[0].running.batches.write(Uint32Array.of(7));
  await loadWeights(net, await written(net, encodeSafetensors, (name) => !name.endsWith('tracked')));
  assert.equal((await stateOf(net)).get('bn.0.num_batches_tracked'), [7]);
  const without = await written(net, encodeSafetensors, (name) => name !== 'bn.1.running_var');
  await assert.rejectsWith(loadWeights(net, without), StateDictError, /Missing \(1\): bn\.1\.running_var \[3\]/);
  const counts = [{ name: 'n', shape: [], dtype: 'I64' as const }];
  const bytes: Uint8Array[] = [];
  for await (const piece of encodeSafetensors(counts, () => BigInt64Array.of(2n ** 32n))) bytes.push(piece);
  const weights = new Weights('file', [await openTensors(bytesInMemory('file', Buffer.concat(bytes)))]);
  await assert.rejectsWith(weights.counts('n', []), CheckpointFormatError,
    /holds 4294967296, counts from 0 to 4294967295 are read/);
  net.norms[1].running.mean.write(Float32Array.of(-1, -2, -3));
  net.norms[1].running.variance.write(Float32Array.of(1, -0, -1e-30));
  await assert.rejectsWith(loadWeights(net, await written(net, encodeTorch)), CheckpointFormatError,
    /tensor "bn\.1\.running_var": holds -1\.\d+e-30 at place 2: no variance is below 0$/);
  net.norms[1].running.variance.write(Float32Array.of(1, Number.NaN, 1));
  await assert.rejectsWith(requireFiniteWeights(net), NonFiniteError, /the weight "bn\.1\.running_var"/);
  net.dispose();
});

test.run();
