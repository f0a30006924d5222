/** What is not finite is an error that names the first tensor that had it. */
import { type AnyTensor, type Gpu, type Module, NonFiniteError, type Tensor } from '../../engine/index.ts';
import { tooLargeForHalf } from '../../model/checkpoint/special.ts';
import type { Tap } from '../../model/parts/layers.ts';

/**
 * Refuses a model one of whose weights, or running statistics, is NaN or infinite, as it is stored: in f16 so is what
 * was above 65,504.
 *
 * @throws NonFiniteError naming the first one
 */
export async function requireFiniteWeights(model: Module): Promise<void> {
  for (const [name, weight] of model.state()) {
    if (await isAllFinite(weight)) continue;
    const { master } = weight;
    const isTooLarge = master !== undefined && (await isAllFinite(master));
    throw isTooLarge ? tooLargeForHalf(name) : new NonFiniteError(`the weight "${name}"`);
  }
}

/** The first activation of a forward pass that is not finite, by the name that the tap is given. */
export async function firstNonFinite(gpu: Gpu, forward: (tap: Tap) => Tensor): Promise<string | undefined> {
  const seen: (readonly [string, Tensor])[] = [];
  forward((name, value) => seen.push([name, gpu.keep(value.detach())])).dispose();
  try {
    for (const [name, value] of seen) if (!(await isAllFinite(value))) return name;
    return undefined;
  } finally {
    for (const [, value] of seen) value.dispose();
  }
}

export async function isAllFinite(tensor: Pick<AnyTensor, 'read'>): Promise<boolean> {
  return (await tensor.read()).every(Number.isFinite);
}
