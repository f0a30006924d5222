import { FOLDERS } from './places.ts';
import { type Change, type Mutant, mutantsOf } from './rules.ts';
import { textsOf } from './texts.ts';

/** All defects of the project, in order. Each has a number of its own. */
export class Defects {
  readonly texts: ReadonlyMap<string, string>;
  readonly all: readonly Mutant[];
  readonly #first = new Map<string, number>();
  readonly #numbers: ReadonlyMap<string, number>;

  constructor(root: string) {
    this.texts = textsOf(root, FOLDERS);
    const all: Mutant[] = [];
    for (const [file, text] of this.texts) {
      this.#first.set(file, all.length);
      all.push(...mutantsOf(file, text));
    }
    this.all = all;
    this.#numbers = new Map(all.map((mutant, number) => [keyOf(mutant.file, mutant), number]));
  }

  /** The text of a file without a defect. */
  textOf(file: string): string {
    return this.texts.get(file) as string;
  }

  numberOf(file: string, change: Change): number {
    return this.#numbers.get(keyOf(file, change)) as number;
  }

  /** Where a file's own defects begin to be numbered. */
  firstOf(file: string): number {
    return this.#first.get(file) as number;
  }
}

const keyOf = (file: string, { rule, start, end }: Change): string => `${file} ${rule} ${start} ${end}`;
