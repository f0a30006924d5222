import { backward, type Gpu, noGrad, type Tensor } from '../engine/index.ts';
import type { Cost } from '../kernels/shared/room.ts';
import type { Measured } from './shapes.ts';

/** Milliseconds on the GPU. */
async function milliseconds(gpu: Gpu, work: () => void): Promise<number> {
  const kernels = await gpu.profile(work);
  return kernels.reduce((sum, { nanoseconds }) => sum + nanoseconds, 0) / 1e6;
}

/** Of several rounds. */
export interface Times {
  readonly forward: number[];
  readonly gradient: number[];
}

/** One forward pass and one gradient of a measurement, in milliseconds on the GPU. */
export async function timed(gpu: Gpu, item: Measured, inputs: Readonly<Record<string, Tensor>>): Promise<{ forward: number; gradient: number }> {
  const forward = await milliseconds(gpu, () => gpu.scope(() => noGrad(() => void item.run(inputs))));
  const y = item.run(inputs);
  using dy = y.like(y.shape, 'dy');
  dy.write(new Float32Array(y.size).fill(1));
  await gpu.sync();
  const gradient = await milliseconds(gpu, () => gpu.scope(() => backward(y, dy)));
  for (const tensor of Object.values(inputs)) {
    tensor.grad?.dispose();
    tensor.grad = undefined;
  }
  y.dispose();
  return { forward, gradient };
}

export const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1];

/** Arithmetic for what is bound by it, memory for the rest. */
export function rate({ flops, bytesRead, bytesWritten }: Cost, milliseconds: number): string {
  const bytes = bytesRead + bytesWritten;
  return flops / bytes > 8 ? `${(flops / milliseconds / 1e6).toFixed(1)} GFLOP/s` : `${(bytes / milliseconds / 1e6).toFixed(2)} GB/s`;
}

/** Forward and gradient together. */
export const total = ({ forward, gradient }: Times): number => median(forward) + median(gradient);
