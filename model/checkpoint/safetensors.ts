/**
 * The safetensors format: an 8-byte length, a JSON header, and the tensors' bytes without gaps. Nothing in it is
 * executed.
 */
import { CheckpointFormatError } from '../../engine/errors.ts';
import { sizeOf } from '../../engine/dtype.ts';
import type { ByteSource } from './bytes.ts';
import { DTYPE_BITS, parseHeader, type TensorEntry } from './header.ts';
import { type PieceRooms, readInPieces } from './pieces.ts';
import { floatsOf, requireFloats, type TensorFile } from './tensor_file.ts';

const LENGTH_BYTES = 8;
const MAX_HEADER_BYTES = 100_000_000;

/** An opened file whose header has been checked whole. Tensors are read one by one, when asked for. */
export class SafetensorsFile implements TensorFile {
  readonly format = 'safetensors';
  readonly beside = [];
  readonly #source: ByteSource;
  readonly #dataStart: number;
  readonly #entries: ReadonlyMap<string, TensorEntry>;
  readonly metadata: ReadonlyMap<string, string>;

  constructor(source: ByteSource, dataStart: number, entries: readonly TensorEntry[],
    metadata: ReadonlyMap<string, string>) {
    this.#source = source;
    this.#dataStart = dataStart;
    this.#entries = new Map(entries.map((entry) => [entry.name, entry]));
    this.metadata = metadata;
  }

  get name(): string {
    return this.#source.name;
  }

