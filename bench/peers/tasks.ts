/** What Firstlight and its peers are compared on. */
import type { Shape } from '../../engine/index.ts';
import * as adamw from '../../kernels/adamw/reference.ts';
import * as attention from '../../kernels/attention/reference.ts';
import { sizesOf } from '../../kernels/convolution/index.ts';
import * as convolution from '../../kernels/convolution/reference.ts';
import * as crossEntropy from '../../kernels/cross_entropy/reference.ts';
import * as gelu from '../../kernels/gelu/reference.ts';
import * as layernorm from '../../kernels/layernorm/reference.ts';
import { multiply } from '../../kernels/matmul/reference.ts';
import { normal } from '../../kernels/shared/sample.ts';
import { headsName, productName, rowsName } from '../../kernels/shared/shape_name.ts';
import { ADAMW, type Formula, type Operand, type Operands, type Operands64, type Task } from './task.ts';
import { blockOperands, type VitShape, vitOperands } from './vit.ts';
import * as vit from './vit.reference.ts';

const random = (name: string, shape: Shape, spread?: { readonly mean?: number; readonly std?: number }) =>
  normal(name, shape, spread) as Operand;

function matmul(rows: number, inner: number, columns: number): Task {
  return {
    name: `matmul, ${productName(rows, inner, columns)}`,
    formula: 'matmul',
    direction: 'forward',
    wrt: [],
    operands: () => ({ a: random('a', [rows, inner]), b: random('b', [inner, columns]) }),
    reference({ a, b }) {
      // rows of bᵀ lie side by side in memory
      const across = b.map((_, i) => b[(i % inner) * columns + Math.floor(i / inner)]);
      return { y: multiply(a, across, { rows, inner, columns, transposeB: true }) };
    },
  };
}

/** A task with its gradient, and its forward pass alone. */
function bothWays(formula: Formula, name: string, wrt: readonly string[], operands: () => Operands,
  heads: number | undefined, reference: (operands: Operands64) => Operands64,
  forward: (operands: Operands64) => Operands64): readonly [Task, Task] {
  return [
    { name: `${name}, forward + gradient`, formula, direction: 'gradient', wrt, heads, operands, reference },
    {
      name: `${name}, forward`,
      formula,
      direction: 'forward',
      wrt: [],
      heads,
      reference: forward,
      operands: () => Object.fromEntries(Object.entries(operands()).filter(([key]) => key !== 'dy')),
    },
  ];
}

function layernorms(rows: number, columns: number): readonly [Task, Task] {
  const operands = () => ({ x: random('x', [rows, columns]), weight: random('weight', [columns], { mean: 1, std: 0.1 }),
    bias: random('bias', [columns]), dy: random('dy', [rows, columns]) });
  const forward = ({ x, weight, bias }: Operands64) => ({ y: layernorm.layernorm(x, weight, bias, 1e-5) });
  return bothWays('layernorm', `layernorm, ${rowsName(rows, columns)}`, ['x', 'weight', 'bias'], operands, undefined,
    ({ x, weight, bias, dy }) => {
      const gradient = layernorm.layernormGradient(x, weight, dy, 1e-5);
      return { ...forward({ x, weight, bias }), dx: gradient.x, dweight: gradient.weight, dbias: gradient.bias };
    }, forward);
}

function gelus(rows: number, columns: number): readonly [Task, Task] {
  const operands = () => ({ x: random('x', [rows, columns]), dy: random('dy', [rows, columns]) });
  return bothWays('gelu', `GELU, ${rowsName(rows, columns)}`, ['x'], operands, undefined,
    ({ x, dy }) => ({ y: gelu.gelu(x, 'gelu'), dx: gelu.geluGradient(x, dy, 'gelu') }),
    ({ x }) => ({ y: gelu.gelu(x, 'gelu') }));
}

function softTargets(rows: number, classes: number): Operand {
  const { shape, data } = random('target', [rows, classes]);
  for (let row = 0; row < rows; row++) {
    const part = data.subarray(row * classes, (row + 1) * classes);
    const total = part.reduce((sum, v) => sum + v * v, 0);
    part.forEach((v, i) => (part[i] = (v * v) / total));
  }
  return { shape, data };
}

function crossEntropies(rows: number, classes: number): readonly [Task, Task] {
  const operands = () => ({ logits: random('logits', [rows, classes], { std: 3 }),
    target: softTargets(rows, classes) });
  const forward = ({ logits, target }: Operands64) => ({
    y: Float64Array.of(crossEntropy.crossEntropy(logits, target, classes)),
  });
  return bothWays('cross_entropy', `cross-entropy, ${rowsName(rows, classes)}, soft`, ['logits'], operands, undefined,
    ({ logits, target }) => ({ ...forward({ logits, target }),
      dlogits: crossEntropy.crossEntropyGradient(logits, target, classes, 1) }), forward);
}

