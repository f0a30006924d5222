/**
 * Buffers that files of Swins hold beside the parameters: a window and its shift tell them, so that they are no part of
 * a model here. MMAction2's files are written with theirs.
 */
import { type Shape, sizeOf } from '../../engine/index.ts';
import type { SwinSizes } from '../parts/swin.ts';
import type { ModelConfig } from '../systems/config.ts';

/** What masks add to the logit of two tokens that are no neighbours but for the shift. */
const HIDDEN = -100;

/**
 * The row of a table of relative positions that each pair of tokens of a window has. Liu et al. 2021,
 * arXiv:2103.14030, section 3.2. Rows count offsets, query's place − key's place + size − 1 on each axis, the last axis
 * fastest.
 *
 * @returns [N, N], N the tokens of a window: query, then key
 */
export function positionIndex(window: readonly number[]): Uint32Array<ArrayBuffer> {
  const tokens = sizeOf(window);
  // the row of an offset is the difference of two numbers, one for each place
  const numbers = Array.from({ length: tokens },
    (_, token) => placeOf(token, window).reduce((row, place, axis) => row * (2 * window[axis] - 1) + place, 0));
  const index = new Uint32Array(tokens * tokens);
  for (let query = 0; query < tokens; query++) {
    const first = numbers[query] + numbers[tokens - 1];
    for (let key = 0; key < tokens; key++) index[query * tokens + key] = first - numbers[key];
  }
  return index;
}

/**
 * The mask of a Swin's shifted blocks, of square maps cut into `count` times `count` windows that are shifted by half
 * of them: −100 for tokens of a last window that the shift brought there from both ends.
 *
 * @param window its height and width  @returns [count², N, N]
 */
export function shiftMask(count: number, window: readonly number[]): Float32Array {
  const tokens = sizeOf(window);
  const mask = new Float32Array(count * count * tokens * tokens);
  /** A bit for each axis: whether a token of that window comes from the other end. */
  const sideOf = (at: number, token: number) =>
    placeOf(token, window).reduce((bits, place, axis) => {
      const isLast = placeOf(at, [count, count])[axis] === count - 1;
      return 2 * bits + Number(isLast && place >= window[axis] - Math.floor(window[axis] / 2));
    }, 0);
  for (let at = 0, to = 0; at < count * count; at++) {
    const sides = Array.from({ length: tokens }, (_, token) => sideOf(at, token));
    for (const query of sides) for (const key of sides) mask[to++] = query === key ? 0 : HIDDEN;
  }
  return mask;
}

/** Where the i-th of a box lies in it, the last axis fastest. */
function placeOf(i: number, box: readonly number[]): number[] {
  return box.map((size, axis) => Math.floor(i / sizeOf(box.slice(axis + 1))) % size);
}

/** Names of a Swin's blocks. */
export const blocksOf = ({ depths }: SwinSizes): string[] =>
  depths.flatMap((count, stage) => Array.from({ length: count }, (_, i) => `backbone.layers.${stage}.blocks.${i}`));

/** A buffer to be written. */
interface Computed {
  readonly shape: Shape;
  readonly dtype: 'u32';
  read(): Promise<Uint32Array<ArrayBuffer>>;
}

/** The buffers of a model as MMAction2's files have them: an index in each block of a Swin, nothing of others. */
export function windowBuffers(config: ModelConfig): (readonly [string, Computed])[] {
  if (config.system !== 'video-swin') return [];
  const { window } = config.network;
  const tokens = sizeOf(window);
  const index: Computed = { shape: [tokens, tokens], dtype: 'u32', read: () => Promise.resolve(positionIndex(window)) };
  return blocksOf(config.network).map((block) => [`${block}.attn.relative_position_index`, index]);
}
