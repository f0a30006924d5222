import { StateDictError } from '../../engine/errors.ts';
import type { Shape } from '../../engine/index.ts';
import { withNearest, type Weights } from './weights.ts';

/** Shapes of the parameters that files hold, from which sizes are read; what is missing of them is one error. */
export class HeldShapes {
  /** By our names. */
  readonly parameters: ReadonlyMap<string, Shape>;
  readonly names: readonly string[];
  readonly #path: string;
  readonly #missing: string[] = [];

  constructor(weights: Weights) {
    this.#path = weights.path;
    this.parameters = weights.parameters();
    this.names = [...this.parameters.keys()];
  }

  /** A shape of so many extents; ones, if there is none such. */
  shape(name: string, rank: number): Shape {
    const found = this.parameters.get(name);
    if (found?.length === rank) return found;
    this.#missing.push(
      found === undefined ? withNearest(name, this.names) : `${name} with ${rank} dimensions (it is [${found}])`,
    );
    return new Array<number>(rank).fill(1);
  }

  /** How many different names stand behind a prefix, up to the next dot: layers, by their numbers. */
  count(prefix: string): number {
    return new Set(
      this.names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length).split('.')[0]),
    ).size;
  }

  /** Whether nothing was missing so far. */
  get isWhole(): boolean {
    return this.#missing.length === 0;
  }

  /** @throws StateDictError naming what was missing */
  requireAll(): void {
    if (!this.isWhole) throw new StateDictError(this.#path, { missing: this.#missing, unexpected: [], mismatched: [] });
  }
}
