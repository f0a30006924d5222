/**
 * Some of the classes of a data set, chosen by name: Kinetics-600's new ones, of which names alone give 232 and the
 * protocol has 220, so that a person gives them in a file.
 */
import { DatasetError } from '../../../engine/errors.ts';
import { Random } from '../../../engine/random.ts';
import { ClassIndex, letters } from './class_names.ts';

/**
 * `count` of some names, in their order.
 * @param draw 0, 1, 2, …: each draws anew  @throws RangeError if there are fewer
 */
export function drawClasses(names: readonly string[], count: number, seed: number, draw: number): string[] {
  if (!Number.isInteger(count) || count < 1 || count > names.length) {
    throw new RangeError(`expected between 1 and ${names.length} classes, got ${count}`);
  }
  const places = new Random(seed, `draw ${draw} of classes`).permutation(names.length).subarray(0, count);
  return Array.from(places).sort((a, b) => a - b).map((place) => names[place]);
}

/**
 * Names of a data set that stand in another list of names too, however either spells them: "ApplyEyeMakeup" is "apply
 * eye makeup". A model that was trained on the other list knows them: they are no classes of a zero-shot or few-shot
 * experiment.
 */
export function sharedNames(names: readonly string[], others: readonly string[]): string[] {
  const known = new Set(others.map(letters));
  return names.filter((name) => known.has(letters(name)));
}

/** Classes with their clips; labels are places in `names`. */
export interface Classes<E> {
  readonly names: readonly string[];
  readonly entries: readonly E[];
}

/**
 * The chosen classes alone, in the order of the data set, with their clips, whose labels count among them.
 *
 * @param chosen in any case, cut by spaces, underscores or capitals  @param file that names them, for messages
 * @throws DatasetError with every name that the data set does not have, or has been given twice
 */
export function restrictClasses<E extends { readonly label: number }>({ names, entries }: Classes<E>,
  chosen: readonly string[], file: string): Classes<E> {
  const index = new ClassIndex(names);
  const labels = new Set<number>();
  const problems: string[] = [];
  for (const name of chosen) {
    const label = index.labelOf(name);
    if (label === undefined) problems.push(index.unknown(name));
    else if (labels.has(label)) problems.push(`"${name}" is class "${names[label]}", which is chosen already`);
    else labels.add(label);
  }
  if (problems.length > 0) throw new DatasetError(problems.map((problem) => ({ file, line: 0, problem })));
  const kept = [...labels].sort((a, b) => a - b);
  const own = new Map(kept.map((label, place) => [label, place]));
  return {
    names: kept.map((label) => names[label]),
    entries: entries.flatMap((entry) => {
      const label = own.get(entry.label);
      return label === undefined ? [] : [{ ...entry, label }];
    }),
  };
}
