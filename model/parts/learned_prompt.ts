/** Learned prompts. K texts, L tokens of a text, M vectors, W text width. */
import { type Gpu, Module, type Tensor } from '../../engine/index.ts';
import { concat, expand, slice } from '../../kernels/rearrange/index.ts';
import { initialised, normal } from './init.ts';

/** Vectors of a learned prompt: as many as CoOp has, and table 9 of X-CLIP's paper. */
export const LEARNED_VECTORS = 16;

/**
 * Vectors that stand in front of the words of every text, and are learned as words are not: CoOp's unified context.
 * Zhou et al. 2022, arXiv:2109.01134, eq. 2; Ni et al. 2022, arXiv:2208.02816, table 9.
 */
export class LearnedPrompt extends Module {
  /** [M, W] */
  readonly vectors: Tensor;

  constructor(gpu: Gpu, count: number, width: number) {
    super();
    this.vectors = this.add('vectors', initialised(gpu, 'vectors', [count, width], normal(0.02)));
  }

  /**
   * Embeddings of tokens, [K, L, W] → [K, L + M, W]: the start of a text, the vectors, the rest of the text. What stood
   * at place l > 0 stands at l + M.
   */
  forward(tokens: Tensor): Tensor {
    return tokens.gpu.scope(() => {
      const [texts, length, width] = tokens.shape;
      const [count] = this.vectors.shape;
      const vectors = expand(this.vectors.reshape([1, count, width]), [texts, count, width]);
      return concat([slice(tokens, 1, 0, 1), vectors, slice(tokens, 1, 1, length)], 1);
    });
  }
}
