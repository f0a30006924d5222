import { FirstlightError, type Gpu } from '../../../engine/index.ts';
import { sgd, SGD_COLUMNS, type SGDStep, sgdRow } from '../../../kernels/sgd/index.ts';
import { checkFraction } from '../../../kernels/shared/numbers.ts';
import { Optimizer, type ParameterGroup } from './optimizer.ts';

/** What SGD is set to, beyond what differs between groups. */
export interface SGDOptions {
  /** Factor on what gradients have gathered before; 0 for none, and then nothing is kept of them. */
  readonly momentum: number;
  /** Whether a step looks ahead by the momentum that it has. */
  readonly nesterov: boolean;
  /** Largest gradient norm; 0 for no clipping. */
  readonly maxNorm: number;
  /** Whether every parameter begins with a tile, as the wire's half precision wants it; not if omitted. */
  readonly inTiles?: boolean;
}

/**
 * Stochastic gradient descent over groups of parameters, with weight decay, momentum and Nesterov's momentum:
 * torch.optim.SGD without dampening. Weight decay is added to the gradient, after clipping.
 */
export class SGD extends Optimizer<'momentum'> {
  readonly #options: SGDOptions;

  constructor(gpu: Gpu, groups: readonly ParameterGroup[], options: SGDOptions) {
    const { momentum, nesterov, maxNorm, inTiles } = options;
    checkFraction('SGD', 'momentum', momentum);
    if (nesterov && momentum === 0) {
      throw new FirstlightError('FL_RANGE', 'SGD: Nesterov’s momentum needs a momentum, it is 0', { momentum });
    }
    super(gpu, groups, { name: 'SGD', moments: momentum === 0 ? [] : ['momentum'], columns: SGD_COLUMNS, maxNorm,
      beta1: 0, beta2: 0, inTiles });
    this.#options = options;
  }

  protected override row({ weightDecay }: ParameterGroup, lr: number): Float32Array {
    return sgdRow({ ...this.#options, weightDecay, lr });
  }

  protected override update(step: SGDStep): void {
    sgd(step);
  }
}
