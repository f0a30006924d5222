import type { Partition } from '../shared/partition.ts';
import type { Triple } from '../shared/windows.ts';
import { places } from '../shared/windows.reference.ts';

/** The token of each row, or undefined where it has none. */
export type Tokens = readonly (number | undefined)[];

/**
 * Windows as PyTorch makes them: pad, roll, view and permute. Then those of a kind are put together, the inner ones
 * first.
 */
export function windowTokens({ pictures, extents, window, shift, counts }: Partition): Tokens {
  const whole = counts.map((count, axis) => count * window[axis]);
  const windows: { readonly last: number; readonly rows: Tokens }[] = [];
  for (let picture = 0; picture < pictures; picture++) {
    for (const at of places(counts)) {
      const rows = [...places(window)].map((place) => {
        const token = place.map((p, axis) => (at[axis] * window[axis] + p + shift[axis]) % whole[axis]);
        if (token.some((t, axis) => t >= extents[axis])) return undefined;
        return token.reduce((number, t, axis) => number * extents[axis] + t, picture);
      });
      const isLast = (axis: number) => shift[axis] > 0 && at[axis] === counts[axis] - 1;
      windows.push({ last: 4 * Number(isLast(0)) + 2 * Number(isLast(1)) + Number(isLast(2)), rows });
    }
  }
  return windows.map((each, i) => ({ ...each, i })).sort((a, b) => a.last - b.last || a.i - b.i)
    .flatMap(({ rows }) => rows);
}

/** Patches of two by two of pictures [pictures, height, width], each as the four tokens that Swin puts together. */
export function patchTokens(pictures: number, height: number, width: number): Tokens {
  const halves: Triple = [pictures, Math.ceil(height / 2), Math.ceil(width / 2)];
  return [...places(halves)].flatMap(([picture, y, x]) =>
    [[0, 0], [1, 0], [0, 1], [1, 1]].map(([down, across]) => {
      const [h, w] = [2 * y + down, 2 * x + across];
      return h < height && w < width ? (picture * height + h) * width + w : undefined;
    })
  );
}

/** Each row has its token's channels, or zeros. */
export function intoRows(x: Float64Array, tokens: Tokens, channels: number): Float64Array {
  const y = new Float64Array(tokens.length * channels);
  tokens.forEach((token, row) => {
    if (token !== undefined) y.set(x.subarray(token * channels, (token + 1) * channels), row * channels);
  });
  return y;
}

/** Each token has what its row has, plus what the residual has. */
export function intoTokens(rows: Float64Array, tokens: Tokens, channels: number, residual: Float64Array): Float64Array {
  const y = residual.slice();
  tokens.forEach((token, row) => {
    for (let c = 0; token !== undefined && c < channels; c++) y[token * channels + c] += rows[row * channels + c];
  });
  return y;
}
