/**
 * TensorFlow.js on WebGPU, as its users write it: eager operations in `tidy`. What it has no operator for is composed.
 */
import type * as Library from '@tensorflow/tfjs-core';
import { bundle, versionOf } from './install.ts';
import { idle } from './dawn.ts';
import { ADAMW, CHECKED_STEPS, type Formula, type Peer, type Running, type Task } from './task.ts';
import { depthOf, prefixOf } from './vit.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- the library's types are not there before it is installed
type Values = Record<string, any>;
type Value = Values[string];
const tf: typeof Library = await import(await bundle('tensorflow.entry.js'));

function affineNorm(x: Value, weight: Value, bias: Value): Value {
  const centred = x.sub(x.mean(-1, true));
  return centred.mul(centred.square().mean(-1, true).add(1e-5).rsqrt()).mul(weight).add(bias);
}

/** Rows are what fused.matMul takes. */
function linear(x: Value, weight: Value, bias: Value): Value {
  const shape = x.shape as number[];
  const rows = x.reshape([-1, shape[shape.length - 1]]);
  return tf.fused.matMul({ a: rows, b: weight, transposeB: true, bias }).reshape([...shape.slice(0, -1),
    weight.shape[0]]);
}

function attention(query: Value, key: Value, value: Value): Value {
  const headDim = query.shape[3] as number;
  return tf.matMul(tf.softmax(tf.matMul(query, key, false, true).mul(headDim ** -0.5)), value);
}

function blockOf(x: Value, p: Values, heads: number, prefix = ''): Value {
  const of = (name: string) => p[prefix + name];
  const [images, tokens, width] = x.shape as number[];
  const qkv = linear(affineNorm(x, of('ln1.weight'), of('ln1.bias')), of('qkv.weight'), of('qkv.bias'));
  const parts = (tf.split(qkv, 3, -1) as Value[]).map((part) =>
    part.reshape([images, tokens, heads, width / heads]).transpose([0, 2, 1, 3])
  );
  const attended = attention(parts[0], parts[1], parts[2]).transpose([0, 2, 1, 3]).reshape([images, tokens, width]);
  const middle = x.add(linear(attended, of('out.weight'), of('out.bias')));
  const hidden = linear(affineNorm(middle, of('ln2.weight'), of('ln2.bias')), of('expand.weight'), of('expand.bias'));
  return middle.add(linear(hidden.mul(hidden.mul(1.702).sigmoid()), of('contract.weight'), of('contract.bias')));
}

const crossEntropy = (logits: Value, target: Value): Value => target.mul(tf.logSoftmax(logits)).sum(-1).mean().neg();

/** y of a formula. */
const FORWARD: Readonly<Partial<Record<Formula, (o: Values, task: Task) => Value>>> = {
  matmul: ({ a, b }) => tf.matMul(a, b),
  layernorm: ({ x, weight, bias }) => affineNorm(x, weight, bias),
  gelu: ({ x }) => x.mul(0.5).mul(x.mul(Math.SQRT1_2).erf().add(1)),
  cross_entropy: ({ logits, target }) => crossEntropy(logits, target),
  attention: ({ query, key, value }) => attention(query, key, value),
  convolution: ({ x, weight }) => tf.conv2d(x, weight, 1, 'same'),
  block: ({ x, ...p }, { heads = 1 }) => blockOf(x, p, heads),
};

const uploadAll = (task: Task): Values =>
  Object.fromEntries(
    Object.entries(task.operands()).map(([name, { shape, data }]) => [name, tf.tensor(data, [...shape])]),
  );

async function onHost(values: Values): Promise<Record<string, Float32Array>> {
  const out: Record<string, Float32Array> = {};
  for (const [name, value] of Object.entries(values)) {
    out[name] = Float32Array.from((await value.data()) as Float32Array);
  }
  return out;
}

/** Submits what waits in the command encoder, and resolves when the GPU is done. */
async function done(): Promise<void> {
  const backend = tf.backend();
  backend.endComputePassEncoder();
  if (backend.commandEncoder !== null) backend.submitQueue();
  await idle();
}

