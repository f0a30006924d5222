/** What names of PyTorch and of Python's library mean in a pickle: storages, tensors, plain containers. */
import type { Meaning } from './machine.ts';
import type { Fail } from './pickle_bytes.ts';
import { described, type ElementType, Global, type Layout, PickledTensor, Storage, type Value } from './values.ts';

const MAX_RANK = 8;

const element = (dtype: string | undefined, name: string, bytes: number): ElementType => ({ dtype, name, bytes });

/** PyTorch's element types, by the names of its storages and of its dtypes. */
const ELEMENTS: readonly (readonly [storage: string, type: ElementType])[] = [
  ['DoubleStorage', element('F64', 'float64', 8)],
  ['FloatStorage', element('F32', 'float32', 4)],
  ['HalfStorage', element('F16', 'float16', 2)],
  ['BFloat16Storage', element('BF16', 'bfloat16', 2)],
  ['LongStorage', element('I64', 'int64', 8)],
  ['IntStorage', element('I32', 'int32', 4)],
  ['ShortStorage', element('I16', 'int16', 2)],
  ['CharStorage', element('I8', 'int8', 1)],
  ['ByteStorage', element('U8', 'uint8', 1)],
  ['BoolStorage', element('BOOL', 'bool', 1)],
  ['UntypedStorage', element('U8', 'uint8', 1)],
  ['ComplexFloatStorage', element(undefined, 'complex64', 8)],
  ['ComplexDoubleStorage', element(undefined, 'complex128', 16)],
  ['QInt8Storage', element(undefined, 'qint8', 1)],
  ['QUInt8Storage', element(undefined, 'quint8', 1)],
  ['QInt32Storage', element(undefined, 'qint32', 4)],
];
const BY_STORAGE = new Map(ELEMENTS);
const BY_DTYPE = new Map(ELEMENTS.map(([, type]) => [type.name, type]));

/** Where storages of that name are found: of the CPU, and of the GPU where old files have them. */
const STORAGE = /^torch\.(?:cuda\.|storage\.)?(\w+Storage)$/;

/** The meaning of one file's pickles. Its storages are collected by their keys. */
export class TorchMeaning implements Meaning {
  readonly storages = new Map<string, Storage>();

  persistent(id: Value, fail: Fail): Value {
    const parts = Array.isArray(id) ? id : [];
    if (parts[0] === 'module' && parts[1] instanceof Global) return parts[1]; // old files keep the source of classes
    const [kind, type, key, , count, part] = parts;
    if (kind !== 'storage') return fail('InvalidStorage', `refers to ${described(kind ?? id)}, expected a storage`);
    const name = type instanceof Global ? type.path : described(type ?? null);
    const known = BY_STORAGE.get(STORAGE.exec(name)?.[1] ?? '');
    if (known === undefined) return fail('InvalidStorage', `a storage is of ${name}, no type of PyTorch's`);
    // keys are numbers of a zip archive, or addresses in the memory of who wrote it
    if (typeof key !== 'string' || !/^\w{1,40}$/.test(key)) {
      return fail('InvalidStorage', `${described(key ?? null)} is no key of a storage`);
    }
    const whole = new Storage(key, known, wholeNumber(count, 'numbers of a storage', fail));
    const seen = this.storages.get(key);
    if (seen === undefined) this.storages.set(key, whole);
    else if (seen.count !== whole.count || seen.type !== whole.type) {
      return fail('InvalidStorage',
        `storage ${key} is ${seen.count} of ${seen.type.name} and ${whole.count} of ${whole.type.name}`);
    }
    if (!Array.isArray(part)) return seen ?? whole;
    // old files: a part of a storage, with a key of its own, an offset and a number of elements
    const [first, length] = [wholeNumber(part[1], 'offset of a part', fail),
      wholeNumber(part[2], 'numbers of a part', fail)];
    if (first + length > whole.count) {
      return fail('OutOfStorage', `a part of storage ${key} ends at ${first + length} of ${whole.count}`);
    }
    return new Storage(key, known, length, first);
  }

