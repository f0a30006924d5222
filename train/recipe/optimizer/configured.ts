import type { Gpu } from '../../../engine/index.ts';
import { AdamW } from './adamw.ts';
import type { ParameterGroup } from './optimizer.ts';
import { SGD } from './sgd.ts';

/** What a configuration calls optimisers. */
export const OPTIMIZERS = ['adamw', 'sgd'] as const;

/** What a configuration says of an optimiser. */
export interface OptimizerOptions {
  readonly name: (typeof OPTIMIZERS)[number];
  /** The gradient is clipped to this norm; null: never. */
  readonly maxGradNorm: number | null;
  /** Of AdamW. */
  readonly betas: readonly [beta1: number, beta2: number];
  readonly eps: number;
  /** Of SGD. */
  readonly momentum: number;
  readonly nesterov: boolean;
}

/** The optimiser that a configuration asks for. @param inTiles whether every parameter begins with a tile */
export function configuredOptimizer(gpu: Gpu, groups: readonly ParameterGroup[],
  { name, maxGradNorm, betas: [beta1, beta2], eps, momentum, nesterov }: OptimizerOptions, inTiles = false
):
  | AdamW
  | SGD {
  const maxNorm = maxGradNorm ?? 0;
  return name === 'sgd'
    ? new SGD(gpu, groups, { momentum, nesterov, maxNorm, inTiles })
    : new AdamW(gpu, groups, { beta1, beta2, eps, maxNorm, inTiles });
}
