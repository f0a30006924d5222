import { dispose, type Gpu, Tensor } from '../../engine/index.ts';
import { type Compared, requireTexts, type SystemOfTexts, textFeatures } from '../../model/systems/system.ts';
import { textBatch } from '../../model/parts/text.ts';
import type { TokenRows } from '../../model/tokenizer.ts';

/** All texts of a run. */
export interface StepTextsOptions extends TokenRows {
  /** Texts of P templates, template by template, K each. */
  readonly sentences: readonly string[];
  readonly templates: number;
  /** Whether the text encoder is frozen: then features are computed once. */
  readonly isFixed: boolean;
}

/**
 * What the steps of a run compare clips with: the texts of one template at a time, as ids where they learn and as
 * features where they do not, in memory that every step reads. All have one length, so that a step that was captured
 * can be given another template.
 */
export class StepTexts {
  readonly current: NonNullable<Compared>;
  readonly #options: StepTextsOptions;
  readonly #gpu: Gpu;
  /** Of all templates, [P · K, E]; undefined where there is one, or texts learn. */
  readonly #all: Tensor | undefined;
  #chosen = 0;

  constructor(gpu: Gpu, system: SystemOfTexts, options: StepTextsOptions) {
    this.#gpu = gpu;
    this.#options = options;
    const { sentences, templates, isFixed, length } = options;
    const { model } = system;
    if (!isFixed) {
      this.current = textBatch(gpu, this.#idsOf(0), length, requireTexts(model).endOfText);
      return;
    }
    const all = textFeatures(gpu, system, sentences);
    if (templates === 1) {
      this.current = { features: all };
      return;
    }
    this.#all = all;
    const features = gpu.keep(
      Tensor.empty(gpu, [sentences.length / templates, all.shape[1]], all.dtype, 'text features') as Tensor,
    );
    this.current = { features };
    this.#copy(0, features);
  }

  /** Puts the texts of a template in place, for the steps that are run from now on. */
  choose(template: number): void {
    if (template === this.#chosen) return;
    this.#chosen = template;
    const { current } = this;
    if ('features' in current) this.#copy(template, current.features);
    else current.write(this.#idsOf(template));
  }

  #idsOf(template: number): Int32Array {
    const { ids, templates } = this.#options;
    const size = ids.length / templates;
    return ids.subarray(template * size, (template + 1) * size);
  }

  #copy(template: number, features: Tensor): void {
    const all = this.#all as Tensor;
    this.#gpu.scope(() => {
      const own = all.alias(features.shape, template * features.size * all.elementBytes);
      this.#gpu.copy(own, features);
    });
  }

  dispose(): void {
    this.#all?.dispose();
    if ('features' in this.current) this.current.features.dispose();
    else this.current[dispose]();
  }

  [dispose](): void {
    this.dispose();
  }
}
