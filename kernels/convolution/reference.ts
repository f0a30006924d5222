import { sizeOf } from '../../engine/index.ts';
import { pixelOf, places } from '../shared/windows.reference.ts';
import type { Sizes } from './launch.ts';

/** Each product of a convolution: where its factors stand in x and in the weight, and its sum in y. */
function* products(
  { windows, groups, inner, outer }: Sizes,
): Generator<readonly [x: number, weight: number, y: number]> {
  const { frames, y, kernel } = windows;
  let row = -1;
  for (let frame = 0; frame < frames; frame++) {
    for (const window of places(y)) {
      row++;
      for (const [tap, k] of [...places(kernel)].entries()) {
        const pixel = pixelOf(windows, frame, window, k);
        if (pixel === undefined) continue;
        for (let o = 0; o < groups * outer; o++) {
          const first = (pixel * groups + Math.floor(o / outer)) * inner;
          const weights = (o * sizeOf(kernel) + tap) * inner;
          for (let c = 0; c < inner; c++) yield [first + c, weights + c, row * groups * outer + o];
        }
      }
    }
  }
}

/** y = bias + Σ x · weight. */
export function convolution(x: Float64Array, weight: Float64Array, bias: Float64Array | undefined,
  sizes: Sizes): Float64Array {
  const { windows: { frames, y: extents }, groups, outer } = sizes;
  const channels = groups * outer;
  const y = Float64Array.from({ length: frames * sizeOf(extents) * channels }, (_, i) => bias?.[i % channels] ?? 0);
  for (const [from, by, to] of products(sizes)) y[to] += x[from] * weight[by];
  return y;
}

/** Gradients of x, weight and bias. */
export function convolutionGradient(x: Float64Array, weight: Float64Array, sizes: Sizes, dy: Float64Array) {
  const channels = sizes.groups * sizes.outer;
  const [dx, dweight, dbias] = [new Float64Array(x.length), new Float64Array(weight.length),
    new Float64Array(channels)];
  for (const [from, by, to] of products(sizes)) {
    dx[from] += dy[to] * weight[by];
    dweight[by] += dy[to] * x[from];
  }
  dy.forEach((d, i) => (dbias[i % channels] += d));
  return { x: dx, weight: dweight, bias: dbias };
}
