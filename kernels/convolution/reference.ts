import { sizeOf } from '../../engine/index.ts';
import { pixelOf, places } from '../shared/windows.reference.ts';
import type { Sizes } from './sizes.ts';

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

/** What is added behind the sums, and whether what is below 0 then becomes 0. */
export interface Behind {
  readonly bias?: Float64Array;
  readonly residual?: Float64Array;
  readonly relu?: boolean;
}

/** y = relu(Σ x · weight + bias + residual). */
export function convolution(x: Float64Array, weight: Float64Array, sizes: Sizes,
  { bias, residual, relu = false }: Behind): Float64Array {
  const { windows: { frames, y: extents }, groups, outer } = sizes;
  const channels = groups * outer;
  const y = Float64Array.from({ length: frames * sizeOf(extents) * channels },
    (_, i) => (bias?.[i % channels] ?? 0) + (residual?.[i] ?? 0));
  for (const [from, by, to] of products(sizes)) y[to] += x[from] * weight[by];
  return relu ? y.map((v) => (v < 0 ? 0 : v)) : y;
}

/** Gradients of x, weight, bias and residual. */
export function convolutionGradient(x: Float64Array, weight: Float64Array, sizes: Sizes, behind: Behind,
  dy: Float64Array) {
  const channels = sizes.groups * sizes.outer;
  const y = behind.relu === true ? convolution(x, weight, sizes, behind) : undefined;
  const dsum = dy.map((d, i) => (y?.[i] === 0 ? 0 : d));
  const [dx, dweight, dbias] = [new Float64Array(x.length), new Float64Array(weight.length),
    new Float64Array(channels)];
  for (const [from, by, to] of products(sizes)) {
    dx[from] += dsum[to] * weight[by];
    dweight[by] += dsum[to] * x[from];
  }
  dsum.forEach((d, i) => (dbias[i % channels] += d));
  return { x: dx, weight: dweight, bias: dbias, residual: dsum };
}

/** Weight and bias with batch normalisation by known statistics folded into them. */
export function foldBatchNorm(weight: Float64Array, bias: Float64Array | undefined,
  norm: Readonly<Record<'weight' | 'bias' | 'mean' | 'variance', Float64Array>>,
  eps: number): [weight: Float64Array, bias: Float64Array] {
  const scale = norm.variance.map((v, o) => norm.weight[o] / Math.sqrt(v + eps));
  const length = weight.length / scale.length;
  return [weight.map((w, i) => w * scale[Math.floor(i / length)]),
    scale.map((s, o) => ((bias?.[o] ?? 0) - norm.mean[o]) * s + norm.bias[o])];
}
