/** Files that PyTorch wrote, read as data, in Node and in browsers. Nothing in them is executed. */
import { crc32 } from '../../../engine/crc32.ts';
import { CheckpointFormatError } from '../../../engine/errors.ts';
import { sizeOf } from '../../../engine/dtype.ts';
import type { ByteSource } from '../bytes.ts';
import { joined, type PieceRooms, readInPieces } from '../pieces.ts';
import { type FileEntry, floatsOf, requireFloats, type TensorFile } from '../tensor_file.ts';
import { openContainer } from './container.ts';
import { checkRest, type Place, requireChecksum } from './place.ts';
import { metadataOf, stateDictOf } from './state_dict.ts';
import { spanOf } from './torch.ts';
import { described, Inert, type Layout, PickledTensor } from './values.ts';

export { isPickled } from './container.ts';

/** Times as many numbers as a file has bytes may its tensors show together, for several may show the same ones. */
const MOST_TIMES = 8;
/** What any file may show: an expanded tensor of a few numbers is no attack. */
const ALWAYS = 2 ** 16;

/** An opened file of PyTorch's, whose pickle has been read and whose sizes have been checked. */
export class PickleFile implements TensorFile {
  readonly format: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly numbers: number;
  readonly beside: readonly string[];
  readonly #source: ByteSource;
  readonly #entries: ReadonlyMap<string, PickledTensor | Inert>;
  /** Where what lies under each key is. */
  readonly #places: ReadonlyMap<string, Place>;
  /** Keys under which all bytes are those that were written, as far as that is known. */
  readonly #checked = new Map<string, Promise<void>>();

  constructor(source: ByteSource, { format, metadata, beside, entries, places }: {
    format: string;
    metadata: ReadonlyMap<string, string>;
    beside: readonly string[];
    entries: ReadonlyMap<string, PickledTensor | Inert>;
    places: ReadonlyMap<string, Place>;
  }) {
    this.#source = source;
    this.format = format;
    this.metadata = metadata;
    this.beside = beside;
    this.#entries = entries;
    this.#places = places;
    const counts = new Map<string, number>();
    for (const value of entries.values()) {
      if (!(value instanceof PickledTensor)) continue;
      const { key, first, count } = value.storage;
      counts.set(key, Math.max(counts.get(key) ?? 0, first + count));
    }
    this.numbers = [...counts.values()].reduce((sum, count) => sum + count, 0);
  }

  get name(): string {
    return this.#source.name;
  }