  get numbers(): number {
    return [...this.#entries.values()].reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  }

  /** Names of all tensors of the file. */
  names(): string[] {
    return [...this.#entries.keys()];
  }

  /** Whether the file has a tensor of this name. */
  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** Where a tensor lies, its dtype and shape. @throws if the file has none of this name */
  entry(name: string): TensorEntry {
    const entry = this.#entries.get(name);
    if (entry === undefined) {
      throw new CheckpointFormatError('NoSuchTensor', this.name, 'there is no such tensor in the file', name);
    }
    return entry;
  }

  /** The tensor's bytes, little-endian, as stored; or those of them from one on to another. */
  async bytes(name: string, from = 0, to?: number): Promise<Uint8Array> {
    const { begin, end } = this.entry(name);
    const length = Math.min(to ?? Infinity, end - begin) - from;
    const bytes = await this.#source.read(this.#dataStart + begin + from, length);
    if (bytes.byteLength !== length) {
      throw new CheckpointFormatError('Truncated', this.name, `${length} bytes expected, got ${bytes.byteLength}`,
        name);
    }
    return bytes;
  }

  pieces(name: string, rooms?: PieceRooms): AsyncIterable<Uint8Array> {
    const { begin, end } = this.entry(name);
    return readInPieces(this.#source, { begin: this.#dataStart + begin, end: this.#dataStart + end }, name, rooms);
  }

  /** A floating-point tensor as f32: F32 as it is, F16 and BF16 exactly, F64 rounded. */
  async floats(name: string): Promise<Float32Array> {
    const { dtype } = this.entry(name);
    requireFloats(this, name, dtype);
    return floatsOf(dtype, await this.bytes(name));
  }

  /** Of the file, these rows alone are read. */
  async rows(name: string, places: readonly number[]): Promise<Float32Array> {
    const { dtype, shape: [, width] } = this.entry(name);
    requireFloats(this, name, dtype);
    const rowBytes = (DTYPE_BITS[dtype] / 8) * width;
    const rows = new Float32Array(places.length * width);
    for (const [i, place] of places.entries()) {
      rows.set(floatsOf(dtype, await this.bytes(name, place * rowBytes, (place + 1) * rowBytes)), i * width);
    }
    return rows;
  }

  /** An integer tensor as i32; larger values are an error. */
  async integers(name: string): Promise<Int32Array> {
    const { dtype } = this.entry(name);
    const bytes = await this.bytes(name);
    if (dtype === 'I32') return new Int32Array(bytes.buffer);
    if (dtype !== 'I64') {
      throw new CheckpointFormatError('WrongDtype', this.name, `expected I32 or I64, got ${dtype}`, name);
    }
    return Int32Array.from(new BigInt64Array(bytes.buffer), (value) => {
      if (value !== BigInt.asIntN(32, value)) {
        throw new CheckpointFormatError('TooLarge', this.name, `${value} does not fit 32 bits`, name);
      }
      return Number(value);
    });
  }
}

/** Opens a file: checks the whole header against the file's size before anything is allocated for tensors. */
export async function openSafetensors(source: ByteSource): Promise<SafetensorsFile> {
  const fail = (reason: string, message: string, tensor?: string): never => {
    throw new CheckpointFormatError(reason, source.name, message, tensor);
  };
  if (source.size < LENGTH_BYTES) fail('TooSmall', `${source.size} bytes are too few for a safetensors file`);
  const prefix = await source.read(0, LENGTH_BYTES);
  const headerBytes = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true);
  if (headerBytes > BigInt(MAX_HEADER_BYTES)) {
    fail('HeaderTooLarge',
      `the header claims ${headerBytes} bytes, at most ${MAX_HEADER_BYTES} are read; is this a safetensors file?`);
  }
  const dataStart = LENGTH_BYTES + Number(headerBytes);
  if (dataStart > source.size) {
    fail('HeaderPastEnd', `the header claims ${headerBytes} bytes, the file has ${source.size}`);
  }
  const { entries, metadata } = parseHeader(source.name, await source.read(LENGTH_BYTES, Number(headerBytes)));

  let expected = 0;
  for (const { name, dtype, shape, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (end < begin) fail('InvalidOffsets', `ends at ${end}, before it begins at ${begin}`, name);
    const elements = shape.reduce((product, extent) => product * extent, 1);
    if (!Number.isSafeInteger(elements) || elements * DTYPE_BITS[dtype] !== (end - begin) * 8) {
      fail('SizeMismatch', `[${shape}] of ${dtype} does not take ${end - begin} bytes`, name);
    }
    if (begin !== expected) {
      fail(begin < expected ? 'Overlap' : 'Hole', `begins at byte ${begin}, expected ${expected}`, name);
    }
    expected = end;
  }
  if (dataStart + expected !== source.size) {
    fail('WrongLength', `the tensors end at byte ${dataStart + expected}, the file at ${source.size}`);
  }
  return new SafetensorsFile(source, dataStart, entries, metadata);
}

/** Element types that are written, with the arrays that hold them. */
interface Written {
  F32: Float32Array;
  I32: Int32Array;
  U32: Uint32Array;
  I64: BigInt64Array;
}

type Values = Written[keyof Written];

/** A tensor to be written; f32 unless it says otherwise. */
export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype?: keyof Written;
}

/** The header of a file with these tensors, in this order, padded to a multiple of 8 bytes. */
function headerOf(tensors: readonly NamedTensor[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const names = new Set(['__metadata__']);
  let offset = 0;
  const members = tensors.map(({ name, shape, dtype = 'F32' }) => {
    if (names.has(name)) throw new RangeError(`the tensor name "${name}" is taken`);
    names.add(name);
    const begin = offset;
    offset += (DTYPE_BITS[dtype] / 8) * sizeOf(shape);
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, offset] })}`;
  });
  if (Object.keys(metadata).length > 0) members.unshift(`"__metadata__":${JSON.stringify(metadata)}`);
  const json = new TextEncoder().encode(`{${members.join(',')}}`);
  const padded = new Uint8Array(LENGTH_BYTES + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(padded.buffer).setBigUint64(0, BigInt(padded.length - LENGTH_BYTES), true);
  padded.set(json, LENGTH_BYTES);
  return padded;
}

/**
 * The bytes of a file, piece by piece, so that a model need not be in memory twice. The same tensors and metadata in
 * the same order give the same bytes.
 *
 * @param read gives the values of a tensor when its turn comes, all at once or some after others
 */
export async function* encodeSafetensors(
  tensors: readonly NamedTensor[],
  read: (name: string) => Promise<Values> | Values | AsyncIterable<Values>,
  metadata: Readonly<Record<string, string>> = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  yield headerOf(tensors, metadata);
  for (const { name, shape } of tensors) {
    const given = read(name);
    let count = 0;
    for await (const values of Symbol.asyncIterator in given ? given : [given]) {
      count += values.length;
      yield new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    }
    if (count !== sizeOf(shape)) throw new RangeError(`${name}: ${count} values do not fill [${shape}]`);
  }
}
