import { bytesOf, type FloatType } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/** What moves, in elements. */
export interface MoveSize {
  /** All tokens, and all rows, those without a token among them. */
  readonly tokens: number;
  readonly rows: number;
  /** From rows to tokens; else from tokens to rows. */
  readonly isBack?: boolean;
  readonly hasResidual?: boolean;
}

/** Work of one forward call: a copy, and a sum for each token where there is a residual. */
export function cost({ tokens, rows, isBack = false, hasResidual = false }: MoveSize, type: FloatType): Cost {
  const residual = hasResidual ? tokens : 0;
  return {
    flops: residual,
    bytesRead: bytesOf(type, (isBack ? rows : tokens) + residual),
    bytesWritten: bytesOf(type, isBack ? tokens : rows),
  };
}

/** Work of one gradient: the copy the other way. That of a residual is dy itself. */
export function gradientCost({ tokens, rows, isBack = false }: MoveSize, type: FloatType): Cost {
  return cost({ tokens, rows, isBack: !isBack }, type);
}
