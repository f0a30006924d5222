/** Defects one after the other, each against its tests. */
import { readFileSync } from 'node:fs';
import { Random } from '../../engine/random.ts';
import { linesOf, type Mutant } from './rules.ts';

/** A defect that changes nothing that a program can tell. */
export interface Equal {
  readonly file: string;
  /** Its line, before and after. */
  readonly before: string;
  readonly after: string;
  readonly reason: string;
}

export const EQUAL = JSON.parse(readFileSync(new URL('./equal.json', import.meta.url), 'utf8')) as readonly Equal[];

export function isEqual(text: string, mutant: Mutant, equal: readonly Equal[] = EQUAL): boolean {
  const [before, after] = linesOf(text, mutant);
  return equal.some((each) => each.file === mutant.file && each.before === before && each.after === after);
}

/** In the order that a seed draws. */
export function drawn(mutants: readonly Mutant[], seed: number): Mutant[] {
  return Array.from(new Random(seed, 'mutants').permutation(mutants.length), (place) => mutants[place]);
}

export interface Outcome {
  readonly mutant: Mutant;
  /** The test that noticed it; undefined: none did. */
  readonly caughtBy: string | undefined;
  /** How many files of tests saw it. */
  readonly shownTo: number;
}

export interface Campaign<Lane> {
  readonly mutants: Iterable<Mutant>;
  /** What works at the same time: each takes the next defect when it is done with one. */
  readonly lanes: readonly Lane[];
  /** Shows a defect to its tests, the most likely to notice it first, until one does. */
  readonly show: (mutant: Mutant, lane: Lane) => Promise<Omit<Outcome, 'mutant'>>;
  /** Asked before each defect. */
  readonly goesOn: () => boolean;
  readonly onOutcome: (outcome: Outcome) => void;
}

/** In the order in which they came out. */
export async function runCampaign<Lane>(
  { mutants, lanes, show, goesOn, onOutcome }: Campaign<Lane>,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const left = mutants[Symbol.iterator]();
  await Promise.all(lanes.map(async (lane) => {
    while (goesOn()) {
      const next = left.next();
      if (next.done === true) return;
      const outcome = { mutant: next.value, ...await show(next.value, lane) };
      outcomes.push(outcome);
      onOutcome(outcome);
    }
  }));
  return outcomes;
}

/** Lines of a table: each folder, and all of them. */
export function tableOf(outcomes: readonly Outcome[]): string[] {
  const folderOf = ({ mutant: { file } }: Outcome) => file.split('/')[0];
  const line = (name: string, own: readonly Outcome[]) => {
    const caught = own.filter(({ caughtBy }) => caughtBy !== undefined).length;
    return `${name.padEnd(10)} ${String(caught).padStart(4)} of ${String(own.length).padStart(4)}  ${
      ((100 * caught) / own.length).toFixed(1)
    } %`;
  };
  const folders = [...new Set(outcomes.map(folderOf))].sort();
  return [...folders.map((name) => line(name, outcomes.filter((each) => folderOf(each) === name))),
    ...(outcomes.length > 0 ? [line('all', outcomes)] : [])];
}
