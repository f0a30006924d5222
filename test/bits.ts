import type { Results } from '../kernels/checking/run_case.ts';
import { createHash } from 'node:crypto';

/** Digits of a hash that people compare. */
const DIGITS = 12;

/**
 * Hashes of what runs gave, output and gradient, by a name for each run: two commits that give equal ones compute the
 * same bits.
 */
export class Bits {
  readonly #runs = new Map<string, string>();

  /** Notes the results of a run; a second run of one name must be of other inputs, so it is an error. */
  add(run: string, { outputs, gradients }: Results): void {
    if (this.#runs.has(run)) throw new Error(`two runs are called "${run}"`);
    const hash = createHash('sha256');
    for (const { type, values } of [...outputs, ...Object.values(gradients)]) {
      const { buffer, byteOffset, byteLength } = values as Float32Array;
      hash.update(type).update(new Uint8Array(buffer, byteOffset, byteLength));
    }
    this.#runs.set(run, hash.digest('hex').slice(0, DIGITS));
  }

  /** A line for each run whose name begins so: its hash and its name. */
  lines(start = ''): string[] {
    return [...this.#runs].filter(([run]) => run.startsWith(start)).map(([run, hash]) => `${hash}  ${run}`);
  }

  /** One hash for all runs whose names begin so, in the order in which they were noted. */
  total(start = ''): string {
    return createHash('sha256').update(this.lines(start).join('\n')).digest('hex').slice(0, DIGITS);
  }
}
