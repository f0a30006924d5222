/** One variant in particular: for those who want to see, measure or check it. */
import type { Candidate, Context, FloatType, Kernel } from '../../engine/index.ts';

/** The candidate of each of these kernels that is of a variant, in its first sizes; of those that have it. */
export function candidatesIn(gpu: Context, kernels: readonly Kernel[], variant: string,
  stored: FloatType): ReadonlyMap<string, Candidate> {
  return new Map(kernels.flatMap((kernel) => {
    const candidate = kernel.candidates(gpu, stored).find((each) => each.variant === variant);
    return candidate === undefined ? [] : [[kernel.name, candidate]];
  }));
}

/** From now on these kernels run in this variant where they have it for tensors that are stored so. */
export function prefer(gpu: Context, kernels: readonly Kernel[], variant: string, stored: FloatType): void {
  gpu.candidates.clear();
  for (const [kernel, candidate] of candidatesIn(gpu, kernels, variant, stored)) {
    gpu.candidates.prefer(kernel, candidate);
  }
}
