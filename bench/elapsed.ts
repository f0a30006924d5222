import type { Gpu } from '../engine/index.ts';

/**
 * Milliseconds so far: of the processor where it is the adapter, for neighbours that use it too then count for nothing;
 * of the clock on a GPU.
 */
export function elapsed(gpu: Gpu): number {
  if (gpu.kind !== 'software') return performance.now();
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
