import { type FloatType, Kernel, LimitError, part, ShapeError, Tensor } from '../../engine/index.ts';
import { checkNumber, checkPositive } from '../shared/numbers.ts';
import type { Cost } from '../shared/room.ts';
import { ceilDiv, f32Bytes } from '../shared/sizes.ts';
import { TABLE_COLUMNS } from './pack.ts';

export { type I420Frame, packFrames, type View } from './pack.ts';

const kernel = new Kernel('frames', [await part(import.meta.url, './frames.wgsl')]);

const WORKGROUP = 64;

type Rgb = readonly [red: number, green: number, blue: number];

/** Side of the square output, and the statistics that it is normalised with, for channels in [0, 255]. */
export interface FramesOptions {
  readonly size: number;
  readonly mean: Rgb;
  readonly std: Rgb;
  /** How pixels are stored; f32 if omitted. */
  readonly type?: FloatType;
}

/**
 * Frames as a video decoder gives them → (rgb − mean) / std, resized from the crop of each: one kernel from I420 bytes to the
 * model's input, so that every host sees equal pixels. Not differentiated.
 *
 * @param packed `words` of `packFrames`  @param table [F, 12], `table` of `packFrames`
 * @returns [F, 3, size, size]
 */
export function frames(packed: Tensor<'u32'>, table: Tensor<'u32'>, { size, mean, std, type = 'f32' }: FramesOptions): Tensor {
  const [count, columns] = table.shape;
  if (table.shape.length !== 2 || columns !== TABLE_COLUMNS) throw new ShapeError('frames', `the table must be [F, ${TABLE_COLUMNS}], got [${table.shape}]`, 'pass what packFrames() returned');
  for (const [i, channel] of ['red', 'green', 'blue'].entries()) {
    checkNumber('frames', `mean of ${channel}`, mean[i]);
    checkPositive('frames', `std of ${channel}`, std[i]);
  }
  const { gpu } = packed;
  const limit = gpu.limits.maxStorageBufferBindingSize;
  if (packed.bytes > limit) throw new LimitError('maxStorageBufferBindingSize', packed.bytes, limit, `frames: the I420 bytes of ${count} frames`, 'convert fewer frames at once');
  const y = Tensor.empty(gpu, [count, 3, size, size], type, 'frames');
  const n = count * size * size;
  kernel.run(gpu, {
    tensors: { packed, table, y },
    params: { n, size, mean_r: mean[0], mean_g: mean[1], mean_b: mean[2], std_r: std[0], std_g: std[1], std_b: std[2] },
    grid: ceilDiv(n, WORKGROUP),
  });
  return y;
}

/** Work of one call that makes n output pixels: four taps of nine samples each. */
export function cost(n: number): Cost {
  return { flops: 200 * n, bytesRead: 36 * n, bytesWritten: f32Bytes(3 * n) };
}

export const kernels = [kernel];
