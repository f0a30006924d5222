import type { Partition } from '../shared/partition.ts';
import { windowsInOrder } from '../shared/partition.reference.ts';
import type { Triple } from '../shared/windows.ts';
import { places } from '../shared/windows.reference.ts';

/** The token of each row, or undefined where it has none. */
export type Tokens = readonly (number | undefined)[];

/** Windows as PyTorch makes them: pad, roll, view and permute; but in the order of their kinds. */
export function windowTokens(partition: Partition): Tokens {
  const { extents, window, shift, counts } = partition;
  const whole = counts.map((count, axis) => count * window[axis]);
  return windowsInOrder(partition).flatMap(({ picture, at }) =>
    [...places(window)].map((place) => {
      const token = place.map((p, axis) => (at[axis] * window[axis] + p + shift[axis]) % whole[axis]);
      if (token.some((t, axis) => t >= extents[axis])) return undefined;
      return token.reduce((number, t, axis) => number * extents[axis] + t, picture);
    })
  );
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
