/** What the doctor found out: shown in the cells of its page, and kept for a bug report. */
import { found } from '../pages/dom.ts';

export class Findings {
  readonly #known: Record<string, unknown> = {};

  /** Keeps a finding for the report. */
  keep(name: string, value: unknown): void {
    this.#known[name] = value;
  }

  /**
   * Writes into the cell that is there for it.
   *
   * @param isGood says how it looks; undefined where nothing is good or bad
   */
  show(name: string, text: string, isGood?: boolean): void {
    const cell = found(`[data-here="${name}"]`);
    cell.textContent = text;
    cell.className = isGood === undefined ? '' : isGood ? 'met' : 'lacks';
  }

  /** All of it, as JSON. */
  get json(): string {
    return JSON.stringify(this.#known, null, 2);
  }
}

/** There, or not. */
export const yesOrNo = (isThere: boolean) => (isThere ? '✓ yes' : '✗ no');
