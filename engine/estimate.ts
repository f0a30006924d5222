import type { Gpu } from './gpu.ts';
import { planMemory } from './plan.ts';
import { Recording } from './recording.ts';

/** What some work would take, had it run. */
export interface MemoryEstimate {
  /** Bytes of tensors that are left at the end: parameters, moments, inputs; by label. */
  readonly resident: ReadonlyMap<string, number>;
  readonly residentBytes: number;
  /** Bytes of the slabs for everything that comes and goes. */
  readonly transientBytes: number;
  readonly dispatches: number;
}

/**
 * Goes through `work` without a device's memory: kernels are noted, not run; writes from the host go nowhere; what is made takes
 * no byte. The plan is the one that a captured step gets, so that it is known before the first allocation whether it fits.
 *
 * @param work makes what a run needs (with `gpu.keep`) and goes through one step of it
 */
export function estimate(gpu: Gpu, work: () => void): MemoryEstimate {
  gpu.ones([]).dispose(); // made by a write from the host
  const recording = new Recording({ isEstimate: true });
  gpu.recording = recording;
  try {
    return gpu.scope(() => {
      work();
      const storages = recording.storages();
      const resident = new Map<string, number>();
      for (const { refs, label, bytes } of storages) if (refs > 0) resident.set(label, (resident.get(label) ?? 0) + bytes);
      const passing = recording.lifetimes(storages.filter(({ refs }) => refs === 0));
      const { slabs } = planMemory(passing, gpu.limits.minStorageBufferOffsetAlignment, gpu.limits.maxBufferSize);
      const sum = (bytes: Iterable<number>) => [...bytes].reduce((total, one) => total + one, 0);
      return { resident, residentBytes: sum(resident.values()), transientBytes: sum(slabs), dispatches: recording.dispatches };
    });
  } finally {
    gpu.recording = undefined;
  }
}
