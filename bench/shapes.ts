import { type FloatType, type Gpu, Random, type Shape, Tensor } from '../engine/index.ts';
import * as attention from '../kernels/attention/index.ts';
import * as crossEntropy from '../kernels/cross_entropy/index.ts';
import * as layernorm from '../kernels/layernorm/index.ts';
import * as matmul from '../kernels/matmul/index.ts';
import * as softmax from '../kernels/softmax/index.ts';
import type { Cost } from '../kernels/shared/room.ts';

/** One use of a kernel at a size that a model has. */
export interface Measured {
  readonly room: string;
  readonly shape: string;
  readonly inputs: Readonly<Record<string, Shape>>;
  run(inputs: Readonly<Record<string, Tensor>>): Tensor;
  readonly cost: Cost;
  readonly gradientCost: Cost;
}

/** Sizes of one layer of X-CLIP B/32: a video of 8 frames, 50 tokens and a message each, width 768, 12 heads. */
const TOKENS = 8 * 51;
const WIDTH = 768;
const HEADS = 12;
const CLASSES = 400;

export const measured: readonly Measured[] = [
  {
    room: 'matmul', shape: `${TOKENS} × ${WIDTH} → ${4 * WIDTH}, bias`,
    inputs: { x: [TOKENS, WIDTH], w: [4 * WIDTH, WIDTH], b: [4 * WIDTH] },
    run: ({ x, w, b }) => matmul.linear(x, w, { bias: b }),
    cost: matmul.cost({ rows: TOKENS, inner: WIDTH, columns: 4 * WIDTH }),
    gradientCost: matmul.gradientCost({ rows: TOKENS, inner: WIDTH, columns: 4 * WIDTH }),
  },
  {
    room: 'attention', shape: `8 × ${HEADS} heads, 51 tokens of ${WIDTH / HEADS}`,
    inputs: { qkv: [8, 51, 3 * WIDTH] },
    run: ({ qkv }) => attention.selfAttention(qkv, HEADS),
    cost: attention.cost({ batch: 8, heads: HEADS, queries: 51, keys: 51, headDim: WIDTH / HEADS }),
    gradientCost: attention.gradientCost({ batch: 8, heads: HEADS, queries: 51, keys: 51, headDim: WIDTH / HEADS }),
  },
  {
    room: 'layernorm', shape: `${TOKENS} × ${WIDTH}`,
    inputs: { x: [TOKENS, WIDTH], w: [WIDTH], b: [WIDTH] },
    run: ({ x, w, b }) => layernorm.layernorm(x, w, b, 1e-5),
    cost: layernorm.cost([TOKENS, WIDTH]),
    gradientCost: layernorm.gradientCost([TOKENS, WIDTH]),
  },
  {
    room: 'softmax', shape: `${TOKENS} × ${CLASSES}`,
    inputs: { x: [TOKENS, CLASSES] },
    run: ({ x }) => softmax.softmax(x),
    cost: softmax.cost(TOKENS, CLASSES),
    gradientCost: softmax.gradientCost(TOKENS, CLASSES),
  },
  {
    room: 'cross_entropy', shape: `${TOKENS} × ${CLASSES}, soft targets`,
    inputs: { x: [TOKENS, CLASSES], t: [TOKENS, CLASSES] },
    run: ({ x, t }) => crossEntropy.crossEntropy(x, t),
    cost: crossEntropy.cost(TOKENS, CLASSES),
    gradientCost: crossEntropy.gradientCost(TOKENS, CLASSES),
  },
];

/** Inputs of a measurement, normally distributed, all differentiated. The caller frees them. */
export function inputsOf(gpu: Gpu, { room, inputs }: Measured, type: FloatType = 'f32'): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, shape]) => {
      const random = new Random(1, `${room} ${name}`);
      const tensor = gpu.keep(Tensor.empty(gpu, shape, type, name));
      tensor.write(Float32Array.from({ length: tensor.size }, () => random.normal()));
      tensor.requiresGrad = true;
      return [name, tensor];
    }),
  );
}
