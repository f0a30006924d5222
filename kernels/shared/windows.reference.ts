import type { Triple, Windows } from './windows.ts';

/** All places of a space of three axes, the last one fastest. */
export function* places([a, b, c]: Triple): Generator<Triple> {
  for (let i = 0; i < a * b * c; i++) yield [Math.floor(i / (b * c)), Math.floor(i / c) % b, i % c];
}

/** The number of the pixel that place `tap` of a window covers; undefined: it lies outside of x. */
export function pixelOf({ x, stride, padding, dilation }: Windows, frame: number, window: Triple, tap: Triple):
  | number
  | undefined {
  const pixel = tap.map((k, axis) => window[axis] * stride[axis] - padding[axis] + k * dilation[axis]);
  if (pixel.some((place, axis) => place < 0 || place >= x[axis])) return undefined;
  return pixel.reduce((number, place, axis) => number * x[axis] + place, frame);
}
