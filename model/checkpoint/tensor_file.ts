/** What files of tensors have in common, in whichever format, and what their bytes mean. */
import { CheckpointFormatError } from '../../engine/errors.ts';
import type { Shape } from '../../engine/dtype.ts';
import { valuesOf } from '../../engine/half.ts';
import type { PieceRooms } from './pieces.ts';

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
  /** What was saved beside the tensors and is not read, each in words. */
  readonly beside: readonly string[];
  /** Numbers in the file, each counted once, however many tensors show it. */
  readonly numbers: number;
  names(): string[];
  /** @throws CheckpointFormatError if the file has none of this name, or what it has is no tensor */
  entry(name: string): FileEntry;
  /**
   * The elements of a tensor in the order of its shape, little-endian, as stored. A piece is there until the next one
   * is asked for, and has whole elements.
   *
   * @param rooms what pieces are read into, of whoever reads many tensors
   */
  pieces(name: string, rooms?: PieceRooms): AsyncIterable<Uint8Array>;
  /** A floating-point tensor as f32: F32 as it is, F16 and BF16 exactly, F64 rounded. */
  floats(name: string): Promise<Float32Array>;
  /** Some rows of a matrix of floating-point numbers as f32, one after another; those between are not kept. */
  rows(name: string, places: readonly number[]): Promise<Float32Array>;
}

/** Conversions to f32, by element type; what is wider than the bytes goes into a room, if there is one. */
const FLOATS: Readonly<Record<string, (bytes: Uint8Array, room?: Uint32Array<ArrayBuffer>) => Float32Array>> = {
  F32: ({ buffer, byteOffset, byteLength }) => new Float32Array(buffer, byteOffset, byteLength / 4),
  F64: ({ buffer, byteOffset, byteLength }) => Float32Array.from(new Float64Array(buffer, byteOffset, byteLength / 8)),
  BF16: (bytes, room) => {
    const halves = halvesOf(bytes);
    const words = room ?? new Uint32Array(halves.length);
    for (let i = 0; i < halves.length; i++) words[i] = halves[i] << 16;
    return new Float32Array(words.buffer, words.byteOffset, halves.length);
  },
  F16: (bytes, room) => valuesOf(halvesOf(bytes), room),
};

function halvesOf({ buffer, byteOffset, byteLength }: Uint8Array): Uint16Array {
  return new Uint16Array(buffer, byteOffset, byteLength / 2);
}

/** Before bytes are read for it, @throws CheckpointFormatError if a tensor is not of floating-point numbers. */
export function requireFloats({ name }: TensorFile, tensor: string, dtype: string): void {
  if (Object.hasOwn(FLOATS, dtype)) return;
  throw new CheckpointFormatError('WrongDtype', name, `expected a floating-point tensor, got ${dtype}`, tensor);
}

/** The bytes of whole numbers from 0 up to 2³² − 1, which files hold in 32 or 64 bits. */
export function countsOf({ name }: TensorFile, tensor: string, dtype: string, bytes: Uint8Array): Uint32Array {
  const { buffer, byteOffset, byteLength } = bytes;
  if (dtype !== 'I64' && dtype !== 'I32') {
    throw new CheckpointFormatError('WrongDtype', name, `expected whole numbers, I64 or I32, got ${dtype}`, tensor);
  }
  const outOfRange = (value: bigint | number) =>
    new CheckpointFormatError('OutOfRange', name, `holds ${value}, counts from 0 to ${2 ** 32 - 1} are read`, tensor);
  if (dtype === 'I32') {
    return Uint32Array.from(new Int32Array(buffer, byteOffset, byteLength / 4), (value) => {
      if (value >= 0) return value;
      throw outOfRange(value);
    });
  }
  // by halves: windows of a Swin have millions of numbers, and each would be a BigInt
  const words = new Uint32Array(buffer, byteOffset, byteLength / 4);
  return Uint32Array.from({ length: words.length / 2 }, (_, i) => {
    if (words[2 * i + 1] === 0) return words[2 * i];
    throw outOfRange(new BigInt64Array(buffer, byteOffset, words.length / 2)[i]);
  });
}

/**
 * The bytes of floating-point numbers, little-endian, where such numbers may lie in memory, as f32.
 *
 * @param room memory that may be used for them, a word each
 */
export function floatsOf(dtype: string, bytes: Uint8Array, room?: Uint32Array<ArrayBuffer>): Float32Array {
  return FLOATS[dtype](bytes, room);
}
