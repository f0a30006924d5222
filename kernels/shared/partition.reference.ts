import { isLastOn, type Partition } from './partition.ts';
import type { Triple } from './windows.ts';
import { places } from './windows.reference.ts';

/** A window of a picture: its place among those of the picture. */
export interface PlacedWindow {
  readonly picture: number;
  readonly at: Triple;
}

/** All windows in their order: kind by kind, of a kind picture by picture, of a picture the last axis fastest. */
export function windowsInOrder({ pictures, counts, shift, kinds }: Partition): readonly PlacedWindow[] {
  const all = Array.from({ length: pictures }, (_, picture) => [...places(counts)].map((at) => ({ picture, at })))
    .flat();
  const isOfKind = (last: number, { at }: PlacedWindow) =>
    at.every((place, axis) => (shift[axis] > 0 && place === counts[axis] - 1) === isLastOn(last, axis));
  return kinds.flatMap(({ last }) => all.filter((window) => isOfKind(last, window)));
}
