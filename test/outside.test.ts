/**
 * Three small programs, as somebody writes them who builds on the engine and has nothing to do with X-CLIP. Each
 * reaches an answer that is known.
 */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { backward, type Gpu, Kernel, Module, noGrad, open, Random, record, recompute, sizeOf, type Source, type Shape,
  Tensor } from '../engine/index.ts';
import { selfAttention } from '../kernels/attention/index.ts';
import { crossEntropyWithLabels } from '../kernels/cross_entropy/index.ts';
import { add, pow, relu, sub } from '../kernels/elementwise/index.ts';
import { embedding, type TokenIds, tokenIds } from '../kernels/embedding/index.ts';
import { layernorm } from '../kernels/layernorm/index.ts';
import { linear, matmul, mlp } from '../kernels/matmul/index.ts';
import { slice } from '../kernels/rearrange/index.ts';
import { mean, sumAll } from '../kernels/reduce/index.ts';
import { AdamW, SGD } from '../train/recipe/optimizer/index.ts';

const gpu = await open();
const random = new Random(1, 'outside');

/** Normal numbers, as wide as a layer with so many inputs wants them. */
function weight(context: Gpu, shape: Shape, inputs = shape.at(-1) ?? 1): Tensor {
  const values = Float32Array.from({ length: sizeOf(shape) }, () => random.normal() / Math.sqrt(inputs));
  const tensor = context.keep(Tensor.from(context, values, shape, 'weight'));
  tensor.requiresGrad = true;
  return tensor;
}

function constant(context: Gpu, shape: Shape, value: number): Tensor {
  const tensor = context.keep(Tensor.from(context, new Float32Array(sizeOf(shape)).fill(value), shape, 'constant'));
  tensor.requiresGrad = true;
  return tensor;
}

function optimizerOf(model: Module, lr: number): AdamW {
  const optimizer = new AdamW(gpu, [{ name: 'all', lrScale: 1, weightDecay: 0, parameters: [...model.parameters()] }], {
    beta1: 0.9,
    beta2: 0.99,
    eps: 1e-8,
    maxNorm: 1,
  });
  optimizer.schedule([lr]);
  return optimizer;
}

/** Share of rows whose largest number stands where the label says. */
function accuracy(logits: Float32Array, labels: ArrayLike<number>): number {
  const classes = logits.length / labels.length;
  const right = Array.from(labels).filter((label, i) => {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    return row.indexOf(Math.max(...row)) === label;
  });
  return right.length / labels.length;
}

// ---------------------------------------------------------------------------------------------------- 1. two spirals

/** Two arms of a spiral around the origin, with a little noise. */
function spirals(count: number): { points: Float32Array; labels: Uint32Array } {
  const points = new Float32Array(4 * count);
  const labels = Uint32Array.from({ length: 2 * count }, (_, i) => i % 2);
  labels.forEach((label, i) => {
    const along = (0.1 + Math.floor(i / 2) / count) * 2 * Math.PI;
    const angle = along + label * Math.PI;
    points[2 * i] = (along / 6) * Math.cos(angle) + 0.01 * random.normal();
    points[2 * i + 1] = (along / 6) * Math.sin(angle) + 0.01 * random.normal();
  });
  return { points, labels };
}

class SpiralNet extends Module {
  readonly w1 = this.add('w1', weight(gpu, [32, 2]));
  readonly b1 = this.add('b1', constant(gpu, [32], 0));
  readonly w2 = this.add('w2', weight(gpu, [32, 32]));
  readonly b2 = this.add('b2', constant(gpu, [32], 0));
  readonly w3 = this.add('w3', weight(gpu, [2, 32]));

  forward(x: Tensor): Tensor {
    const h1 = relu(linear(x, this.w1, { bias: this.b1 }));
    const h2 = relu(linear(h1, this.w2, { bias: this.b2 }));
    return linear(h2, this.w3);
  }
}

