import { FirstlightError } from './errors.ts';
import type { Source } from './wgsl.ts';

/** As `Source.file` is written: the folder and the file. */
const FILE = /^[^/\s]+\/[^/\s]+\.wgsl$/;

/** Texts that stand in for WGSL files in one context. */
export class Edits {
  readonly #texts: ReadonlyMap<string, string>;

  /**
   * @param texts by file, as `Source.file` names it. A name that no kernel has is not noticed here: which files there
   * are, only kernels know (`Kernel.sources`)
   */
  constructor(texts: Readonly<Record<string, string>>) {
    for (const [file, text] of Object.entries(texts)) {
      const refuse = (what: string, hint: string): never => {
        throw new FirstlightError('FL_EDITS', `edits: "${file}" ${what}`, { file }, hint);
      };
      if (!FILE.test(file)) {
        refuse('is the name of no WGSL file', 'name the folder and the file: layernorm/layernorm.wgsl');
      }
      if (typeof text !== 'string') refuse(`is to be replaced by ${typeof text}`, 'give its whole text');
    }
    this.#texts = new Map(Object.entries(texts));
  }

  get areNone(): boolean {
    return this.#texts.size === 0;
  }

  /** Parts as they are here. */
  of(parts: readonly Source[]): Source[] {
    return parts.map((part) => {
      const text = this.#texts.get(part.file);
      return text === undefined ? part : { file: part.file, text, written: part };
    });
  }

  /** Whether one of these parts has another text here. */
  touch(parts: readonly Source[]): boolean {
    return parts.some(({ file }) => this.#texts.has(file));
  }
}

/** Of contexts that read all files as they were written. */
export const NO_EDITS = new Edits({});
