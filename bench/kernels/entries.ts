/** What the benchmark of the kernels goes through. */
import { FirstlightError } from '../../engine/errors.ts';
import type { FloatType, Gpu } from '../../engine/index.ts';
import { nearest } from '../../engine/nearest.ts';
import { rooms } from '../../kernels/index.ts';
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

export interface Filters {
  readonly room?: string;
  /** Part of a case's name. */
  readonly case?: string;
  readonly variant?: string;
  /** Sizes of models alone. */
  readonly models: boolean;
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

/** Every room × case that the filters leave, those of model sizes first. */
export function entriesOf(gpu: Gpu, filters: Filters): Entry[] {
  const chosen = filters.room === undefined
    ? rooms
    : [oneOf('room', filters.room, rooms.map(({ name }) => name))].map((name) =>
      rooms.find((room) => room.name === name) as Room
    );
  if (filters.variant !== undefined) {
    oneOf('variant', filters.variant, [...new Set(chosen.flatMap((room) => variantsOf(gpu, room)))]);
  }
  const all = chosen.flatMap((room): Entry[] => {
    const variants = variantsOf(gpu, room).filter((name) => filters.variant === undefined || name === filters.variant);
    if (variants.length === 0) return [];
    return [
      ...workloadsFor(gpu, room).map(({ name, make }) => ({ room, name, isWorkload: true, variants, make })),
      ...(filters.models
        ? []
        : room.cases.map((item) => ({ room, name: item.name, isWorkload: false, variants, make: () => item }))),
    ];
  });
  const left = all.filter(({ name }) =>
    filters.case === undefined || name.toLowerCase().includes(filters.case.toLowerCase())
  );
  if (left.length === 0) {
    throw new FirstlightError('FL_USAGE', `--case ${filters.case}: no case has this in its name`, {},
      `there are ${all.map(({ name }) => `"${name}"`).join(', ')}`);
  }
  return left;
}

function oneOf(flag: string, word: string, known: readonly string[]): string {
  if (known.includes(word)) return word;
  const guess = nearest(word, known);
  throw new FirstlightError('FL_USAGE', `--${flag}: there is no ${flag} "${word}"`, {},
    `${guess === undefined ? '' : `did you mean ${guess}? `}There are ${known.join(', ')}`);
}
