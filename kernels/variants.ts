/** The variants of all kernels, by name. */
import type { FloatType, Context } from '../engine/index.ts';
import { candidatesIn } from './checking/lookup.ts';
import { rooms } from './index.ts';

/**
 * Names of the variants that this device can run on tensors stored so, in the order of the rooms; of kernels with a
 * candidate only.
 */
export function variantNames(gpu: Context, stored: FloatType): readonly string[] {
  const kernels = rooms.flatMap((room) => room.kernels);
  const names = kernels.map((kernel) => [...new Set(kernel.candidates(gpu, stored).map(({ variant }) => variant))]);
  return [...new Set(names.filter(({ length }) => length > 1).flat())];
}