function simple(task: Task): Running {
  const o = uploadAll(task);
  const forward = FORWARD[task.formula] as (o: Values, task: Task) => Value;
  const { dy, ...rest } = o;
  const step = (): Values =>
    tf.tidy(() => {
      if (task.direction === 'forward') return { y: forward(rest, task) };
      const f = (...xs: Value[]) =>
        forward({ ...rest, ...Object.fromEntries(task.wrt.map((name, i) => [name, xs[i]])) }, task);
      const { value, grads } = tf.valueAndGrads(f)(task.wrt.map((name) => o[name]), dy) as { value: Value;
        grads: Value[] };
      return { y: value, ...Object.fromEntries(task.wrt.map((name, i) => [`d${name}`, grads[i]])) };
    });
  return {
    outputs: () => onHost(step()),
    async round(calls) {
      for (let i = 0; i < calls; i++) tf.dispose(step());
      await done();
    },
  };
}

/** Algorithm 2 of arXiv:1711.05101 on one tensor. */
function adamw(values: Value, grads: Value, m: Value, v: Value, step: number): Value[] {
  const { lr, beta1, beta2, eps, weightDecay } = ADAMW;
  const mean = m.mul(beta1).add(grads.mul(1 - beta1));
  const square = v.mul(beta2).add(grads.square().mul(1 - beta2));
  const denominator = square.mul(1 / (1 - beta2 ** step)).sqrt().add(eps);
  return [values.mul(1 - lr * weightDecay).sub(mean.div(denominator).mul(lr / (1 - beta1 ** step))), mean, square];
}

function update(task: Task): Running {
  const { grads, ...start } = uploadAll(task);
  let state = start;
  let count = 0;
  const next = () => {
    count++;
    const after: Values = tf.tidy(() => {
      const [values, m, v] = adamw(state.values, grads, state.m, state.v, count);
      return { values, m, v };
    });
    tf.dispose(state);
    state = after;
  };
  return {
    outputs() {
      next();
      return onHost(state);
    },
    async round(calls) {
      for (let i = 0; i < calls; i++) next();
      await done();
    },
  };
}

function training(task: Task): Running {
  const { patches, target, ...start } = uploadAll(task);
  const names = Object.keys(start);
  const [images, others] = patches.shape as number[];
  const width = start.class.shape[0] as number;
  let state: Value[][] = names.map((name) => [start[name], tf.zerosLike(start[name]), tf.zerosLike(start[name])]);
  let count = 0;
  const lossOf = (...xs: Value[]): Value => {
    const q: Values = Object.fromEntries(names.map((name, i) => [name, xs[i]]));
    const embedded = linear(patches, q['embed.weight'], q['embed.bias']);
    const first = tf.tile(q.class.reshape([1, 1, width]), [images, 1, 1]);
    let h = tf.concat([first, embedded], 1).add(q.positions.reshape([1, others + 1, width]));
    for (let layer = 0; layer < depthOf(start); layer++) h = blockOf(h, q, task.heads ?? 1, prefixOf(layer));
    const seen = tf.slice(h, [0, 0, 0], [images, 1, width]).reshape([images, width]);
    return crossEntropy(linear(affineNorm(seen, q['ln.weight'], q['ln.bias']), q['head.weight'], q['head.bias']),
      target);
  };
  const next = (): Value => {
    count++;
    const [loss, ...after] = tf.tidy(() => {
      const { value, grads } = tf.valueAndGrads(lossOf)(state.map(([values]) => values)) as { value: Value;
        grads: Value[] };
      return [value, ...state.map(([values, m, v], i) => adamw(values, grads[i], m, v, count))];
    }) as [Value, ...Value[][]];
    tf.dispose(state);
    state = after;
    return loss;
  };
  return {
    async outputs() {
      const losses = new Float32Array(CHECKED_STEPS);
      for (let i = 0; i < CHECKED_STEPS; i++) [losses[i]] = (await next().data()) as Float32Array;
      return { losses };
    },
    async round(calls) {
      for (let i = 0; i < calls; i++) tf.dispose(next());
      await done();
    },
  };
}

export const peer: Peer = {
  version: async () => versionOf('@tensorflow/tfjs-core'),
  layout: { picture: [0, 1, 2, 3], weight: [1, 2, 3, 0] },
  ways: () => ['eager'],
  async prepare(task) {
    await tf.setBackend('webgpu');
    await tf.ready();
    if (tf.getBackend() !== 'webgpu') throw new Error(`took the backend ${tf.getBackend()}`);
    return task.formula === 'vit' ? training(task) : task.formula === 'adamw' ? update(task) : simple(task);
  },
};
