/** What tensors are made of: element types, shapes, and what the host sees of them. */
import { halvesFrom, valuesOf } from './half.ts';

/** How numbers are stored. Kernels compute with f32 either way. */
export type FloatType = 'f32' | 'f16';

/** Element types that tensors store. */
export type DType = FloatType | 'u32' | 'i32';

/** Extents of a tensor, the slowest first; [] is a single number. */
export type Shape = readonly number[];

/** What the host hands over or gets back for each element type. f16 is rounded on its way to the GPU. */
export interface HostArrays {
  f32: Float32Array;
  f16: Float32Array;
  u32: Uint32Array;
  i32: Int32Array;
}

/** The host's array for each element type. */
export const HOST_ARRAYS = { f32: Float32Array, f16: Float32Array, u32: Uint32Array, i32: Int32Array } as const;

export const ELEMENT_BYTES: Readonly<Record<DType, number>> = { f32: 4, f16: 2, u32: 4, i32: 4 };
/** Copies and bindings come in whole words. */
const WORD_BYTES = 4;

/** Elements of a tensor of such a shape: the product of its extents, 1 for []. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** Bytes of so many elements, in whole words: an odd number of f16 has two to spare. */
export function bytesOf(dtype: DType, size: number): number {
  return Math.ceil((size * ELEMENT_BYTES[dtype]) / WORD_BYTES) * WORD_BYTES;
}

/** What the host gets for the bytes of a tensor with `size` elements. */
export function fromBytes(dtype: DType, size: number, bytes: ArrayBuffer): HostArrays[DType] {
  switch (dtype) {
    case 'f32':
      return new Float32Array(bytes);
    case 'f16':
      return valuesOf(new Uint16Array(bytes, 0, size));
    case 'u32':
      return new Uint32Array(bytes);
    case 'i32':
      return new Int32Array(bytes);
  }
}

/** What the GPU gets, in whole words. */
export function toBytes(dtype: DType, data: HostArrays[DType]): Uint8Array<ArrayBuffer> {
  if (dtype !== 'f16') return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  const halves = new Uint16Array(2 * Math.ceil(data.length / 2));
  halves.set(halvesFrom(data as Float32Array));
  return new Uint8Array(halves.buffer);
}
