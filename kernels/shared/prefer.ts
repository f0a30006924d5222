/** One variant in particular: for those who want to see, measure or check it. */
import type { Context, FloatType, Kernel } from '../../engine/index.ts';

/** From now on these kernels run in this variant where they have it for tensors that are stored so. */
export function prefer(gpu: Context, kernels: readonly Kernel[], variant: string, stored: FloatType): void {
  gpu.candidates.clear();
  for (const kernel of kernels) {
    const candidate = kernel.candidates(gpu, stored).find((candidate) => candidate.variant === variant);
    if (candidate !== undefined) gpu.candidates.prefer(kernel.name, candidate);
  }
}
