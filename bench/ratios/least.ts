/** Sides of a comparison that take turns. */
import { backward, type Gpu, Random, type Shape, sizeOf, Tensor } from '../../engine/index.ts';
import { elapsed } from '../elapsed.ts';

/** Times that each side is called. */
export const ROUNDS = 12;

/** One side of a comparison: a forward pass, and what it gives a gradient. */
export interface Side {
  readonly inputs: readonly Tensor[];
  /** Omitted: no gradient. */
  readonly dy?: Tensor;
  /** What is done before each call, and not timed. */
  before?(): void;
  run(): Tensor;
}

/** Milliseconds. */
export interface Times {
  readonly forward: number;
  readonly gradient: number;
}

/** A comparison: a table with a row for each size. */
export interface Comparison {
  /** What its columns tell. */
  readonly about: string;
  readonly head: readonly string[];
  readonly rows: readonly { readonly name: string; cells(gpu: Gpu): Promise<readonly string[]> }[];
}

/** Normal numbers. */
export function random(gpu: Gpu, shape: Shape): Tensor {
  const random = new Random(1, `${shape}`);
  return Tensor.from(gpu, Float32Array.from({ length: sizeOf(shape) }, () => random.normal()), shape);
}

/** Least milliseconds of a forward pass and of the gradients of its inputs, of some sides that take turns. */
export async function least(gpu: Gpu, sides: readonly Side[]): Promise<readonly Times[]> {
  const times = sides.map(() => ({ forward: Number.POSITIVE_INFINITY, gradient: Number.POSITIVE_INFINITY }));
  const timed = async (work: () => void) => {
    const start = elapsed(gpu);
    work();
    await gpu.sync();
    return elapsed(gpu) - start;
  };
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [i, { inputs, dy, before, run }] of sides.entries()) {
      for (const input of inputs) input.requiresGrad = dy !== undefined;
      before?.();
      await gpu.sync();
      let y: Tensor | undefined;
      const forward = await timed(() => void (y = run()));
      const gradient = dy === undefined ? 0 : await timed(() => backward(y as Tensor, dy));
      y?.dispose();
      for (const input of inputs) {
        input.grad?.dispose();
        input.grad = undefined;
      }
      if (round === 0) continue; // compiles
      times[i] = { forward: Math.min(times[i].forward, forward), gradient: Math.min(times[i].gradient, gradient) };
    }
  }
  return times;
}

/** How fast a side is beside another one. */
export const ratio = (other: number, own: number): string => (other / own).toFixed(2);
