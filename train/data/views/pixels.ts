import { alignmentOf, bindingBytes, type Gpu, Tensor } from '../../../engine/index.ts';
import { frames, type FramesOptions, type I420Frame, packedBytes, packFrames, partOf,
  type View } from '../../../kernels/frames/index.ts';

/** Bytes of decoded frames that are on the GPU at once. */
const UPLOAD_BYTES = 32 * 2 ** 20;

/**
 * Decoded clips → the model's input: cropped, resized, normalised on the GPU. Whatever the size of the pictures, this
 * takes no more memory there than its result and `UPLOAD_BYTES`, unless one frame alone has more.
 *
 * @param batch B views, and the T frames of each one after another  @returns [B, T, 3, size, size]
 */
export function pixelsOf(gpu: Gpu, batch: { readonly frames: readonly I420Frame[]; readonly views: readonly View[] },
  options: FramesOptions): Tensor {
  const clips = batch.views.length;
  const count = batch.frames.length;
  const views = batch.frames.map((_, i) => batch.views[Math.floor((i * clips) / count)]);
  const { size, type = 'f32' } = options;
  const y = Tensor.empty(gpu, [clips, count / clips, 3, size, size], type, 'pixels');
  const frameBytes = 3 * size * size * y.elementBytes;
  const shares = batch.frames.map((frame, i) => packedBytes(partOf(frame, views[i], options)));
  const most = Math.min(UPLOAD_BYTES, bindingBytes(gpu));
  for (const { first, end } of rangesWithin(shares, most, alignmentOf([frameBytes]))) {
    gpu.scope(() => {
      const { words, table } = packFrames(batch.frames.slice(first, end), views.slice(first, end), options);
      const packed = Tensor.from(gpu, words, [words.length], 'I420 frames');
      const rows = Tensor.from(gpu, table, [end - first, table.length / (end - first)], 'table of frames');
      frames(packed, rows, options, y.alias([end - first, 3, size, size], first * frameBytes) as Tensor);
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
