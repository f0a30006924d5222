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

const patchesOf = ({ imageSize, patch }: XclipConfig['vision']) => (imageSize / patch) ** 2;
/** Of the embedding of a frame's patches. */
const embedding = (vision: XclipConfig['vision']) =>
  linear(patchesOf(vision), 3 * vision.patch * vision.patch, vision.width);

/** Operations of one block of the vision tower for one frame of a video. Eq. 4 to 7. */
export function frameBlockFlops({ frames, vision }: Pick<XclipConfig, 'frames' | 'vision'>): number {
  const { width, mlp } = vision;
  const messages = linear(1, width, width) + linear(1, width, 3 * width) + attention(1, frames, width)
    + linear(1, width, width);
  // a frame's message is asked by its tokens, and asks nothing
  return messages + block(patchesOf(vision) + 1, patchesOf(vision) + 2, width, mlp);
}

/**
 * Operations for the features of one video, [E] and [N, E]. Ni et al. 2022, arXiv:2208.02816, section 3 and eq. 4 to 8.
 */
export function videoFlops(config: XclipConfig): number {
  const { embedDim, frames, vision, mit } = config;
  const frame = embedding(vision) + vision.layers * frameBlockFlops(config)
    + linear(1 + patchesOf(vision), vision.width, embedDim);
  return frames * frame + mit.layers * block(frames, frames, embedDim, mit.mlp);
}

/**
 * Operations that the official code has for a video beside those of `videoFlops`: in it the messages ask, too, and
 * nobody reads their answers. What is published counts them.
 */
export function messageAnswerFlops({ frames, vision }: XclipConfig): number {
  const { layers, width } = vision;
  return frames * layers * (attention(1, patchesOf(vision) + 2, width) + linear(1, width, width));
}

/** As `frameBlockFlops`, of CLIP's own tower, whose frames know nothing of one another. */
export function pictureBlockFlops({ vision }: Pick<XclipConfig, 'vision'>): number {
  const tokens = patchesOf(vision) + 1;
  return block(tokens, tokens, vision.width, vision.mlp);
}

/** Operations for the feature of one video by CLIP-Mean, [E]. */
export function clipMeanFlops(config: XclipConfig): number {
  const { embedDim, frames, vision } = config;
  return frames
    * (embedding(vision) + vision.layers * pictureBlockFlops(config) + linear(1, vision.width, embedDim));
}

/** Operations for comparing one video with `texts` texts: prompts and cosines. Eq. 9 and 10. */
export function comparisonFlops({ embedDim, vision, prompts }: XclipConfig, texts: number): number {
  const patches = patchesOf(vision);
  const layer = 2 * linear(texts, embedDim, embedDim) + 2 * linear(patches, embedDim, embedDim)
    + attention(texts, patches, embedDim) + 2 * linear(texts, embedDim, 4 * embedDim);
  return prompts.layers * layer + cosineFlops({ embedDim }, texts);
}

/** Operations for the cosines of one video with `texts` texts. */
export const cosineFlops = ({ embedDim }: Pick<XclipConfig, 'embedDim'>, texts: number): number => 2 * texts * embedDim;

/** Operations for the features of one text. */
export function textFlops({ embedDim, text }: XclipConfig): number {
  return text.layers * block(text.context, text.context, text.width, text.mlp) + linear(1, text.width, embedDim);
}

/**
 * How many times the operations of a forward pass a training step has: a gradient costs two products where the forward
 * pass has one, `recompute` one more.
 */
export const trainingFactor = (recompute: boolean): number => (recompute ? 4 : 3);
