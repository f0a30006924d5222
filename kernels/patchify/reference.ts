/** Sizes of a call: frames of side · p pixels, cut into patches of p × p, projected to `width`. */
export interface Sizes {
  readonly frames: number;
  readonly side: number;
  readonly p: number;
  readonly width: number;
}

/** Index in [F, 3, S, S] of element k of patch m; k counts channel, row, column. */
function pixelIndex(m: number, k: number, { side, p }: Sizes): number {
  const size = side * p;
  const [frame, gy, gx] = [Math.floor(m / side ** 2), Math.floor(m / side) % side, m % side];
  const [channel, y, x] = [Math.floor(k / p ** 2), Math.floor(k / p) % p, k % p];
  return ((frame * 3 + channel) * size + gy * p + y) * size + gx * p + x;
}

/** Calls `visit` for each product pixel · weight: patch m, output n, element k. */
function forEachProduct(sizes: Sizes, visit: (m: number, n: number, pixel: number, weight: number) => void): void {
  const { frames, side, p, width } = sizes;
  const elements = 3 * p * p;
  for (let m = 0; m < frames * side * side; m++) {
    for (let n = 0; n < width; n++) {
      for (let k = 0; k < elements; k++) visit(m, n, pixelIndex(m, k, sizes), n * elements + k);
    }
  }
}

/** y[m, n] = Σ_k patch(m)[k] · weight[n, k]. */
export function patchify(pixels: Float64Array, weight: Float64Array, sizes: Sizes): Float64Array {
  const y = new Float64Array(sizes.frames * sizes.side ** 2 * sizes.width);
  forEachProduct(sizes, (m, n, pixel, w) => (y[m * sizes.width + n] += pixels[pixel] * weight[w]));
  return y;
}

/** dpixels and dweight: each product hands dy times the other factor to both of its factors. */
export function patchifyGradient(pixels: Float64Array, weight: Float64Array, dy: Float64Array,
  sizes: Sizes): { pixels: Float64Array; weight: Float64Array } {
  const [dpixels, dweight] = [new Float64Array(pixels.length), new Float64Array(weight.length)];
  forEachProduct(sizes, (m, n, pixel, w) => {
    const d = dy[m * sizes.width + n];
    dpixels[pixel] += d * weight[w];
    dweight[w] += d * pixels[pixel];
  });
  return { pixels: dpixels, weight: dweight };
}
