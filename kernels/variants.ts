/** The variants of the kernels, by name: for those who want to see, measure or check one in particular. */
import type { FloatType, Context, Kernel } from '../engine/index.ts';
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

/** From now on these kernels run in this variant where they have it for tensors that are stored so. */
export function prefer(gpu: Context, kernels: readonly Kernel[], variant: string, stored: FloatType): void {
  gpu.candidates.clear();
  for (const kernel of kernels) {
    const candidate = kernel.candidates(gpu, stored).find((candidate) => candidate.variant === variant);
    if (candidate !== undefined) gpu.candidates.prefer(kernel.name, candidate);
  }
}
