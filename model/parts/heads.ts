/** What features of videos are turned into logits by: texts, or classes. B videos, K classes, E embedding width. */
import { type Gpu, type Tensor } from '../../engine/index.ts';
import { exp, mul } from '../../kernels/elementwise/index.ts';
import { dropout } from '../../kernels/dropout/index.ts';
import { matmul } from '../../kernels/matmul/index.ts';
import { normalize } from '../../kernels/normalize/index.ts';
import { cast } from '../../kernels/rearrange/index.ts';
import { mean } from '../../kernels/reduce/index.ts';
import { constant, initialised } from './init.ts';
import type { Linear, Pass } from './layers.ts';

/** Tells dropout in front of a head from the branches of blocks, which are counted from 0. */
const HEAD_LAYER = 2 ** 20;

/** Dropout of features in front of a head, in training. @param rate of those that are dropped */
export function dropFeatures(features: Tensor, rate: number, { draw }: Pass): Tensor {
  return rate === 0 || draw === undefined ? features : dropout(features, rate, { state: draw, layer: HEAD_LAYER });
}

/** CLIP's initial temperature: cosines are multiplied by 1 / 0.07 at first. Radford et al. 2021, section 2.5. */
export function logitScale(gpu: Gpu): Tensor {
  return initialised(gpu, 'logit_scale', [], constant(Math.log(1 / 0.07)));
}

/** The embeddings that clips are compared with. [..., K, E] → length 1; [..., K, P, E] → their mean, of length 1. */
export function classEmbeddings(embeddings: Tensor, isGrouped: boolean): Tensor {
  const units = normalize(embeddings);
  return isGrouped ? normalize(mean(units, units.shape.length - 2)) : units;
}

/**
 * Cosines of features [B, E] and classes, of one text each, [K, E], or of P that are averaged, [K, P, E] → [B, K]. In
 * f32, whatever the model is stored as: they are multiplied by up to 100, and logits count by their differences.
 */
export function cosines(features: Tensor, texts: Tensor): Tensor {
  return features.gpu.scope(() => {
    const classes = classEmbeddings(cast(texts, 'f32'), texts.shape.length === 3);
    return matmul(normalize(cast(features, 'f32')), classes, { transposeB: true });
  });
}

/** exp(s) · cosines. @param scale s, [] */
export function scaled(cosines: Tensor, scale: Tensor): Tensor {
  return mul(cosines, exp(scale));
}

/**
 * Logits [B, K] of the classes of a head, of features [B, D]. In f32, as logits of texts are.
 *
 * @param rate of the features that are dropped in training
 */
export function classLogits(head: Linear, features: Tensor, rate: number, pass: Pass): Tensor {
  return features.gpu.scope(() => {
    const logits = cast(head.forward(dropFeatures(features, rate, pass)), 'f32');
    pass.tap?.('logits', logits);
    return logits;
  });
}