  names(): string[] {
    return [...this.#entries.keys()];
  }

  entry(name: string): FileEntry {
    const { type, layout } = this.#tensor(name);
    return { dtype: type.dtype ?? type.name, shape: layout.shape };
  }

  async floats(name: string): Promise<Float32Array> {
    const { type } = this.#tensor(name);
    requireFloats(this, name, type.dtype ?? type.name);
    return floatsOf(type.dtype ?? type.name, await this.bytes(name));
  }

  /** All rows are read: only their sum tells whether they are those that were written. */
  async rows(name: string, places: readonly number[]): Promise<Float32Array> {
    const { shape: [, width] } = this.entry(name);
    const all = await this.floats(name);
    const rows = new Float32Array(places.length * width);
    places.forEach((place, i) => rows.set(all.subarray(place * width, (place + 1) * width), i * width));
    return rows;
  }

  /** The tensor's elements in the order of its shape, little-endian, as stored. */
  async bytes(name: string): Promise<Uint8Array> {
    const { type, layout } = this.#tensor(name);
    const bytes = await joined(spanOf(layout) * type.bytes, this.#span(name));
    return isDense(layout) ? bytes : gathered(bytes, type.bytes, layout);
  }

  async *pieces(name: string, rooms?: PieceRooms): AsyncGenerator<Uint8Array, void, undefined> {
    if (isDense(this.#tensor(name).layout)) yield* this.#span(name, rooms);
    else yield await this.bytes(name);
  }

  /** All bytes from the first element of a tensor to its last. @throws once they were read, if they are damaged */
  async *#span(name: string, rooms?: PieceRooms): AsyncGenerator<Uint8Array, void, undefined> {
    const { storage, type, layout } = this.#tensor(name);
    const place = this.#places.get(storage.key) as Place;
    const begin = place.begin + (storage.first + layout.offset) * type.bytes;
    const end = begin + spanOf(layout) * type.bytes;
    const isAll = begin === place.begin && end === place.end;
    let sum = 0;
    for await (const piece of readInPieces(this.#source, { begin, end }, name, rooms)) {
      if (isAll && place.stated !== undefined) sum = crc32(piece, sum);
      yield piece;
    }
    if (isAll) requireChecksum(this.#source, place, sum);
    else await this.#check(storage.key, place);
  }

  /** Sums up all that lies under a key, once: a tensor that shows a part of it was read with the others. */
  #check(key: string, place: Place): Promise<void> {
    const check = this.#checked.get(key) ?? checkRest(this.#source, place, place.begin, 0);
    this.#checked.set(key, check);
    return check;
  }

  #tensor(name: string): PickledTensor {
    const value = this.#entries.get(name);
    if (value instanceof PickledTensor) return value;
    throw value === undefined
      ? new CheckpointFormatError('NoSuchTensor', this.name, 'there is no such tensor in the file', name)
      : new CheckpointFormatError('NotATensor', this.name, `is ${described(value)}`, name);
  }
}

/** Opens a file: runs its pickle as data, finds its tensors, and checks that each lies in the file. */
export async function openPickle(source: ByteSource): Promise<PickleFile> {
  const container = await openContainer(source);
  const { entries, where, beside } = stateDictOf(source.name, container.root, container.isScript);
  const places = new Map<string, Place>();
  let shown = 0;
  for (const [name, value] of entries) {
    if (!(value instanceof PickledTensor)) continue;
    const { storage, layout } = value;
    if (!places.has(storage.key)) places.set(storage.key, await container.place(storage));
    shown += sizeOf(layout.shape);
    if (shown > MOST_TIMES * source.size + ALWAYS) {
      throw new CheckpointFormatError('TooLarge', source.name,
        `[${layout.shape}] shows the same numbers over and over: the tensors up to here have ${shown}, the file ${source.size} bytes`,
        name);
    }
  }
  return new PickleFile(source, { format: `${container.format}, ${where}`, metadata: metadataOf(container.root), beside,
    entries, places });
}

/** Whether elements lie one after another, in the order of the shape. */
function isDense({ shape, strides }: Layout): boolean {
  let next = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== next) return shape.includes(0);
    next *= shape[i];
  }
  return true;
}

const WORDS: Readonly<
  Record<number, new(buffer: ArrayBuffer) => { [index: number]: number | bigint; length: number }>
> = {
  1: Uint8Array,
  2: Uint16Array,
  4: Uint32Array,
  8: BigUint64Array,
};

/** Elements at their strides, put one after another. Words are moved, not numbers: those may change the bits of NaN. */
function gathered(bytes: Uint8Array, elementBytes: number, { shape, strides }: Layout): Uint8Array {
  const result = new Uint8Array(sizeOf(shape) * elementBytes);
  const Words = WORDS[elementBytes];
  const [from, to] = [new Words(bytes.buffer as ArrayBuffer), new Words(result.buffer)];
  const [extent, stride] = [shape[shape.length - 1], strides[strides.length - 1]];
  const index = shape.map(() => 0);
  let row = 0;
  for (let at = 0; at < to.length;) {
    for (let i = 0, place = row; i < extent; i++, place += stride) to[at++] = from[place];
    // the next row: the last index but one that is not at its end goes on, those behind it begin anew
    let axis = shape.length - 2;
    while (axis >= 0 && ++index[axis] === shape[axis]) {
      row -= (shape[axis] - 1) * strides[axis];
      index[axis--] = 0;
    }
    if (axis >= 0) row += strides[axis];
  }
  return result;
}
