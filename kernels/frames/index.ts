import { BINDING_ALIGNMENT, bindingBytes, fitsBinding, flat, flatTiles, type FloatType, inRanges, Kernel, part,
  ShapeError, Tensor } from '../../engine/index.ts';
import { type Normalisation, normalisationParams } from '../shared/normalisation.ts';
import type { Resampling, Resizing } from './i420.ts';
import { TABLE_COLUMNS, text } from './pack.ts';

export { cut, heldOf, i420Bytes, type I420Frame, type Part, partOf, type Resampling, type Resizing,
  type View } from './i420.ts';
export { packedBytes, packFrames, TABLE_COLUMNS } from './pack.ts';
export { cost } from './cost.ts';

const common = [text, flat, await part(import.meta.url, '../shared/special.wgsl')];
const antialiased = await part(import.meta.url, './parts/antialiased.wgsl');

const byResampling: Readonly<Record<Resampling, Kernel>> = {
  bilinear: new Kernel('frames', [...common, await part(import.meta.url, './parts/bilinear.wgsl')]),
  antialiased_bilinear: new Kernel('frames.antialiased_bilinear', [...common, antialiased,
    await part(import.meta.url, './parts/triangle.wgsl')]),
  antialiased_bicubic: new Kernel('frames.antialiased_bicubic', [...common, antialiased,
    await part(import.meta.url, './parts/cubic.wgsl')]),
};

const ALL = 0xffffffff;

/** Side of the square output, and what it is normalised with. */
export interface FramesOptions extends Resizing, Normalisation {
  /** How pixels are stored; f32 if omitted. */
  readonly type?: FloatType;
}

/**
 * Frames as a video decoder gives them → (rgb − mean) / std, resized from the crop of each: one kernel from I420
 * bytes to the model's input, so that every host sees equal pixels. Not differentiated. A frame whose bytes are not
 * in `packed` comes out NaN, and where `packed` is larger than a binding, so does one of more than half a binding: 64
 * MiB on every device, 44 million pixels.
 *
 * @param packed `words` of `packFrames`  @param table [F, TABLE_COLUMNS], `table` of `packFrames`
 * @param into where the pixels go, of `type`; a new tensor if omitted
 * @returns [F, 3, size, size]
 */
export function frames(packed: Tensor<'u32'>, table: Tensor<'u32'>, options: FramesOptions, into?: Tensor): Tensor {
  const { size, resampling = 'bilinear', type = 'f32' } = options;
  const [count, columns] = table.shape;
  if (table.shape.length !== 2 || columns !== TABLE_COLUMNS) {
    const message = `the table must be [F, ${TABLE_COLUMNS}], got [${table.shape}]`;
    throw new ShapeError('frames', message, 'pass what packFrames() returned');
  }
  const normalisation = normalisationParams('frames', options);
  const { gpu } = packed;
  const y = into ?? Tensor.empty(gpu, [count, 3, size, size], type, 'frames');
  if (y.size !== count * 3 * size * size || y.dtype !== type) {
    const wanted = `[${count}, 3, ${size}, ${size}] of ${type}`;
    throw new ShapeError('frames', `${wanted} do not go into [${y.shape}] of ${y.dtype}`);
  }
  inRanges(gpu, count, { y }, (tensors, some, first) => {
    const n = some * size * size;
    const { tile, grid } = flatTiles(gpu, n);
    for (const { window, ...place } of windowsOf(packed)) {
      const params = { n, tile, size, first, ...place, bytes: window.bytes, ...normalisation };
      byResampling[resampling].run(gpu, { tensors: { ...tensors, packed: window, table }, params, grid });
      if (window !== packed) window.dispose();
    }
  });
  return y;
}

/**
 * A range of the packed bytes, for the frames that begin in its first `own` bytes. The last one has all that begin
 * behind it, too.
 */
interface Window {
  readonly window: Tensor<'u32'>;
  readonly first_byte: number;
  readonly own: number;
}

/**
 * All of the bytes if they fit a binding; else windows that overlap by half, so that each frame lies wholly in the
 * one that it begins in.
 */
function* windowsOf(packed: Tensor<'u32'>): Generator<Window> {
  if (fitsBinding(packed)) return yield { window: packed, first_byte: 0, own: ALL };
  const half = Math.floor(bindingBytes(packed.gpu) / 2 / BINDING_ALIGNMENT) * BINDING_ALIGNMENT;
  for (let first_byte = 0, left = packed.bytes; left > 0; first_byte += half) {
    const bytes = Math.min(2 * half, left);
    left = bytes === left ? 0 : left - half;
    yield { window: packed.alias([bytes / 4], first_byte), first_byte, own: left === 0 ? ALL : half };
  }
}

/** All kernels of the room, for checks and tuning. */
export const kernels = Object.values(byResampling);