test('a small network tells two spirals apart', async () => {
  using net = new SpiralNet();
  using optimizer = new SGD(gpu, [{ name: 'all', lrScale: 1, weightDecay: 1e-4, parameters: [...net.parameters()] }], {
    momentum: 0.9,
    nesterov: true,
    maxNorm: 0,
  });
  optimizer.schedule([0.1]);
  const { points, labels } = spirals(100);
  using x = Tensor.from(gpu, points, [200, 2]);
  using y = Tensor.from(gpu, labels);
  for (let step = 0; step < 300; step++) {
    optimizer.zeroGrad();
    gpu.scope(() => {
      backward(crossEntropyWithLabels(net.forward(x), y));
      optimizer.step();
    });
  }
  const unseen = spirals(50);
  using logits = noGrad(() => gpu.scope(() => net.forward(Tensor.from(gpu, unseen.points, [100, 2]))));
  const share = accuracy(await logits.read(), unseen.labels);
  assert.ok(share >= 0.98, `${share} of unseen points are right`);
});

// ------------------------------------------------------------------------------------------- 2. a language of period
//  three

const [VOCABULARY, LENGTH, WIDTH, HEADS, PERIOD] = [12, 12, 32, 2, 3];

class Block extends Module {
  readonly norm1 = this.add('norm1', constant(gpu, [WIDTH], 1));
  readonly bias1 = this.add('bias1', constant(gpu, [WIDTH], 0));
  readonly qkv = this.add('qkv', weight(gpu, [3 * WIDTH, WIDTH]));
  readonly out = this.add('out', weight(gpu, [WIDTH, WIDTH]));
  readonly norm2 = this.add('norm2', constant(gpu, [WIDTH], 1));
  readonly bias2 = this.add('bias2', constant(gpu, [WIDTH], 0));
  readonly expand = this.add('expand', weight(gpu, [4 * WIDTH, WIDTH]));
  readonly contract = this.add('contract', weight(gpu, [WIDTH, 4 * WIDTH]));

  forward(x: Tensor): Tensor {
    const attended = selfAttention(linear(layernorm(x, this.norm1, this.bias1), this.qkv), HEADS, { causal: true });
    const h = linear(attended, this.out, { residual: x });
    return mlp(layernorm(h, this.norm2, this.bias2), { weight: this.expand }, { weight: this.contract }, {
      activation: 'gelu',
      residual: h,
    });
  }
}

/** Two causal layers; the table of tokens is the last layer as well. */
class Transformer extends Module {
  readonly tokens = this.add('tokens', weight(gpu, [VOCABULARY, WIDTH]));
  readonly positions = this.add('positions', weight(gpu, [LENGTH, WIDTH]));
  readonly blocks = this.addAll('blocks', [new Block(), new Block()]);
  readonly last = this.add('last', this.tokens);

  /** @param ids [B, L] → logits [B, L, V] of the next token */
  forward(ids: TokenIds): Tensor {
    let x = add(embedding(this.tokens, ids), this.positions);
    for (const block of this.blocks) x = recompute((v) => block.forward(v), x);
    return matmul(x, this.last, { transposeB: true });
  }
}

/** Sequences that repeat their first three tokens. */
function periodic(batch: number): Int32Array {
  const ids = new Int32Array(batch * LENGTH);
  for (let b = 0; b < batch; b++) {
    const word = Array.from({ length: PERIOD }, () => random.below(VOCABULARY));
    for (let l = 0; l < LENGTH; l++) ids[b * LENGTH + l] = word[l % PERIOD];
  }
  return ids;
}

/** What comes next, where it can be known: behind the first word, up to the last token but one. */
function nextOf(ids: Int32Array): Uint32Array {
  return Uint32Array.from(ids.filter((_, i) => i % LENGTH >= PERIOD));
}

const known = (logits: Tensor) => slice(logits, 1, PERIOD - 1, LENGTH - 1);

