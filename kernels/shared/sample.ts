import { Random, type Shape, sizeOf } from '../../engine/index.ts';
import type { Input } from './room.ts';

/** Normal numbers with the given mean and standard deviation, the same for the same name on every machine. */
export function normal(name: string, shape: Shape, { mean = 0, std = 1 } = {}): Input {
  const random = new Random(1, name);
  return { shape, data: Float32Array.from({ length: sizeOf(shape) }, () => mean + std * random.normal()) };
}

/** Whole numbers in [0, below). */
export function whole(name: string, shape: Shape, below: number): Input {
  const random = new Random(1, name);
  return { shape, data: Uint32Array.from({ length: sizeOf(shape) }, () => random.below(below)) };
}

/** The given numbers, as f32. */
export function values(shape: Shape, data: readonly number[]): Input {
  return { shape, data: Float32Array.from(data) };
}