function attentions(batch: number, heads: number, tokens: number, headDim: number): readonly [Task, Task] {
  const sizes = { batch, heads, queries: tokens, keys: tokens, headDim };
  const shape = [batch, heads, tokens, headDim];
  const operands = () => Object.fromEntries(['query', 'key', 'value', 'dy'].map((name) => [name, random(name, shape)]));
  const forward = ({ query, key, value }: Operands64) => ({ y: attention.attention(sizes, { query, key, value }) });
  return bothWays('attention', `attention, ${headsName(batch * heads, tokens, headDim)}`, ['query', 'key', 'value'],
    operands, heads, ({ query, key, value, dy }) => {
    const gradient = attention.attentionGradient(sizes, { query, key, value }, dy);
    return { ...forward({ query, key, value }), dquery: gradient.query, dkey: gradient.key, dvalue: gradient.value };
  }, forward);
}

function convolutions(frames: number, size: number, channels: number, kernel: number): readonly [Task, Task] {
  const [picture, weights] = [[frames, size, size, channels], [channels, kernel, kernel, channels]];
  const sizes = sizesOf({ shape: picture }, { shape: weights }, { padding: (kernel - 1) / 2 });
  const operands = () => ({ x: random('x', picture),
    weight: random('weight', weights, { std: (kernel ** 2 * channels) ** -0.5 }), dy: random('dy', picture) });
  const forward = ({ x, weight }: Operands64) => ({ y: convolution.convolution(x, weight, sizes, {}) });
  return bothWays('convolution', `convolution, ${kernel} × ${kernel}, ${frames} × ${size}² × ${channels}`, ['x',
    'weight'], operands, undefined, ({ x, weight, dy }) => {
    const gradient = convolution.convolutionGradient(x, weight, sizes, {}, dy);
    return { ...forward({ x, weight }), dx: gradient.x, dweight: gradient.weight };
  }, forward);
}

function adamwOf(millions: number): Task {
  const count = millions * 1e6;
  return {
    name: `AdamW, ${millions} M parameters`,
    formula: 'adamw',
    direction: 'update',
    wrt: [],
    operands() {
      // a few thousand random numbers, over and over: the arithmetic does not care, and making 40 M takes longer than
      // all else
      const few = (name: string, std: number) => {
        const { data } = random(name, [8191], { std });
        return { shape: [count], data: Float32Array.from({ length: count }, (_, i) => data[i % data.length]) };
      };
      const v = few('v', 0.03);
      return { values: few('values', 1), grads: few('grads', 0.1), m: few('m', 0.03),
        v: { ...v, data: v.data.map(Math.abs) } };
    },
    reference: ({ values, grads, m, v }) => ({ ...adamw.adamw({ values, m, v }, grads, () => ADAMW, 1, 1) }),
  };
}

const BLOCK: VitShape = { images: 8, tokens: 50, width: 768, heads: 12, hidden: 3072, depth: 1, patch: 0, classes: 0 };
const SMALL: VitShape = { images: 8, tokens: 50, width: 192, heads: 3, hidden: 768, depth: 4, patch: 3072,
  classes: 10 };

function blocks(): readonly [Task, Task] {
  const operands = () => blockOperands(BLOCK);
  const wrt = Object.keys(operands()).filter((name) => name !== 'dy');
  return bothWays('block', 'ViT block, 768 wide, 8 × 50 tokens', wrt, operands, BLOCK.heads, (o) => vit.block(o, BLOCK),
    (o) => vit.blockForward(o, BLOCK));
}

const smallVit: Task = {
  name: 'small ViT, 192 wide, training step',
  formula: 'vit',
  direction: 'update',
  heads: SMALL.heads,
  wrt: Object.keys(vitOperands(SMALL)).filter((name) => name !== 'patches' && name !== 'target'),
  operands: () => vitOperands(SMALL),
  reference: (operands) => vit.vit(operands, SMALL),
};

const [layernormBoth, layernormForward] = layernorms(1600, 768);
const [geluBoth, geluForward] = gelus(1600, 3072);
const [entropyBoth, entropyForward] = crossEntropies(1600, 400);
const [shortBoth, shortForward] = attentions(8, 12, 50, 64);
const [mediumBoth, mediumForward] = attentions(1, 12, 197, 64);
const [longBoth, longForward] = attentions(1, 4, 1569, 64);
const [convolutionBoth, convolutionForward] = convolutions(2, 28, 128, 3);
const [blockBoth, blockForward] = blocks();

/** What a training library does: what the mean is taken of. */
export const trainingTasks: readonly Task[] = [
  matmul(512, 512, 512),
  matmul(1024, 1024, 1024),
  matmul(408, 768, 3072),
  layernormBoth,
  geluBoth,
  entropyBoth,
  shortBoth,
  mediumBoth,
  longBoth,
  convolutionBoth,
  adamwOf(10),
  blockBoth,
  smallVit,
];

/** The forward passes of the same, which a library for inference can do too. */
export const forwardTasks: readonly Task[] = [layernormForward, geluForward, entropyForward, shortForward,
  mediumForward, longForward, convolutionForward, blockForward];

export const tasks: readonly Task[] = [...trainingTasks, ...forwardTasks];
