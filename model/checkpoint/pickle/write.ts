/** Writes files that `torch.load` reads, `weights_only` or not: a zip archive, with a dict of tensors under `model`. */
import { crc32 } from '../../../engine/crc32.ts';
import { sizeOf } from '../../../engine/dtype.ts';
import type { NamedTensor } from '../safetensors.ts';
import { OP } from './opcodes.ts';
import { METADATA } from './state_dict.ts';
import { END_64, END_64_LOCATOR, IN_64, LOCAL, CENTRAL, END } from './zip.ts';

/** What all names in the archive begin with. */
const ROOT = 'archive';
/** Numbers begin at multiples of this, so that the file can be mapped into memory. */
const ALIGNMENT = 64;
const VERSION = 45; // of zip: the first with sizes of 64 bits
/** Size and checksum stand behind a file, for nothing is known of its numbers before they are read. */
const FLAGS = 0x0808; // and names are UTF-8
/** January 1980, the first that there is: the same tensors give the same bytes. */
const DATE = 0x21;
/** A field that says nothing, as PyTorch pads with. */
const PADDING = 0x4246;

/** Collects bytes, numbers little-endian. */
class Bytes {
  readonly #pieces: Uint8Array[] = [];
  length = 0;

  add(...pieces: readonly (Uint8Array | string | number)[]): this {
    for (const piece of pieces) {
      const bytes = typeof piece === 'number'
        ? Uint8Array.of(piece)
        : typeof piece === 'string'
        ? new TextEncoder().encode(piece)
        : piece;
      this.#pieces.push(bytes);
      this.length += bytes.length;
    }
    return this;
  }

  u16(...values: readonly number[]): this {
    for (const value of values) this.add(value & 0xff, value >>> 8);
    return this;
  }

  u32(...values: readonly number[]): this {
    for (const value of values) this.add(new Uint8Array(Uint32Array.of(value).buffer));
    return this;
  }

  u64(...values: readonly number[]): this {
    for (const value of values) this.add(new Uint8Array(BigUint64Array.of(BigInt(value)).buffer));
    return this;
  }

  whole(): Uint8Array {
    const result = new Uint8Array(this.length);
    let at = 0;
    for (const piece of this.#pieces) {
      result.set(piece, at);
      at += piece.length;
    }
    return result;
  }
}

/** Writes the opcodes of a pickle, protocol 2. */
class Pickler extends Bytes {
  text(value: string): this {
    const bytes = new TextEncoder().encode(value);
    return this.add(OP.BINUNICODE).u32(bytes.length).add(bytes);
  }

  integer(value: number): this {
    // from 2^31 on as a long one, whose last bit is its sign
    return value < 2 ** 31 ? this.add(OP.BININT).u32(value) : this.add(OP.LONG1, 8).u64(value);
  }

  integers(values: readonly number[]): this {
    this.add(OP.MARK);
    for (const value of values) this.integer(value);
    return this.add(OP.TUPLE);
  }

  global(module: string, name: string): this {
    return this.add(OP.GLOBAL, `${module}\n${name}\n`);
  }

  orderedDict(): this {
    return this.global('collections', 'OrderedDict').add(OP.EMPTY_TUPLE, OP.REDUCE);
  }

  tensor(key: string, { shape, dtype }: NamedTensor): this {
    const strides = shape.map((_, i) => sizeOf(shape.slice(i + 1)));
    this.global('torch._utils', '_rebuild_tensor_v2').add(OP.MARK);
    this.add(OP.MARK).text('storage').global('torch', dtype === 'I64' ? 'LongStorage' : 'FloatStorage').text(key).text(
      'cpu',
    ).integer(sizeOf(shape));
    this.add(OP.TUPLE, OP.BINPERSID).integer(0).integers(shape).integers(strides);
    return this.add(OP.NEWFALSE).orderedDict().add(OP.TUPLE, OP.REDUCE);
  }
}

/** `{'model': OrderedDict of tensors, 'firstlight': dict of texts}` */
function pickleOf(tensors: readonly NamedTensor[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const pickle = new Pickler().add(OP.PROTO, 2, OP.EMPTY_DICT, OP.MARK);
  pickle.text('model').orderedDict().add(OP.MARK);
  for (const [i, tensor] of tensors.entries()) pickle.text(tensor.name).tensor(String(i), tensor);
  pickle.add(OP.SETITEMS).text(METADATA).add(OP.EMPTY_DICT, OP.MARK);
  for (const [key, value] of Object.entries(metadata)) pickle.text(key).text(value);
  return pickle.add(OP.SETITEMS, OP.SETITEMS, OP.STOP).whole();
}

/**
 * The bytes of a file, piece by piece, so that a model need not be in memory twice. The same tensors and metadata in
 * the same order give the same bytes.
 *
 * @param read gives the values of a tensor when its turn comes
 */
export async function* encodeTorch(tensors: readonly NamedTensor[],
  read: (name: string) => Promise<Float32Array | BigInt64Array> | Float32Array | BigInt64Array,
  metadata: Readonly<Record<string, string>> = {}): AsyncGenerator<Uint8Array, void, undefined> {
  const directory = new Bytes();
  let [at, count] = [0, 0];
  const file = function*(name: string, bytes: Uint8Array): Generator<Uint8Array> {
    const path = new TextEncoder().encode(`${ROOT}/${name}`);
    const start = at + 30 + path.length + 4;
    const padding = (ALIGNMENT - (start % ALIGNMENT)) % ALIGNMENT;
    const sum = crc32(bytes);
    const header = new Bytes().u32(LOCAL).u16(VERSION, FLAGS, 0, 0, DATE).u32(0, 0, 0).u16(path.length, 4 + padding);
    header.add(path).u16(PADDING, padding).add(new Uint8Array(padding));
    // the same fields again, with the place; beyond 4 GiB it stands in a field of 64 bits
    const isFar = at >= IN_64;
    directory.u32(CENTRAL).u16(VERSION, VERSION, FLAGS, 0, 0, DATE).u32(sum, bytes.length, bytes.length);
    directory.u16(path.length, isFar ? 12 : 0, 0, 0, 0).u32(0, isFar ? IN_64 : at).add(path);
    if (isFar) directory.u16(1, 8).u64(at);
    const behind = new Bytes().u32(0x08074b50, sum, bytes.length, bytes.length);
    at += header.length + bytes.length + behind.length;
    count++;
    yield header.whole();
    yield bytes;
    yield behind.whole();
  };
  yield* file('data.pkl', pickleOf(tensors, metadata));
  yield* file('byteorder', new TextEncoder().encode('little'));
  for (const [i, { name, shape }] of tensors.entries()) {
    const values = await read(name);
    if (values.length !== sizeOf(shape)) {
      throw new RangeError(`${name}: ${values.length} values do not fill [${shape}]`);
    }
    if (values.byteLength >= IN_64) throw new RangeError(`${name}: a tensor of 4 GiB and more is not written`);
    yield* file(`data/${i}`, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  yield* file('version', new TextEncoder().encode('3\n'));
  const [begin, length] = [at, directory.length];
  yield directory.whole();
  const end = new Bytes().u32(END_64).u64(44).u16(VERSION, VERSION).u32(0, 0).u64(count, count, length, begin);
  end.u32(END_64_LOCATOR, 0).u64(begin + length).u32(1);
  const small = (value: number, most: number) => Math.min(value, most);
  end.u32(END).u16(0, 0, small(count, 0xffff), small(count, 0xffff)).u32(length, small(begin, IN_64)).u16(0);
  yield end.whole();
}
