/** Writes files that `torch.load` reads, `weights_only` or not: a zip archive, with a dict of tensors under `model`. */
import { sizeOf } from '../../../engine/dtype.ts';
import type { NamedTensor } from '../safetensors.ts';
import { Bytes } from './byte_writer.ts';
import { OP } from './opcodes.ts';
import { METADATA } from './state_dict.ts';
import { IN_64 } from './zip.ts';
import { ZipWriter } from './zip_writer.ts';

/** What all names in the archive begin with. */
const ROOT = 'archive';

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
  const zip = new ZipWriter();
  yield* zip.file(`${ROOT}/data.pkl`, pickleOf(tensors, metadata));
  yield* zip.file(`${ROOT}/byteorder`, new TextEncoder().encode('little'));
  for (const [i, { name, shape }] of tensors.entries()) {
    const values = await read(name);
    if (values.length !== sizeOf(shape)) {
      throw new RangeError(`${name}: ${values.length} values do not fill [${shape}]`);
    }
    if (values.byteLength >= IN_64) throw new RangeError(`${name}: a tensor of 4 GiB and more is not written`);
    yield* zip.file(`${ROOT}/data/${i}`, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  yield* zip.file(`${ROOT}/version`, new TextEncoder().encode('3\n'));
  yield* zip.end();
}
