/** Arithmetic of X-CLIP's forward pass, from its shapes alone. */
import type { XclipConfig } from './config.ts';

/**
 * Operations of a layer that takes `rows` rows from `inner` to `outer` numbers: a product and a sum for each weight and
 * row.
 */
const linear = (rows: number, inner: number, outer: number) => 2 * rows * inner * outer;
/** Of the two products of attention, all heads together. */
const attention = (queries: number, keys: number, width: number) => 4 * queries * keys * width;

/** A pre-norm block in which the first `asking` of `tokens` tokens ask. */
function block(asking: number, tokens: number, width: number, hidden: number): number {
  return linear(tokens, width, 3 * width) + attention(asking, tokens, width) + linear(asking, width, width)
    + 2 * linear(asking, width, hidden);
}

/**
 * Operations for the features of one video, [E] and [N, E]. Ni et al. 2022, arXiv:2208.02816, section 3 and eq. 4 to 8.
 */
export function videoFlops({ embedDim, frames, vision, mit }: XclipConfig): number {
  const { width, layers, mlp, patch, imageSize } = vision;
  const patches = (imageSize / patch) ** 2;
  const messages = linear(1, width, width) + linear(1, width, 3 * width) + attention(1, frames, width)
    + linear(1, width, width);
  // a frame's message is asked by its tokens, and asks nothing
  const layer = messages + block(patches + 1, patches + 2, width, mlp);
  const frame = linear(patches, 3 * patch * patch, width) + layers * layer + linear(1 + patches, width, embedDim);
  return frames * frame + mit.layers * block(frames, frames, embedDim, mit.mlp);
}

/** Operations for comparing one video with `texts` texts: prompts and cosines. Eq. 9 and 10. */
export function comparisonFlops({ embedDim, vision, prompts }: XclipConfig, texts: number): number {
  const patches = (vision.imageSize / vision.patch) ** 2;
  const layer = 2 * linear(texts, embedDim, embedDim) + 2 * linear(patches, embedDim, embedDim)
    + attention(texts, patches, embedDim) + 2 * linear(texts, embedDim, 4 * embedDim);
  return prompts.layers * layer + 2 * texts * embedDim;
}

/** Operations for the features of one text. */
export function textFlops({ embedDim, text }: XclipConfig): number {
  return text.layers * block(text.context, text.context, text.width, text.mlp) + linear(1, text.width, embedDim);
}
