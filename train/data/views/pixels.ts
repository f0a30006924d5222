import { alignmentOf, bindingBytes, type Gpu, Tensor } from '../../../engine/index.ts';
import { colour, type Colouring, packColourings, TABLE_COLUMNS } from '../../../kernels/colour/index.ts';
import { frames, type FramesOptions, type I420Frame, packedBytes, packFrames, partOf,
  type View } from '../../../kernels/frames/index.ts';
import type { Coloured } from './colours.ts';

/** Bytes of decoded frames that are on the GPU at once, and of their colours before these are changed. */
const UPLOAD_BYTES = 32 * 2 ** 20;

/** Pixels as they are, of which colours can be changed. */
const RAW = { mean: [0, 0, 0], std: [1, 1, 1], type: 'f32' } as const;
const UNCHANGED: Colouring = { gray: false };

/**
 * Decoded clips → the model's input: cropped, resized, coloured where that is drawn, normalised on the GPU. Whatever
 * the size of the pictures, this takes no more memory there than its result and `UPLOAD_BYTES`, unless one frame alone
 * has more.
 *
 * @param batch B views, and the T frames of each one after another  @returns [B, T, 3, size, size]
 */
export function pixelsOf(gpu: Gpu,
  batch: { readonly frames: readonly I420Frame[]; readonly views: readonly (View & Coloured)[] },
  options: FramesOptions): Tensor {
  const clips = batch.views.length;
  const count = batch.frames.length;
  const length = count / clips;
  const views = batch.frames.map((_, i) => batch.views[Math.floor(i / length)]);
  const isColoured = batch.views.some(({ colours }) => colours !== undefined);
  const { size, type = 'f32' } = options;
  const y = Tensor.empty(gpu, [clips, length, 3, size, size], type, 'pixels');
  const frameBytes = 3 * size * size * y.elementBytes;
  const rawBytes = isColoured ? 3 * size * size * 4 : 0;
  const shares = batch.frames.map((frame, i) => packedBytes(partOf(frame, views[i], options)) + rawBytes);
  const most = Math.min(UPLOAD_BYTES, bindingBytes(gpu));
  for (const { first, end } of rangesWithin(shares, most, alignmentOf([frameBytes]))) {
    gpu.scope(() => {
      const some = end - first;
      const { words, table } = packFrames(batch.frames.slice(first, end), views.slice(first, end), options);
      const packed = Tensor.from(gpu, words, [words.length], 'I420 frames');
      const rows = Tensor.from(gpu, table, [some, table.length / some], 'table of frames');
      const into = y.alias([some, 3, size, size], first * frameBytes) as Tensor;
      if (!isColoured) return void frames(packed, rows, options, into);
      const colours = views.slice(first, end).map((view, i) => view.colours?.[(first + i) % length] ?? UNCHANGED);
      const draws = Tensor.from(gpu, packColourings(colours), [some, TABLE_COLUMNS], 'table of colours');
      colour(frames(packed, rows, { ...options, ...RAW }), draws, options, into);
    });
  }
  return y;
}

/** Neighbours whose shares come to no more than `most`, or as few as may be. Every range begins at a multiple. */
function rangesWithin(shares: readonly number[], most: number,
  multiple: number): { readonly first: number; readonly end: number }[] {
  const ranges: { first: number; end: number; sum: number }[] = [];
  for (let first = 0; first < shares.length; first += multiple) {
    const own = shares.slice(first, first + multiple);
    const sum = own.reduce((a, b) => a + b);
    const last = ranges.at(-1);
    if (last !== undefined && last.sum + sum <= most) {
      last.end += own.length;
      last.sum += sum;
    } else ranges.push({ first, end: first + own.length, sum });
  }
  return ranges;
}
