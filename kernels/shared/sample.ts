import { Random, type Shape, sizeOf } from '../../engine/index.ts';
import type { Input } from './room.ts';

/** Numbers that are made when they are first asked for: what a case costs is known without them. */
function made(shape: Shape, make: (size: number) => Input['data']): Input {
  let data: Input['data'] | undefined;
  return { shape, get data() {
    return (data ??= make(sizeOf(shape)));
  } };
}

/** Normal numbers with the given mean and standard deviation, the same for the same name on every machine. */
export function normal(name: string, shape: Shape, { mean = 0, std = 1 } = {}): Input {
  return made(shape, (size) => {
    const random = new Random(1, name);
    const data = new Float32Array(size);
    for (let i = 0; i < size; i++) data[i] = mean + std * random.normal();
    return data;
  });
}

/** Whole numbers in [0, below). */
export function whole(name: string, shape: Shape, below: number): Input {
  return made(shape, (size) => {
    const random = new Random(1, name);
    return new Uint32Array(size).map(() => random.below(below));
  });
}

/** The given numbers, as f32. */
export function values(shape: Shape, data: readonly number[]): Input {
  return { shape, data: Float32Array.from(data) };
}

/** Each number of an input changed, as f32. @param change is given the number, its place, and all numbers */
export function mapped(input: Input, change: (value: number, at: number, all: Input['data']) => number): Input {
  return made(input.shape, () => Float32Array.from(input.data, (value, at) => change(value, at, input.data)));
}

/** The same, which stays f32 when the others are stored as f16. */
export function wide(input: Input): Input {
  return { shape: input.shape, isWide: true, get data() {
    return input.data;
  } };
}
