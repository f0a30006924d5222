/** Few-shot training: a few clips of each class, and lists that are written. */
import { DatasetError } from '../../../engine/errors.ts';
import { Random } from '../../../engine/random.ts';
import { shown } from './lines.ts';

/**
 * `shots` entries of each class, in the order of the list: the first of a permutation of the class's own, so that fewer
 * shots of one seed are among more.
 *
 * @param list what errors call it  @throws DatasetError naming the classes that have fewer
 */
export function drawShots<E extends { readonly label: number }>(entries: readonly E[],
  { names, shots, seed, list }: { names: readonly string[]; shots: number; seed: number; list: string }): E[] {
  const places = names.map((): number[] => []);
  for (const [place, { label }] of entries.entries()) places[label].push(place);
  const short = places.flatMap((own, label) => own.length < shots ? [`${shown(names[label])} has ${own.length}`] : []);
  if (short.length > 0) {
    throw new DatasetError([{ file: list, line: 0,
      problem: `data.shots takes ${shots} clips of each class, ${short.length} of ${names.length} have fewer: ${
        short.join(', ')
      }` }]);
  }
  const drawn = places.flatMap((own, label) =>
    Array.from(new Random(seed, `shots of class ${label}`).permutation(own.length).subarray(0, shots), (i) => own[i])
  );
  return drawn.sort((a, b) => a - b).map((place) => entries[place]);
}

/** The text of a list in the official style, a line `path label` each. @param names paths as the list has them */
export function listText(entries: readonly { readonly name: string; readonly label: number }[]): string {
  // a line that begins with # would be a comment
  return entries.map(({ name, label }) => `${name.startsWith('#') ? './' : ''}${name} ${label}\n`).join('');
}

/** The text of a labels.csv. */
export function labelsText(names: readonly string[]): string {
  return `id,name\n${names.map((name, id) => `${id},"${name.replaceAll('"', '""')}"\n`).join('')}`;
}
