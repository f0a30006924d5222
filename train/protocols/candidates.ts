/** The classes that a clip is told apart by: their names in templates, and the mean over templates. */
import { ConfigError, dispose, type Gpu, type Tensor } from '../../engine/index.ts';
import { shownValue } from '../../engine/shown.ts';
import { areNumbered, vectorsOf } from '../../model/systems/config.ts';
import { type System, textFeatures } from '../../model/systems/system.ts';
import { refusals, sentences, TEMPLATES, type Wording } from '../../model/templates.ts';
import { type Guess, rank } from './ranking.ts';

/** Names as they are. */
export const PLAIN: Wording = { templates: 'none', mean: 'softmax' };

export class Candidates {
  /**
   * [P · K, E], template by template; of templates whose embeddings are averaged [K, P, E]. Undefined for a system with
   * a head.
   */
  readonly features: Tensor | undefined;
  /** Places of the names among the classes of a head. */
  readonly #places: readonly number[] | undefined;
  readonly #rows: number;
  readonly #perView: number = 1;
  readonly #isOfLogits: boolean;

  /**
   * @param featuresOf [texts, E], for those who have them: they are encoded if it is omitted
   * @throws FirstlightError naming the first class that the tokenizer refuses, and the template
   */
  constructor(gpu: Gpu, system: System, names: readonly string[], { templates, mean }: Wording = PLAIN,
    featuresOf = (texts: readonly string[]): Tensor => textFeatures(gpu, system, texts)) {
    requireWords(system, names, templates);
    this.#isOfLogits = mean === 'logits';
    const { classes } = system.model;
    if (classes !== undefined) {
      this.#rows = classes.length;
      this.#places = names.map((name) => classes.indexOf(name));
      return;
    }
    const count = TEMPLATES[templates].length;
    const texts = sentences(templates, names);
    const isGrouped = count > 1 && mean === 'embeddings';
    this.#perView = isGrouped ? 1 : count;
    this.#rows = names.length * this.#perView;
    if (isGrouped) {
      const byClass = names.flatMap((_, k) => Array.from({ length: count }, (__, p) => texts[p * names.length + k]));
      this.features = gpu.keep(owned(featuresOf(byClass), [names.length, count]));
    } else this.features = featuresOf(texts);
  }

  /** Texts of all classes, or rows of a head. */
  get texts(): number {
    return this.features?.shape.slice(0, -1).reduce((a, b) => a * b) ?? this.#rows;
  }

  /** As `evaluate` takes them. */
  get compared() {
    return { features: this.features, rankOf: (logits: Float32Array, views: number) => this.rank(logits, views) };
  }

  /** What a clip is taken for, among the names. @param logits [V, rows] of its views: [V, P · K] of texts */
  rank(logits: Float32Array, views = 1): Guess[] {
    const count = this.#perView;
    const rows = this.#rows;
    const own = this.#places === undefined
      ? logits
      : Float32Array.from(
        Array.from({ length: views }, (_, view) => view * rows).flatMap((first) =>
          this.#places?.map((place) => logits[first + place]) ?? []
        ),
      );
    return this.#isOfLogits ? rank(meanLogits(own, views, count), views) : rank(own, views * count);
  }

  dispose(): void {
    this.features?.dispose();
  }

  [dispose](): void {
    this.dispose();
  }
}

/** The same tensor in another shape: `features` is given up. */
function owned(features: Tensor, [classes, count]: readonly [number, number]): Tensor {
  const grouped = features.reshape([classes, count, features.shape[1]]);
  features.dispose();
  return grouped;
}

/** [V, P, K] → [V, K] */
export function meanLogits(logits: Float32Array, views: number, templates: number): Float32Array {
  const classes = logits.length / views / templates;
  return Float32Array.from({ length: views * classes }, (_, at) => {
    const first = Math.floor(at / classes) * templates * classes + (at % classes);
    let sum = 0;
    for (let template = 0; template < templates; template++) sum += logits[first + template * classes];
    return sum / templates;
  });
}

/**
 * Throws what the tokenizer says against the first name in a template, or names that a head has no row for; looking is
 * cheap, encoding is not.
 */
export function requireWords({ model, tokenizer }: System, names: readonly string[],
  templates: Wording['templates']): void {
  const { classes, texts, config } = model;
  if (texts !== undefined) {
    const [first] = refusals(tokenizer, templates, names, texts.context, vectorsOf(config));
    if (first !== undefined) throw first;
  }
  const unknown = classes === undefined ? [] : names.filter((name) => !classes.includes(name));
  if (unknown.length === 0) return;
  throw new ConfigError(`the head of ${config.system}`, [
    `was trained on ${classes?.length} classes, and ${unknown.length} of the ${names.length} names are none of them: ${
      unknown.slice(0, SHOWN_NAMES).map((name) => shownValue(name)).join(', ')
    }${unknown.length > SHOWN_NAMES ? ', …' : ''}`,
  ], areNumbered(classes ?? [])
    ? 'its checkpoint does not name them: `firstlight convert FROM TO --labels-file labels.csv` writes one that does'
    : 'ask for classes that it was trained on, or take a system with a text tower, which knows any words');
}

const SHOWN_NAMES = 5;
