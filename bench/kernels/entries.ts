/** What the benchmark of the kernels goes through. */
import { FirstlightError } from '../../engine/errors.ts';
import type { Gpu } from '../../engine/index.ts';
import { nearest } from '../../engine/nearest.ts';
import { rooms } from '../../kernels/index.ts';
import type { Room } from '../../kernels/shared/room.ts';
import { type Entry, variantsOf, workloadEntries } from './entry.ts';

export interface Filters {
  readonly room?: string;
  /** Part of a case's name. */
  readonly case?: string;
  readonly variant?: string;
  /** Sizes of models alone. */
  readonly models: boolean;
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
      ...workloadEntries(gpu, room, variants),
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
