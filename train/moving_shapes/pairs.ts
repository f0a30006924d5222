import type { Random } from '../../engine/index.ts';
import { familyOf } from './scenes.ts';

/**
 * An order in which pairs of pictures follow each other whose captions differ in the shape alone. In a batch without
 * such pairs colour, size and place tell almost every picture, and shapes are learned late.
 */
export function inPairs(entries: readonly { readonly label: number }[], random: Random): Int32Array {
  const families = new Map<number, number[]>();
  for (const at of random.permutation(entries.length)) {
    const family = familyOf(entries[at].label);
    families.set(family, [...(families.get(family) ?? []), at]);
  }
  const pairs = [...families.values()].flatMap((family) => pairsOf(family, (at) => entries[at].label));
  const shuffled = Array.from(random.permutation(pairs.length), (i) => pairs[i]);
  // single ones last, so that no pair is torn apart between two batches
  return Int32Array.from(
    [...shuffled.filter((pair) => pair.length === 2), ...shuffled.filter((pair) => pair.length === 1)].flat(),
  );
}

/** Pairs with different labels as long as there are any; what is left comes last, two by two. */
function pairsOf(places: readonly number[], labelOf: (place: number) => number): number[][] {
  const byLabel = new Map<number, number[]>();
  for (const place of places) byLabel.set(labelOf(place), [...(byLabel.get(labelOf(place)) ?? []), place]);
  const pairs: number[][] = [];
  for (;;) {
    const [most, next] = [...byLabel.values()].filter((list) => list.length > 0).sort((a, b) => b.length - a.length);
    if (most === undefined) return pairs;
    pairs.push([...most.splice(0, next === undefined ? 2 : 1), ...(next?.splice(0, 1) ?? [])]);
  }
}
