/**
 * Counter-based random numbers: Philox4x32-10. Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3",
 * section 3.3. A draw is a pure function of (seed, stream, counter), so what was drawn does not depend on the order of
 * drawing, and resuming needs no state but the counter. The same function in WGSL is `kernels/shared/philox.wgsl`.
 */

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;

/** High 32 bits of a · b. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carried = aLow * bHigh + (middle & 0xffff);
  return aHigh * bHigh + (middle >>> 16) + (carried >>> 16);
}

/** Four uniform 32-bit words for a 128-bit counter and a 64-bit key. */
export function philox(counter: readonly [number, number, number, number],
  key: readonly [number, number]): [number, number, number, number] {
  let [x0, x1, x2, x3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = mulHigh(MULTIPLIER_0, x0);
    const low0 = Math.imul(MULTIPLIER_0, x0) >>> 0;
    const high1 = mulHigh(MULTIPLIER_1, x2);
    const low1 = Math.imul(MULTIPLIER_1, x2) >>> 0;
    x0 = (high1 ^ x1 ^ k0) >>> 0;
    x1 = low1;
    x2 = (high0 ^ x3 ^ k1) >>> 0;
    x3 = low0;
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  return [x0, x1, x2, x3];
}

/** A 32-bit number for a name (FNV-1a), to give everything that draws a stream of its own. */
export function streamOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/** A sequence of draws from one stream of one seed. */
export class Random {
  readonly #key: readonly [number, number];
  readonly #stream: number;
  #counter = 0;
  #words: readonly number[] = [];
  /** Words of the current four that are used up. */
  #used = 4;

  /** @param seed any non-negative integer below 2^53  @param stream names who draws, e.g. `order of epoch 3` */
  constructor(seed: number, stream: string) {
    this.#key = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
    this.#stream = streamOf(stream);
  }

  /** A uniform 32-bit word. */
  word(): number {
    if (this.#used === 4) {
      this.#words = philox([this.#counter++ >>> 0, 0, this.#stream, 0], this.#key);
      this.#used = 0;
    }
    return this.#words[this.#used++];
  }

  /** Uniform in [0, 1), 24 bits: exact in f32 too. */
  next(): number {
    return (this.word() >>> 8) / 2 ** 24;
  }

  /** A whole number in [0, n), without bias: draws that would favour small numbers are drawn again. */
  below(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 32) {
      throw new RangeError(`below: n must be a whole number in [1, 2^32], got ${n}`);
    }
    const limit = 2 ** 32 - (2 ** 32 % n);
    for (;;) {
      const word = this.word();
      if (word < limit) return word % n;
    }
  }

  /** Standard normal, by the polar-free Box-Muller transform. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(this.#open()));
    return radius * Math.cos((2 * Math.PI * this.word()) / 2 ** 32);
  }

  /**
   * From Beta(a, b), by two gammas: X / (X + Y). In logarithms, since a gamma of a small shape is below the smallest
   * number more often than not.
   *
   * @param a above 0  @param b above 0
   */
  beta(a: number, b: number): number {
    if (!(a > 0 && b > 0)) throw new RangeError(`beta: a and b must be above 0, got ${a} and ${b}`);
    const [x, y] = [this.#logGamma(a), this.#logGamma(b)];
    return 1 / (1 + Math.exp(y - x));
  }

  /**
   * The logarithm of a draw from Gamma(shape, 1). Marsaglia & Tsang 2000, "A simple method for generating gamma
   * variables", for shapes from 1 on; below, that of shape + 1 times U^(1/shape).
   */
  #logGamma(shape: number): number {
    if (shape < 1) return this.#logGamma(shape + 1) + Math.log(this.#open()) / shape;
    const d = shape - 1 / 3;
    for (;;) {
      const normal = this.normal();
      const root = 1 + normal / Math.sqrt(9 * d);
      const u = this.#open();
      if (root <= 0) continue;
      const v = root ** 3;
      if (Math.log(u) < 0.5 * normal ** 2 + d - d * v + d * Math.log(v)) return Math.log(d * v);
    }
  }

  /** Uniform in (0, 1): neither end. */
  #open(): number {
    return (this.word() + 0.5) / 2 ** 32;
  }

  /** The numbers 0 … n − 1 in random order (Fisher-Yates). */
  permutation(n: number): Int32Array {
    const order = Int32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }
}
