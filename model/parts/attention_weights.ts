/** The weights of attention, for those who want to see them. B samples, L tokens, H heads, D = H · Dh width. */
import { ShapeError, Tensor } from '../../engine/index.ts';
import { add, scale } from '../../kernels/elementwise/index.ts';
import { matmul } from '../../kernels/matmul/index.ts';
import { permute, slice } from '../../kernels/rearrange/index.ts';
import { softmax } from '../../kernels/softmax/index.ts';
import type { Attending } from './layers.ts';

/** What `attentionWeights` gives. */
export interface AttentionWeights {
  /** [B, H, queries, L]; each row adds up to 1. */
  readonly weights: Tensor;
  /** [B, queries, D]: weights · v, which the streaming kernel gives without them. */
  readonly attended: Tensor;
}

/**
 * weights = softmax(q·kᵀ/√Dh + mask) and weights · v, step by step, by the rooms of products and of softmax: what
 * `selfAttention` streams over and never stores. Vaswani et al. 2017, arXiv:1706.03762, equation 1.
 */
export function attentionWeights({ qkv, heads, queries, causal }: Attending): AttentionWeights {
  const [samples, tokens, packed] = qkv.shape;
  const headDim = packed / 3 / heads;
  if (!Number.isInteger(headDim)) {
    throw new ShapeError('attentionWeights', `qkv [${qkv.shape}] does not hold 3 · ${heads} heads of equal width`);
  }
  return qkv.gpu.scope(() => {
    // [3, B, H, L, Dh]
    const parts = permute(qkv.reshape([samples, tokens, 3, heads, headDim]), [2, 0, 3, 1, 4]);
    const part = (place: number) => slice(parts, 0, place, place + 1).reshape([samples, heads, tokens, headDim]);
    const query = slice(part(0), 2, 0, queries);
    const logits = scale(matmul(query, part(1), { transposeB: true }), headDim ** -0.5);
    const weights = softmax(causal ? add(logits, pastOnly(qkv, queries)) : logits);
    const attended = permute(matmul(weights, part(2)), [0, 2, 1, 3]).reshape([samples, queries, packed / 3]);
    return { weights, attended };
  });
}

/** [queries, L]: 0 for the tokens up to the one that asks, −∞ for those behind it. */
function pastOnly({ gpu, shape: [, tokens] }: Tensor, queries: number): Tensor {
  const hidden = Float32Array.from({ length: queries * tokens },
    (_, at) => (at % tokens > Math.floor(at / tokens) ? Number.NEGATIVE_INFINITY : 0));
  return Tensor.from(gpu, hidden, [queries, tokens], 'mask');
}
