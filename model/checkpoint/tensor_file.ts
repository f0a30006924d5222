/** What files of tensors have in common, in whichever format, and what their bytes mean. */
import { CheckpointFormatError } from '../../engine/errors.ts';
import type { Shape } from '../../engine/dtype.ts';
import { valuesOf } from '../../engine/half.ts';

/** A tensor of a file. Types are called as safetensors calls them. */
export interface FileEntry {
  readonly dtype: string;
  readonly shape: Shape;
}

/** An opened file whose tensors are read one by one, when asked for. */
export interface TensorFile {
  /** What errors call it. */
  readonly name: string;
  /** What kind of file it is. */
  readonly format: string;
  readonly metadata: ReadonlyMap<string, string>;
  /** Numbers in the file, each counted once, however many tensors show it. */
  readonly numbers: number;
  names(): string[];
  /** @throws CheckpointFormatError if the file has none of this name, or what it has is no tensor */
  entry(name: string): FileEntry;
  /** A floating-point tensor as f32: F32 as it is, F16 and BF16 exactly, F64 rounded. */
  floats(name: string): Promise<Float32Array>;
}

/** Conversions to f32, by element type. */
const FLOATS: Readonly<Record<string, (bytes: Uint8Array) => Float32Array>> = {
  F32: (bytes) => new Float32Array(bytes.buffer),
  F64: (bytes) => Float32Array.from(new Float64Array(bytes.buffer)),
  BF16: (bytes) => {
    const words = new Uint32Array(bytes.length / 2);
    new Uint16Array(bytes.buffer).forEach((half, i) => (words[i] = half << 16));
    return new Float32Array(words.buffer);
  },
  F16: (bytes) => valuesOf(new Uint16Array(bytes.buffer)),
};

/** Before bytes are read for it, @throws CheckpointFormatError if a tensor is not of floating-point numbers. */
export function requireFloats({ name }: TensorFile, tensor: string, dtype: string): void {
  if (Object.hasOwn(FLOATS, dtype)) return;
  throw new CheckpointFormatError('WrongDtype', name, `expected a floating-point tensor, got ${dtype}`, tensor);
}

/** The bytes of floating-point numbers, little-endian, alone in their buffer, as f32. */
export function floatsOf(dtype: string, bytes: Uint8Array): Float32Array {
  return FLOATS[dtype](bytes);
}
