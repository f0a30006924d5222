/** The case, the variant and the storage that a study page is set to. */
import type { FloatType } from '../../engine/index.ts';
import { found } from '../pages/dom.ts';

export interface Chosen {
  readonly case: string;
  /** What the adapter takes by itself if undefined. */
  readonly variant: string | undefined;
  readonly type: FloatType;
}

/** What of a room this adapter can run. */
export interface Usable {
  readonly variants: readonly string[];
  readonly cases: readonly string[];
  readonly types: readonly FloatType[];
}

/** The form on top of the files. It is hidden until a script can act on it. */
export class Choices {
  readonly #form = found<HTMLFormElement>('#choices');

  /**
   * @param onChange is told after each change by a person
   * @param onFirst is told once, when a person first turns to the form
   */
  constructor(onChange: () => void, onFirst: () => void) {
    this.#form.hidden = false;
    this.#form.addEventListener('focusin', onFirst, { once: true });
    this.#form.addEventListener('submit', (event) => event.preventDefault());
    this.#form.addEventListener('change', onChange);
  }

  #select(name: string): HTMLSelectElement {
    return found<HTMLSelectElement>(`select[name=${name}]`, this.#form);
  }

  get chosen(): Chosen {
    return { case: this.#select('case').value, variant: this.#select('variant').value || undefined,
      type: this.#select('type').value as FloatType };
  }

  /** All names that the form has. */
  get names(): { readonly cases: readonly string[]; readonly variants: readonly string[] } {
    const of = (name: string) =>
      [...this.#select(name).options].map(({ value }) => value).filter((value) => value !== '');
    return { cases: of('case'), variants: of('variant') };
  }

  /** Sets the form. What it does not have stays as it was. */
  set(chosen: Partial<Chosen>): void {
    for (const [name, value = ''] of Object.entries(chosen)) {
      const select = this.#select(name);
      if ([...select.options].some((option) => option.value === value)) select.value = value;
    }
  }

  /** Takes away what this adapter cannot run. */
  restrict(usable: Usable): void {
    const keep = (name: string, known: readonly string[]) => {
      for (const option of this.#select(name).options) {
        option.disabled = option.value !== '' && !known.includes(option.value);
      }
    };
    keep('variant', usable.variants);
    keep('case', usable.cases);
    keep('type', usable.types);
  }
}
