/** Names of classes as data sets spell them: "ApplyEyeMakeup", "apply_eye_makeup", "Apply Eye Makeup". */
import { nearest } from '../../../engine/nearest.ts';
import { shown } from './lines.ts';

/** Letters and digits alone: `ApplyEyeMakeup`, `apply_eye_makeup` and `Apply eye makeup` are one. */
export const letters = (text: string) => text.normalize('NFKC').toLowerCase().replace(/[^\p{L}\p{M}\p{N}]/gu, '');

/** A name cut where a capital begins a word, and at underscores: "ApplyEyeMakeup" becomes "Apply Eye Makeup". */
export function inWords(name: string): string {
  return name.replaceAll('_', ' ').replace(/([\p{Ll}\p{N}])(?=\p{Lu})/gu, '$1 ').replace(/(\p{Lu})(?=\p{Lu}\p{Ll})/gu,
    '$1 ');
}

/** Unknown names that a guess is made for: as many as an error shows. */
const MOST_GUESSES = 20;

/** Finds classes by name, as it is written or else by its letters alone. */
export class ClassIndex {
  readonly #names: readonly string[];
  #guesses = 0;
  readonly #exact = new Map<string, number>();
  /** Undefined where two classes have the same letters. */
  readonly #plain = new Map<string, number | undefined>();

  /** @param names by label */
  constructor(names: readonly string[]) {
    this.#names = names;
    for (const [label, name] of names.entries()) {
      const key = letters(name);
      this.#exact.set(name, label);
      if (key !== '') this.#plain.set(key, this.#plain.has(key) ? undefined : label);
    }
  }

  labelOf(name: string): number | undefined {
    return this.#exact.get(name) ?? this.#plain.get(letters(name));
  }

  /** What is said of a name that no class has. */
  unknown(name: string): string {
    const near = this.#guesses++ < MOST_GUESSES ? nearest(name, this.#names) : undefined;
    return `${shown(name)} is none of the ${this.#names.length} classes${
      near === undefined ? '' : `; did you mean ${shown(near)}?`
    }`;
  }
}