  call(name: string, args: readonly Value[], fail: Fail): Value | undefined {
    switch (name) {
      case 'torch._utils._rebuild_tensor':
      case 'torch._utils._rebuild_tensor_v2': {
        const [storage, offset, shape, strides] = args;
        return storage instanceof Storage
          ? tensorOf(storage, storage.type, { offset, shape, strides }, fail)
          : undefined;
      }
      case 'torch._utils._rebuild_tensor_v3': {
        const [storage, offset, shape, strides, , , dtype] = args;
        const type = dtype instanceof Global ? BY_DTYPE.get(dtype.path.replace(/^torch\./, '')) : undefined;
        return storage instanceof Storage && type !== undefined
          ? tensorOf(inElements(storage, type), type, { offset, shape, strides }, fail)
          : undefined;
      }
      case 'torch._utils._rebuild_parameter':
      case 'torch._utils._rebuild_parameter_with_state':
        return args[0] instanceof PickledTensor ? args[0] : undefined;
      case 'torch._tensor._rebuild_from_type_v2':
        return args[0] instanceof Global && Array.isArray(args[2]) ? this.call(args[0].path, args[2], fail) : undefined;
      case 'collections.OrderedDict':
      case 'collections.defaultdict':
      case 'builtins.dict':
      case '__builtin__.dict':
        return dictOf(args.find(Array.isArray) ?? []);
      case 'builtins.set':
      case '__builtin__.set':
        return new Set(Array.isArray(args[0]) ? args[0] : []);
      case 'torch.Size':
      case 'torch.jit._pickle.build_intlist':
      case 'torch.jit._pickle.build_doublelist':
      case 'torch.jit._pickle.build_boollist':
      case 'torch.jit._pickle.build_tensorlist':
      case 'torch.jit._pickle.restore_type_tag':
        return args[0];
      case '_codecs.encode': // how protocol 2 writes bytes
        return typeof args[0] === 'string' ? bytesOf(args[0]) : undefined;
      default:
        return undefined;
    }
  }
}

/** Letters of Latin-1 as bytes. */
function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Pairs of keys and values, as old Pythons pass them. */
function dictOf(pairs: readonly Value[]): Map<Value, Value> {
  return new Map(pairs.filter((pair) => Array.isArray(pair)).map(([key = null, value = null]) => [key, value]));
}

/** A storage of bytes as one of elements. */
function inElements(storage: Storage, type: ElementType): Storage {
  const elements = (bytes: number) => Math.floor((bytes * storage.type.bytes) / type.bytes);
  return new Storage(storage.key, type, elements(storage.count), elements(storage.first));
}

function wholeNumber(value: Value | undefined, what: string, fail: Fail): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  return fail('InvalidTensor', `${what}: expected a whole number from 0 to 2^53, got ${described(value ?? null)}`);
}

function wholeNumbers(value: Value | undefined, what: string, fail: Fail): number[] {
  if (!Array.isArray(value)) return fail('InvalidTensor', `${what}: expected numbers, got ${described(value ?? null)}`);
  if (value.length > MAX_RANK) {
    return fail('TooManyDimensions', `${value.length} dimensions of a tensor, at most ${MAX_RANK} are read`);
  }
  return value.map((each) => wholeNumber(each, what, fail));
}

/** A tensor whose every element lies in its storage. */
function tensorOf(storage: Storage, type: ElementType, stated: Readonly<Record<keyof Layout, Value | undefined>>,
  fail: Fail): PickledTensor {
  const layout = { shape: wholeNumbers(stated.shape, 'shape of a tensor', fail),
    strides: wholeNumbers(stated.strides, 'strides of a tensor', fail),
    offset: wholeNumber(stated.offset, 'offset of a tensor', fail) };
  if (layout.shape.length !== layout.strides.length) {
    fail('InvalidTensor', `a tensor of shape [${layout.shape}] has strides [${layout.strides}]`);
  }
  if (!Number.isSafeInteger(layout.shape.reduce((product, extent) => product * extent, 1))) {
    fail('InvalidTensor', `a tensor of shape [${layout.shape}] has more elements than can be counted`);
  }
  const end = layout.offset + spanOf(layout);
  // not a safe number: what has been rounded is larger than any storage
  if (end > storage.count) {
    fail('OutOfStorage',
      `a tensor [${layout.shape}] with strides [${layout.strides}] from ${layout.offset} ends at element ${end}, its storage has ${storage.count}`);
  }
  return new PickledTensor(storage, type, layout);
}

/** Elements of a storage from the first to the last that a tensor shows; 0 for an empty one. */
export function spanOf({ shape, strides }: Layout): number {
  if (shape.includes(0)) return 0;
  return 1 + shape.reduce((last, extent, i) => last + (extent - 1) * strides[i], 0);
}