test('a causal transformer of two layers with tied embeddings learns to go on', async () => {
  const batch = 32;
  using model = new Transformer();
  assert.is([...model.parameters()].filter(([, tensor]) => tensor === model.tokens).length, 1);
  using optimizer = optimizerOf(model, 0.004);
  const ids = tokenIds(gpu, periodic(batch), [batch, LENGTH]);
  using labels = Tensor.from(gpu, nextOf(new Int32Array(batch * LENGTH)));
  using step = gpu.capture(() => {
    optimizer.zeroGrad();
    const logits = known(model.forward(ids));
    const loss = crossEntropyWithLabels(logits.reshape([-1, VOCABULARY]), labels);
    backward(loss);
    optimizer.step();
    return loss;
  });
  let loss = step.run();
  for (let i = 0; i < 150; i++) {
    const drawn = periodic(batch);
    ids.write(drawn);
    labels.write(nextOf(drawn));
    loss = step.run();
  }
  assert.ok((await loss.item()) < 0.1, `the loss is ${await loss.item()}`);

  const unseen = periodic(batch);
  ids.write(unseen);
  const logitsOf = async () => {
    using logits = noGrad(() => gpu.scope(() => model.forward(ids)));
    return logits.read();
  };
  const logits = await logitsOf();
  using tensor = Tensor.from(gpu, logits, [batch, LENGTH, VOCABULARY]);
  using answers = known(tensor);
  const share = accuracy(await answers.read(), nextOf(unseen));
  assert.ok(share >= 0.99, `${share} of unseen continuations are right`);

  // causal: a token has no part in what came before it
  ids.write(unseen.map((id, i) => (i % LENGTH === LENGTH - 1 ? (id + 1) % VOCABULARY : id)));
  const changed = await logitsOf();
  const earlier = (values: Float32Array) => values.filter((_, i) => Math.floor(i / VOCABULARY) % LENGTH < LENGTH - 1);
  assert.equal(earlier(changed), earlier(logits));
  ids.dispose();
});

// ------------------------------------------------------------------------------------------------- 3. an operation of
//  one's own

/** As somebody has them in files beside his program, read by `part(import.meta.url, './softsign.wgsl')`. */
const SOFTSIGN: Source = {
  file: 'softsign.wgsl',
  text: `
struct Params { n: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64) fn softsign(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.n) { y[id.x] = x[id.x] / (1.0 + abs(x[id.x])); }
}`,
};
const SOFTSIGN_GRAD: Source = {
  file: 'softsign_grad.wgsl',
  text: `
struct Params { n: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@compute @workgroup_size(64) fn softsign_grad(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.n) { let d = 1.0 + abs(x[id.x]); dx[id.x] = dy[id.x] / (d * d); }
}`,
};
const forward = new Kernel('softsign', [SOFTSIGN]);
const gradient = new Kernel('softsign_grad', [SOFTSIGN_GRAD]);

/** y = x / (1 + |x|), dy/dx = 1 / (1 + |x|)². */
function softsign(x: Tensor): Tensor {
  const [n, grid] = [x.size, Math.ceil(x.size / 64)];
  const y = x.like();
  forward.run(x.gpu, { tensors: { x, y }, params: { n }, grid });
  return record(y, [x], (dy) => {
    const dx = x.gradLike();
    gradient.run(x.gpu, { tensors: { x, dy, dx }, params: { n }, grid });
    return [dx];
  });
}

test("an operation of one's own, with its gradient, finds the numbers that it maps to others", async () => {
  class Numbers extends Module {
    readonly x = this.add('x', constant(gpu, [4], 0.1));
  }
  using model = new Numbers();
  using optimizer = optimizerOf(model, 0.05);
  const wanted = [0.5, -0.5, 0.6, -0.2];
  using target = Tensor.from(gpu, Float32Array.from(wanted));
  const loss = () => mean(pow(sub(softsign(model.x), target), 2), 0);
  gpu.scope(() => backward(sumAll(softsign(model.x))));
  for (const value of (await model.x.grad?.read()) ?? []) {
    assert.ok(Math.abs(value - 1 / 1.21) < 1e-6, `the gradient at 0.1 is ${value}`);
  }
  for (let step = 0; step < 400; step++) {
    optimizer.zeroGrad();
    gpu.scope(() => {
      backward(loss());
      optimizer.step();
    });
  }
  const found = await model.x.read();
  wanted.forEach((y, i) =>
    assert.ok(Math.abs(found[i] - y / (1 - Math.abs(y))) < 0.02,
      `softsign⁻¹(${y}) is ${y / (1 - Math.abs(y))}, found ${found[i]}`)
  );
});

test.after(() => gpu.close());
test.run();
