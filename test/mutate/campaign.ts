/** Defects one after the other, each against its tests. */
import { readFileSync } from 'node:fs';
import { Random } from '../../engine/random.ts';
import { linesOf, type Mutant } from './rules.ts';
import type { TestFile } from './places.ts';

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

export interface Campaign {
  readonly mutants: Iterable<Mutant>;
  /** Those that a defect is shown to, the most likely to notice it first. */
  readonly testsOf: (mutant: Mutant) => readonly TestFile[];
  /** Runs tests of the program with a defect. Returns whether they pass. */
  readonly passes: (mutant: Mutant, test: TestFile) => Promise<boolean>;
  /** Asked before each defect. */
  readonly goesOn: () => boolean;
  readonly onOutcome: (outcome: Outcome) => void;
}

export async function runCampaign({ mutants, testsOf, passes, goesOn, onOutcome }: Campaign): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const mutant of mutants) {
    if (!goesOn()) break;
    let caughtBy: string | undefined;
    let shownTo = 0;
    for (const test of testsOf(mutant)) {
      shownTo++;
      if (await passes(mutant, test)) continue;
      caughtBy = test.file;
      break;
    }
    const outcome = { mutant, caughtBy, shownTo };
    outcomes.push(outcome);
    onOutcome(outcome);
  }
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
