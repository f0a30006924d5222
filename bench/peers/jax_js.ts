/**
 * jax-js, as its users write it: one `jit` of the whole task, gradients by `vjp`. An array is used up by the operation
 * that takes it, unless it is given as `.ref`.
 */
import * as jax from '@jax-js/jax';
import { idle } from './dawn.ts';
import { versionOf } from './install.ts';
import { CHANNELS_FIRST } from './layout.ts';
import { ADAMW, CHECKED_STEPS, type Formula, type Operand, type Peer, type Running, type Task } from './task.ts';
import { depthOf, prefixOf } from './vit.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- the library's types are not there before it is installed
type Values = Record<string, any>;
type Value = Values[string];
const { numpy: np, nn, lax } = jax;

const affineNorm = (x: Value, weight: Value, bias: Value): Value =>
  nn.standardize(x, -1, { epsilon: 1e-5 }).mul(weight).add(bias);
const linear = (x: Value, weight: Value, bias: Value): Value => np.matmul(x, weight.transpose()).add(bias);
const quickGelu = (x: Value): Value => x.ref.mul(nn.sigmoid(x.mul(1.702)));

function blockOf(x: Value, p: Values, heads: number, prefix = ''): Value {
  const of = (name: string) => p[prefix + name];
  const [images, tokens, width] = x.shape as number[];
  const qkv = linear(affineNorm(x.ref, of('ln1.weight'), of('ln1.bias')), of('qkv.weight'), of('qkv.bias')).reshape([
    images,
    tokens,
    3,
    heads,
    width / heads,
  ]);
  const [query, key, value] = [0, 1, 2].map((i) => (i < 2 ? qkv.ref : qkv).slice([], [], i));
  const attended = nn.dotProductAttention(query, key, value).reshape([images, tokens, width]);
  const middle = x.add(linear(attended, of('out.weight'), of('out.bias')));
  const hidden = quickGelu(
    linear(affineNorm(middle.ref, of('ln2.weight'), of('ln2.bias')), of('expand.weight'), of('expand.bias')),
  );
  return middle.add(linear(hidden, of('contract.weight'), of('contract.bias')));
}

const crossEntropy = (logits: Value, target: Value): Value =>
  np.mean(np.sum(target.mul(nn.logSoftmax(logits, -1)), -1)).mul(-1);

/** y of a formula; every operand is used up. */
const FORWARD: Readonly<Partial<Record<Formula, (o: Values, task: Task) => Value>>> = {
  matmul: ({ a, b }) => np.matmul(a, b),
  layernorm: ({ x, weight, bias }) => affineNorm(x, weight, bias),
  gelu: ({ x }) => nn.gelu(x, { approximate: false }),
  cross_entropy: ({ logits, target }) => crossEntropy(logits, target),
  attention({ query, key, value }) {
    const headDim = query.shape[3] as number;
    const weights = nn.softmax(np.matmul(query, key.transpose([0, 1, 3, 2])).mul(headDim ** -0.5), -1);
    return np.matmul(weights, value);
  },
  convolution: ({ x, weight }) => lax.convGeneralDilated(x, weight, [1, 1], 'SAME'),
  block: ({ x, ...p }, { heads = 1 }) => blockOf(x, p, heads),
};

const upload = ({ shape, data }: Operand): Value => np.array(data, { shape: [...shape], dtype: np.float32 });
const uploadAll = (task: Task): Values =>
  Object.fromEntries(Object.entries(task.operands()).map(([name, operand]) => [name, upload(operand)]));
const refs = (values: Values): Values =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.ref]));
const dispose = (values: Values) => {
  for (const value of Object.values(values)) value.dispose();
};

async function onHost(values: Values): Promise<Record<string, Float32Array>> {
  const out: Record<string, Float32Array> = {};
  for (const [name, value] of Object.entries(values)) out[name] = (await value.data()) as Float32Array;
  return out;
}

/** Waits for the arrays, so that all of their work is submitted, then for the GPU. */
async function done(values: Values): Promise<void> {
  await jax.blockUntilReady(values);
  await idle();
}

function simple(task: Task): Running {
  const o = uploadAll(task);
  const forward = FORWARD[task.formula] as (o: Values, task: Task) => Value;
  const step = jax.jit((all: Values): Values => {
    if (task.direction === 'forward') return { y: forward(all, task) };
    const [wrt, rest] = [task.wrt.map((name) => all[name]),
      Object.fromEntries(Object.entries(all).filter(([name]) => !task.wrt.includes(name)))];
    const { dy, ...constants } = rest;
    const [y, pull] = jax.vjp(
      (...xs: Value[]) =>
        forward({ ...constants, ...Object.fromEntries(task.wrt.map((name, i) => [name, xs[i]])) }, task),
      wrt,
    );
    const gradients = pull(dy ?? np.ones([])) as Value[];
    return { y, ...Object.fromEntries(task.wrt.map((name, i) => [`d${name}`, gradients[i]])) };
  });
  return {
    outputs: () => onHost(step(refs(o))),
    async round(calls) {
      for (let i = 0; i < calls; i++) {
        const values = step(refs(o));
        await done(values); // running ahead is slower: its issue 151
        dispose(values);
      }
    },
  };
}

