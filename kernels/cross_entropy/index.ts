import { FirstlightError, flat, flatTiles, inRanges, part, record, ShapeError,
  type Tensor } from '../../engine/index.ts';
import { refuseGradient } from '../shared/data.ts';
import { type VectorKernels, vectorsOf, vectorKernels, rowKernels, rowLaunch } from '../shared/rows.ts';
import { sumEverything, sumRowsKernels } from '../shared/sum_rows.ts';

export { cost, gradientCost } from './cost.ts';

const parts = [
  await part(import.meta.url, './cross_entropy.wgsl'),
  await part(import.meta.url, '../shared/softmax.wgsl'),
  await part(import.meta.url, '../shared/exp.wgsl'),
  await part(import.meta.url, '../shared/log.wgsl'),
  await part(import.meta.url, '../shared/special.wgsl'),
];
const withTargets = rowKernels('cross_entropy', [...parts, await part(import.meta.url, './parts/target.soft.wgsl')]);
const withLabels = rowKernels('cross_entropy.labels', [
  ...parts,
  await part(import.meta.url, './parts/target.label.wgsl'),
]);
const backward = vectorKernels('cross_entropy_grad', [await part(import.meta.url, './cross_entropy_grad.wgsl'), flat]);

/**
 * Mean over rows of −Σ_k t_k log softmax(z)_k, for soft targets. A row of targets need not sum to 1. Targets get no
 * gradient: one that requires it is refused. Equal to torch's CrossEntropyLoss with class probabilities, and to timm's
 * SoftTargetCrossEntropy, but where a target of 0 meets a logit of −∞: the class takes no part, as the limit t → 0 says
 * for every p > 0, where those two have 0 · ∞ = NaN. A row of −∞ alone is NaN.
 *
 * @param logits [B, K]  @param target [B, K]  @returns []
 */
export function crossEntropy(logits: Tensor, target: Tensor): Tensor {
  if (logits.shape.length !== 2 || String(logits.shape) !== String(target.shape)) {
    const message = `logits are [${logits.shape}], targets [${target.shape}]; both must be [rows, classes]`;
    throw new ShapeError('crossEntropy', message, 'for one label per row use crossEntropyWithLabels');
  }
  refuseGradient('crossEntropy', { target });
  return run(logits, withTargets, { targets: target }, { on: 0, off: 0 });
}

/**
 * Cross-entropy with one label per row, smoothed: the target is 1 − s + s/K at the label and s/K elsewhere. Szegedy et
 * al. 2016, arXiv:1512.00567, section 7. A label of K or more makes the loss NaN, and the gradient of its row. Without
 * smoothing a logit of −∞ costs only the row that it is the label of, an infinite loss, as in torch.
 *
 * @param logits [B, K]  @param labels [B]  @param smoothing s  @returns []
 */
export function crossEntropyWithLabels(logits: Tensor, labels: Tensor<'u32'>, smoothing = 0): Tensor {
  const [rows, count] = logits.shape;
  if (logits.shape.length !== 2 || labels.size !== rows) {
    const message = `logits are [${logits.shape}], labels [${labels.shape}]; expected [rows, classes] and [rows]`;
    throw new ShapeError('crossEntropyWithLabels', message);
  }
  if (!(smoothing >= 0 && smoothing < 1)) {
    const message = `crossEntropyWithLabels: smoothing is ${smoothing}, it must be in [0, 1)`;
    throw new FirstlightError('FL_RANGE', message, { smoothing });
  }
  return run(logits, withLabels, { labels }, { on: 1 - smoothing + smoothing / count, off: smoothing / count });
}

/** What logits are compared with, by the name of its binding. */
type Targets = { readonly targets: Tensor } | { readonly labels: Tensor<'u32'> };
/** Targets at a label, and elsewhere. */
type Smoothed = Readonly<Record<'on' | 'off', number>>;

function run(logits: Tensor, kernels: VectorKernels, targets: Targets, smoothed: Smoothed): Tensor {
  const { gpu } = logits;
  const [rows, cols] = logits.shape;
  return gpu.scope(() => {
    const losses = logits.wide([rows], 'row losses');
    const derivative = logits.wide(logits.shape, 'loss derivative');
    const { kernel } = vectorsOf(kernels, cols);
    inRanges(gpu, rows, { logits, ...targets, losses, derivative }, (tensors, some) => {
      kernel.run(gpu, { tensors, params: { rows: some, cols, ...smoothed }, ...rowLaunch(gpu, kernel, some) });
    });
    return record(
      sumEverything(losses, 1 / rows),
      [logits],
      (dloss) => {
        const dlogits = logits.gradLike();
        inRanges(gpu, logits.size, { derivative, dlogits }, (tensors, some) => {
          const { kernel: gradient, vectors } = vectorsOf(backward, some);
          const { tile, grid } = flatTiles(gpu, vectors);
          gradient.run(gpu, { tensors: { ...tensors, dloss }, params: { vectors, tile, rows }, grid });
        });
        return [dlogits];
      },
      [derivative],
    );
  });
}

const own = [withTargets, withLabels, backward].flatMap(({ scalar, vec4 }) => [scalar, vec4]);
/** All kernels of the room, for checks and tuning. */
export const kernels = [...own, ...sumRowsKernels];
