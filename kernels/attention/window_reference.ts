import type { Partition } from '../shared/partition.ts';
import { windowsInOrder } from '../shared/partition.reference.ts';
import { places } from '../shared/windows.reference.ts';

/** What −∞ would be, were it not for Swin. */
const APART = -100;

/** The row of the table for each query and key [N, N], as Swin indexes it: offsets through the full window. */
export function tableRows({ full, tokens }: Partition): readonly number[] {
  const coordinates = [...places(full)].slice(0, tokens);
  return coordinates.flatMap((query) =>
    coordinates.map((key) =>
      query.reduce((row, place, axis) => row * (2 * full[axis] - 1) + place - key[axis] + full[axis] - 1, 0)
    )
  );
}

/**
 * What is added to the logits of every window [windows, H, N, N]: the bias of the table [offsets, H], and −100 between
 * regions of the turned picture. There are three regions on an axis: all but the last window, and the two parts of
 * that.
 */
export function windowMasks(table: Float64Array, heads: number, partition: Partition): Float64Array {
  const { window, shift, counts, tokens } = partition;
  const rows = tableRows(partition);
  const masks = windowsInOrder(partition).flatMap(({ at }) => {
    const regions = [...places(window)].map((place) =>
      place.map((p, axis) => {
        const fromEnd = (counts[axis] - at[axis]) * window[axis] - p; // 1 for the last place of the axis
        return fromEnd > window[axis] ? 0 : fromEnd > shift[axis] ? 1 : 2;
      }).join()
    );
    return Array.from({ length: heads }, (_, h) =>
      rows.map((row, pair) => {
        const [l, s] = [Math.floor(pair / tokens), pair % tokens];
        return table[row * heads + h] + (regions[l] === regions[s] ? 0 : APART);
      })).flat();
  });
  return Float64Array.from(masks);
}

/** dtable [offsets, H] from dlogits [windows, H, N, N]: each goes to the row and column that its bias came from. */
export function tableGradient(dlogits: Float64Array, rows: number, heads: number, partition: Partition): Float64Array {
  const dtable = new Float64Array(rows * heads);
  const rowOf = tableRows(partition);
  dlogits.forEach((d, i) => {
    const [head, pair] = [Math.floor(i / rowOf.length) % heads, i % rowOf.length];
    dtable[rowOf[pair] * heads + head] += d;
  });
  return dtable;
}
