/** What texts are to a model, kept: a label that was typed before is not encoded again. */
import { type Gpu, Tensor } from '../../engine/index.ts';
import type { TokenTable } from '../../model/checkpoint/token_table.ts';
import { type System, textFeatures } from '../../model/systems/system.ts';

export class KeptFeatures {
  readonly #gpu: Gpu;
  readonly #system: System;
  readonly #table: TokenTable;
  /** [E] of each text. */
  readonly #features = new Map<string, Float32Array>();

  constructor(gpu: Gpu, system: System, table: TokenTable) {
    this.#gpu = gpu;
    this.#system = system;
    this.#table = table;
  }

  /** Encodes those texts that are new. */
  async prepare(texts: readonly string[]): Promise<void> {
    const fresh = texts.filter((text) => !this.#features.has(text));
    for (let first = 0; first < fresh.length; first += this.#table.texts) {
      const some = fresh.slice(first, first + this.#table.texts);
      const tokenizer = await this.#table.hold(some);
      using features = textFeatures(this.#gpu, { model: this.#system.model, tokenizer }, some);
      const values = await features.read();
      const width = values.length / some.length;
      some.forEach((text, i) => this.#features.set(text, values.slice(i * width, (i + 1) * width)));
    }
  }

  /** [texts, E], of texts that were prepared. The caller frees them. */
  of(texts: readonly string[]): Tensor {
    const rows = texts.map((text) => this.#features.get(text) as Float32Array);
    const width = rows[0].length;
    const all = new Float32Array(rows.length * width);
    rows.forEach((row, i) => all.set(row, i * width));
    const features = this.#gpu.keep(
      Tensor.empty(this.#gpu, [rows.length, width], this.#system.model.input.type, 'text features') as Tensor,
    );
    features.write(all);
    return features;
  }
}
