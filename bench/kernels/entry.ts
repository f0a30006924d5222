/** What is timed of a room, and in which variants. */
import type { FloatType, Gpu } from '../../engine/index.ts';
import type { Case, Room } from '../../kernels/shared/room.ts';
import { workloadsFor } from '../../kernels/shared/workload.ts';

/** A case of a room, with the variants in which its kernels can run here. */
export interface Entry {
  readonly room: Room;
  readonly name: string;
  /** At the size of a model, not one of the awkward sizes that tests are made of. */
  readonly isWorkload: boolean;
  readonly variants: readonly string[];
  make(): Case;
}

/**
 * Names of variants that some kernel of a room has here, the plainest first. Where a kernel lacks one, it runs as it
 * would by itself.
 */
export function variantsOf(gpu: Gpu, room: Room): string[] {
  const names = [...new Set(room.kernels.flatMap((kernel) => kernel.variants(gpu)))];
  return names.length === 1 ? names : names.filter((name) => name !== 'only').reverse();
}

/** Whether some kernel of the room has this variant for tensors that are stored so. */
export function takes(gpu: Gpu, room: Room, variant: string, stored: FloatType): boolean {
  return room.kernels.some((kernel) =>
    kernel.candidates(gpu, stored).some((candidate) => candidate.variant === variant)
  );
}

/** The workloads of a room that are for this kind of adapter. */
export function workloadEntries(gpu: Gpu, room: Room, variants: readonly string[] = variantsOf(gpu, room)): Entry[] {
  return workloadsFor(gpu, room).map(({ name, make }) => ({ room, name, isWorkload: true, variants, make }));
}
