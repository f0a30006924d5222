/** The classes that a clip is told apart by: their names in templates, and the mean over templates. */
import { dispose, type Gpu, type Tensor } from '../../engine/index.ts';
import { type System, textFeatures } from '../../model/systems/system.ts';
import { refusals, sentences, TEMPLATES, type Wording } from '../../model/templates.ts';
import { type Guess, rank } from './ranking.ts';

/** Names as they are. */
export const PLAIN: Wording = { templates: 'none', mean: 'softmax' };

export class Candidates {
  /** [P · K, E], template by template; of templates whose embeddings are averaged [K, P, E]. */
  readonly features: Tensor;
  readonly #perView: number;
  readonly #isOfLogits: boolean;

  /** @throws FirstlightError naming the first class that the tokenizer refuses, and the template */
  constructor(gpu: Gpu, system: System, names: readonly string[], { templates, mean }: Wording = PLAIN) {
    requireWords(system, names, templates);
    const count = TEMPLATES[templates].length;
    const texts = sentences(templates, names);
    const isGrouped = count > 1 && mean === 'embeddings';
    this.#perView = isGrouped ? 1 : count;
    this.#isOfLogits = mean === 'logits';
    if (isGrouped) {
      const byClass = names.flatMap((_, k) => Array.from({ length: count }, (__, p) => texts[p * names.length + k]));
      this.features = gpu.keep(owned(textFeatures(gpu, system, byClass), [names.length, count]));
    } else this.features = textFeatures(gpu, system, texts);
  }

  /** Texts of all classes. */
  get texts(): number {
    return this.features.shape.slice(0, -1).reduce((a, b) => a * b);
  }

  /** As `evaluate` takes them. */
  get compared() {
    return { features: this.features, rankOf: (logits: Float32Array, views: number) => this.rank(logits, views) };
  }

  /** What a clip is taken for. @param logits [V, P · K] of its views */
  rank(logits: Float32Array, views = 1): Guess[] {
    const count = this.#perView;
    return this.#isOfLogits ? rank(meanLogits(logits, views, count), views) : rank(logits, views * count);
  }

  dispose(): void {
    this.features.dispose();
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

/** Throws what the tokenizer says against the first name in a template; looking is cheap, encoding is not. */
export function requireWords({ model, tokenizer }: System, names: readonly string[],
  templates: Wording['templates']): void {
  const [first] = refusals(tokenizer, templates, names, model.config.text.context);
  if (first !== undefined) throw first;
}
