import { part, Struct, type Tensor } from '../../engine/index.ts';
import { type ArenaStep, kernelsOf, updateArena, updateKernels } from '../shared/arena_update.ts';
import { checkFraction, checkNotNegative } from '../shared/numbers.ts';
import { controlKernels } from '../shared/step_control.ts';

export { cost } from './cost.ts';

const body = await part(import.meta.url, './sgd.wgsl');
const special = await part(import.meta.url, '../shared/special.wgsl');
const plain = updateKernels('sgd', [body, await part(import.meta.url, './parts/momentum.none.wgsl'), special]);
const withMomentum = updateKernels('sgd_momentum', [body, await part(import.meta.url, './parts/momentum.buffer.wgsl')]);

const HYPER = new Struct(body, 'Hyper', 'f32', ['lr', 'momentum', 'weight_decay', 'nesterov']);

/** Numbers of one row of `hyper`. */
export const SGD_COLUMNS = HYPER.words;

/** What one update needs; `hyper` is [G, SGD_COLUMNS], of rows that `sgdRow` makes. */
export interface SGDStep extends ArenaStep {
  /**
   * [n], what gradients have gathered, zeros before the first step; changed in place. Left out where no group has
   * momentum.
   */
  readonly momentum?: Tensor;
}

/**
 * One step of stochastic gradient descent with weight decay, momentum and Nesterov's momentum, in place, over
 * parameters that lie side by side: torch.optim.SGD without dampening. An arena larger than a binding takes several
 * dispatches.
 */
export function sgd(step: SGDStep): void {
  const { momentum } = step;
  if (momentum === undefined) updateArena('sgd', plain, step, {}, SGD_COLUMNS);
  else updateArena('sgd', withMomentum, step, { momentum_buffer: momentum }, SGD_COLUMNS);
}

/** Settings of one parameter group at one step. */
export interface SGDHyper {
  readonly lr: number;
  /** Factor on what gradients have gathered before; 0 for none. */
  readonly momentum: number;
  /** Times the parameter, added to its gradient. */
  readonly weightDecay: number;
  /** Whether a step looks ahead by the momentum that it has. */
  readonly nesterov: boolean;
}

/** The row of `hyper` for a group, `struct Hyper`. */
export function sgdRow({ lr, momentum, weightDecay, nesterov }: SGDHyper): Float32Array {
  for (const [name, value] of Object.entries({ lr, weightDecay })) checkNotNegative('SGD', name, value);
  checkFraction('SGD', 'momentum', momentum);
  return HYPER.pack({ lr, momentum, weight_decay: weightDecay, nesterov: nesterov ? 1 : 0 });
}

/** All kernels of the room, for checks and tuning. */
export const kernels = [...kernelsOf(plain), ...kernelsOf(withMomentum), ...controlKernels];
