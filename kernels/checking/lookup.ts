/** Rooms, cases and variants by the names that people give them. */
import { type Candidate, type Context, FirstlightError, type FloatType, type Kernel } from '../../engine/index.ts';
import { nearest } from '../../engine/nearest.ts';
import type { Case, Room } from '../shared/room.ts';

/** What a person asked for cannot be had. */
export function usage(message: string, hint?: string): FirstlightError {
  return new FirstlightError('FL_USAGE', message, {}, hint);
}

/** There is nothing of this name: names the nearest, and all that there are. */
export function unknown(what: string, name: string, known: readonly string[]): FirstlightError {
  const guess = nearest(name, known);
  const question = guess === undefined ? '' : `did you mean "${guess}"? `;
  return usage(`there is no ${what} "${name}"`, `${question}There are: ${namesText(known)}`);
}

/** Names with spaces stand on lines of their own. */
function namesText(names: readonly string[]): string {
  return names.some((name) => name.includes(' ')) ? names.map((name) => `\n    ${name}`).join('') : names.join(', ');
}

/**
 * The case or workload of this name, or the only one that has it in its name; the first case if none is named. A
 * workload is made by it.
 *
 * @throws FirstlightError FL_USAGE if there is none, or more than one
 */
export function caseOf({ name, cases, workloads }: Room, wanted?: string): Case {
  if (wanted === undefined) return cases[0];
  const all = [...cases.map((item) => ({ name: item.name, make: () => item })), ...workloads];
  const exact = all.filter((each) => each.name === wanted);
  const found = exact.length > 0 ? exact : all.filter((each) => each.name.includes(wanted));
  if (found.length === 0) throw unknown(`case of ${name}`, wanted, all.map((each) => each.name));
  if (found.length > 1) {
    throw usage(`${name}: "${wanted}" is in the names of ${found.length} cases`, namesText(found.map((each) =>
      each.name
    )));
  }
  return found[0].make();
}

/** Names of the variants of a room that a device can run on tensors stored so, in the order of its kernels. */
export function variantsOf(gpu: Context, { kernels }: Pick<Room, 'kernels'>, stored: FloatType): string[] {
  return [...new Set(kernels.flatMap((each) => each.candidates(gpu, stored).map(({ variant }) => variant)))];
}

/** The candidate of each of these kernels that is of a variant, in its first sizes; of those that have it. */
export function candidatesIn(gpu: Context, kernels: readonly Kernel[], variant: string,
  stored: FloatType): ReadonlyMap<string, Candidate> {
  return new Map(kernels.flatMap((kernel) => {
    const candidate = kernel.candidates(gpu, stored).find((each) => each.variant === variant);
    return candidate === undefined ? [] : [[kernel.name, candidate]];
  }));
}
