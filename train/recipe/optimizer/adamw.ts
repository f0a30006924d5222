import type { Gpu } from '../../../engine/index.ts';
import { adamw, type AdamWStep, HYPER_COLUMNS, hyperRow } from '../../../kernels/adamw/index.ts';
import { Optimizer, type ParameterGroup } from './optimizer.ts';

/** What AdamW is set to, beyond what differs between groups. */
export interface AdamWOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  /** Largest gradient norm; 0 for no clipping. */
  readonly maxNorm: number;
  /** Whether every parameter begins with a tile, as the wire's half precision wants it; not if omitted. */
  readonly inTiles?: boolean;
}

/** Moments of one parameter. */
export interface Moments {
  readonly m: Float32Array;
  readonly v: Float32Array;
}

/**
 * AdamW with decoupled weight decay over groups of parameters. Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm
 * 2.
 */
export class AdamW extends Optimizer<keyof Moments> {
  readonly #options: AdamWOptions;

  constructor(gpu: Gpu, groups: readonly ParameterGroup[], options: AdamWOptions) {
    const { maxNorm, beta1, beta2, inTiles } = options;
    super(gpu, groups, { name: 'AdamW', moments: ['m', 'v'], columns: HYPER_COLUMNS, maxNorm, beta1, beta2, inTiles });
    this.#options = options;
  }

  protected override row({ weightDecay }: ParameterGroup, lr: number): Float32Array {
    return hyperRow({ ...this.#options, weightDecay, lr });
  }

  protected override update(step: AdamWStep): void {
    adamw(step);
  }
}