/**
 * Algorithm 2 of arXiv:1711.05101 on one array; the factors of the bias corrections are data, for they change from step
 * to step.
 */
function adamw(values: Value, grads: Value, m: Value, v: Value, factor1: Value, factor2: Value): Value[] {
  const { lr, beta1, beta2, eps, weightDecay } = ADAMW;
  const mean = m.mul(beta1).add(grads.ref.mul(1 - beta1));
  const square = v.mul(beta2).add(np.square(grads).mul(1 - beta2));
  const denominator = np.sqrt(square.ref.mul(factor2)).add(eps);
  return [values.mul(1 - lr * weightDecay).sub(mean.ref.mul(factor1).div(denominator).mul(lr)), mean, square];
}

function factors(step: number): Value[] {
  return [ADAMW.beta1, ADAMW.beta2].map((beta) => np.array(1 / (1 - beta ** step)));
}

function update(task: Task): Running {
  const { grads, ...start } = uploadAll(task);
  let state = start;
  let count = 0;
  const step = jax.jit((s: Values, g: Value, factor1: Value, factor2: Value): Values => {
    const [values, m, v] = adamw(s.values, g, s.m, s.v, factor1, factor2);
    return { values, m, v };
  });
  const next = () => {
    const [factor1, factor2] = factors(++count);
    state = step(state, grads.ref, factor1, factor2); // the old state is used up: its memory is free for the new one
  };
  return {
    async outputs() {
      next();
      return onHost(refs(state));
    },
    async round(calls) {
      for (let i = 0; i < calls; i++) {
        next();
        await done(state);
      }
    },
  };
}

function training(task: Task): Running {
  const { patches, target, ...start } = uploadAll(task);
  const zeros = () => Object.fromEntries(Object.entries(start).map(([name, value]) => [name, np.zeros(value.shape)]));
  let [p, m, v] = [start, zeros(), zeros()] as Values[];
  let count = 0;
  const lossOf = (q: Values, x: Value, t: Value): Value => {
    const [images, others] = x.shape as number[];
    const width = q.class.shape[0] as number;
    const embedded = linear(x, q['embed.weight'], q['embed.bias']);
    const first = np.broadcastTo(q.class.reshape([1, 1, width]), [images, 1, width]);
    let h = np.concatenate([first, embedded], 1).add(q.positions.reshape([1, others + 1, width]));
    for (let layer = 0; layer < depthOf(start); layer++) h = blockOf(h, q, task.heads ?? 1, prefixOf(layer));
    const normal = affineNorm(h.slice([], 0), q['ln.weight'], q['ln.bias']);
    return crossEntropy(linear(normal, q['head.weight'], q['head.bias']), t);
  };
  const step = jax.jit(
    (q: Values, means: Values, squares: Values, x: Value, t: Value, factor1: Value, factor2: Value): Value[] => {
      const [loss, gradients] = jax.valueAndGrad(lossOf)(refs(q), x, t) as [Value, Values];
      const updated = Object.keys(q).map((name) =>
        [name, adamw(q[name], gradients[name], means[name], squares[name], factor1.ref, factor2.ref)] as const
      );
      factor1.dispose();
      factor2.dispose();
      return [loss, ...[0, 1, 2].map((i) => Object.fromEntries(updated.map(([name, three]) => [name, three[i]])))];
    },
  );
  const next = (): Value => {
    const [factor1, factor2] = factors(++count);
    let loss: Value;
    [loss, p, m, v] = step(p, m, v, patches.ref, target.ref, factor1, factor2);
    return loss;
  };
  return {
    async outputs() {
      const losses = new Float32Array(CHECKED_STEPS);
      for (let i = 0; i < CHECKED_STEPS; i++) [losses[i]] = (await next().data()) as Float32Array;
      return { losses };
    },
    async round(calls) {
      for (let i = 0; i < calls; i++) {
        const loss = next();
        await done([loss, p, m, v] as unknown as Values);
        loss.dispose();
      }
    },
  };
}

export const peer: Peer = {
  version: async () => versionOf('@jax-js/jax'),
  layout: CHANNELS_FIRST,
  ways: () => ['jit'],
  async prepare(task) {
    await jax.init('webgpu');
    jax.defaultDevice('webgpu');
    return task.formula === 'vit' ? training(task) : task.formula === 'adamw' ? update(task) : simple(task);
  },
};
