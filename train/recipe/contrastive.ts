import type { Tensor } from '../../engine/index.ts';
import { crossEntropy } from '../../kernels/cross_entropy/index.ts';
import { add, scale } from '../../kernels/elementwise/index.ts';
import { permute } from '../../kernels/rearrange/index.ts';

/**
 * CLIP's loss: each picture is to find its caption among those of the batch, and each caption its picture. Radford et
 * al. 2021, arXiv:2103.00020, figure 3.
 *
 * @param logits [F, F], pictures against captions, in one order  @param target [F, F], from `equalCaptions`  @returns
 * []
 */
export function contrastiveLoss(logits: Tensor, target: Tensor): Tensor {
  return logits.gpu.scope(() =>
    scale(add(crossEntropy(logits, target), crossEntropy(permute(logits, [1, 0]), target)), 0.5)
  );
}

/**
 * The target of `contrastiveLoss`: pictures with equal captions share it. Symmetric, so it serves both directions.
 *
 * @param captions [F] number of each picture's caption  @returns [F, F], rows spread evenly over the places with an
 * equal caption
 */
export function equalCaptions(captions: Int32Array): Float32Array {
  const counts = new Map<number, number>();
  for (const caption of captions) counts.set(caption, (counts.get(caption) ?? 0) + 1);
  return Float32Array.from({ length: captions.length ** 2 }, (_, at) => {
    const caption = captions[Math.floor(at / captions.length)];
    return caption === captions[at % captions.length] ? 1 / (counts.get(caption) as number) : 0;
  });
}
