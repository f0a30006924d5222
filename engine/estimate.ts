import type { Command } from './command.ts';
import type { Context } from './context.ts';
import { sizeClass } from './memory.ts';
import { withoutRunning } from './pass.ts';
import { leastBytes, planMemory } from './plan.ts';
import { planTextures } from './texture_plan.ts';

/** What the engine takes beside tensors: parameters of kernels, and the least that a readback goes through. */
export const ENGINE_BYTES = 512 * 1024;

/** What some work would take, had it run. */
export interface MemoryEstimate {
  /** Bytes of tensors that are left at the end: parameters, moments, inputs; by label. */
  readonly resident: ReadonlyMap<string, number>;
  /** Bytes of the slabs of the captured step. */
  readonly stepBytes: number;
  /**
   * Bytes at the worst moment: what is resident by then, the slabs once the step is there, and what comes and goes
   * outside of it.
   */
  readonly totalBytes: number;
  readonly dispatches: number;
  /** Multiply-adds of all products: matrices, attention, patches. */
  readonly macs: number;
}

const macsOf = (command: Command) => (command.kind === 'dispatch' ? (command.flops ?? 0) / 2 : 0);

/**
 * Goes through `work` without a device's memory: kernels are noted, not run; writes from the host go nowhere; what is
 * made takes no byte. The plan is the one that a captured step gets, so that it is known before the first allocation
 * whether it fits.
 *
 * @param work makes what a run needs (with `gpu.keep`) and runs its captured step once
 */
export function estimate(gpu: Context, work: () => void): MemoryEstimate {
  return withoutRunning(gpu, (recording) => {
    work();
    const storages = recording.storages();
    const resident = new Map<string, number>();
    for (const { refs, label, bytes } of storages) {
      if (refs > 0) resident.set(label, (resident.get(label) ?? 0) + bytes);
    }
    const passesInStep = (storage: (typeof storages)[number]) => storage.refs === 0 && recording.inStep.has(storage);
    const { slabs } = planMemory(recording.lifetimes(storages.filter(passesInStep)),
      gpu.limits.minStorageBufferOffsetAlignment, gpu.limits.maxBufferSize);
    const stepBytes = slabs.reduce((sum, bytes) => sum + bytes, 0);
    const { stepBegins = recording.commands.length } = recording;
    const others = recording
      .lifetimes(storages.filter((storage) => !passesInStep(storage)), { isCaptured: false })
      .map((lifetime) => ({ ...lifetime, bytes: sizeClass(lifetime.bytes) })); // each has a buffer of its own
    const step = { bytes: stepBytes, first: stepBegins, last: recording.commands.length, apart: new Set<number>() };
    const { bytes: textures } = planTextures(recording.textures, recording.commands);
    return { resident, stepBytes: stepBytes + textures, totalBytes: leastBytes([...others, step]) + textures,
      dispatches: recording.dispatches, macs: recording.commands.reduce((sum, command) => sum + macsOf(command), 0) };
  });
}
