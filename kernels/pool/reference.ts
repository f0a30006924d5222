import { sizeOf } from '../../engine/index.ts';
import { pixelOf, places } from '../shared/windows.reference.ts';
import type { Windows } from '../shared/windows.ts';

/** For each element of y in turn: the elements of x in its window, in their order. */
function* covered(windows: Windows): Generator<readonly number[]> {
  const { frames, channels, y, kernel } = windows;
  for (let frame = 0; frame < frames; frame++) {
    for (const window of places(y)) {
      const pixels = Array.from(places(kernel), (tap) => pixelOf(windows, frame, window, tap))
        .filter((pixel) => pixel !== undefined);
      for (let channel = 0; channel < channels; channel++) yield pixels.map((pixel) => pixel * channels + channel);
    }
  }
}

/** The largest of the elements, the first of several; a NaN, if there is one. */
function largestOf(x: Float64Array, elements: readonly number[]): number {
  return elements.reduce((best, at) => (Number.isNaN(x[at]) && !Number.isNaN(x[best])) || x[at] > x[best] ? at : best);
}

/** y = max of x over each window. */
export function maxPool(x: Float64Array, windows: Windows): Float64Array {
  return Float64Array.from(covered(windows), (elements) => x[largestOf(x, elements)]);
}

/** dx = Σ dy of the windows whose largest element it was. */
export function maxPoolGradient(x: Float64Array, windows: Windows, dy: Float64Array): Float64Array {
  const dx = new Float64Array(x.length);
  let i = 0;
  for (const elements of covered(windows)) dx[largestOf(x, elements)] += dy[i++];
  return dx;
}

/** y = Σ x over each window / pixels of a window, those outside of x among them. */
export function averagePool(x: Float64Array, windows: Windows): Float64Array {
  return Float64Array.from(covered(windows),
    (elements) => elements.reduce((sum, at) => sum + x[at], 0) / sizeOf(windows.kernel));
}

/** dx = Σ dy / pixels of a window, over the windows that cover it. */
export function averagePoolGradient(n: number, windows: Windows, dy: Float64Array): Float64Array {
  const dx = new Float64Array(n);
  let i = 0;
  for (const elements of covered(windows)) {
    for (const at of elements) dx[at] += dy[i] / sizeOf(windows.kernel);
    i++;
  }
  return dx;
}
