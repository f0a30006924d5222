/**
 * The three ways in which PyTorch lays out a file: a zip archive with one pickle and a file for each storage (since
 * 1.6), the same from TorchScript, with code beside it that nobody reads here, and before that a stream of pickles
 * with the storages behind them.
 */
import { crc32 } from '../../../engine/crc32.ts';
import { CheckpointFormatError } from '../../../engine/errors.ts';
import { shown } from '../../../engine/shown.ts';
import type { ByteSource } from '../bytes.ts';
import { readPickle } from './machine.ts';
import { checkRest, type Place } from './place.ts';
import { TorchMeaning } from './torch.ts';
import { described, type Storage, type Value } from './values.ts';
import { ZipArchive } from './zip.ts';

/** What the pickle of a file holds, and where the storages lie that it refers to. */
export interface Container {
  readonly format: string;
  /** The pickle is of a module, whose parameters are attributes of attributes. */
  readonly isScript: boolean;
  readonly root: Value;
  /** Where what lies under the key of a storage is in the file. @throws if it is not there whole */
  place(storage: Storage): Promise<Place>;
}

/** First bytes of a zip archive, and the first of a pickle: the opcode that states a protocol from 2 on. */
const ZIP = 'PK';
const PICKLE = 0x80;

/** Whether PyTorch wrote a file, by its first bytes. */
export function isPickled(start: Uint8Array): boolean {
  return start[0] === PICKLE || String.fromCharCode(start[0], start[1]) === ZIP;
}

/** Opens a file of PyTorch's, in whichever layout. */
export async function openContainer(source: ByteSource): Promise<Container> {
  const [first] = await source.read(0, Math.min(1, source.size));
  return first === PICKLE ? openStream(source) : openArchive(source);
}

async function openArchive(source: ByteSource): Promise<Container> {
  const zip = await ZipArchive.open(source);
  const fail = (reason: string, message: string): never => {
    throw new CheckpointFormatError(reason, source.name, message);
  };
  // all names begin with the name that the file was first written under
  const roots = zip.names().filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (roots.length !== 1) {
    fail('NoPickle',
      `a zip archive with ${roots.length} files NAME/data.pkl, PyTorch writes one${
        zip.names().some((name) => name.endsWith('/attributes.pkl') || name.endsWith('/model.json'))
          ? '; TorchScript of versions before 1.3 is not read'
          : ''
      }`);
  }
  const prefix = roots[0].slice(0, -'data.pkl'.length);
  const order = `${prefix}byteorder`;
  if (zip.has(order)) {
    const place = await zip.place(order);
    const bytes = await source.read(place.begin, Math.min(place.end - place.begin, 16));
    await checkRest(source, place, place.begin + bytes.length, crc32(bytes));
    const text = new TextDecoder().decode(bytes);
    if (text !== 'little') fail('BigEndian', `its numbers are "${shown(text)}" endian, only "little" is read`);
  }
  const meaning = new TorchMeaning();
  const { value } = await readPickle(source, 'data.pkl', await zip.place(roots[0]), meaning);
  const isScript = zip.has(`${prefix}constants.pkl`);
  const place = async ({ key }: Storage) => {
    const found = await zip.place(`${prefix}data/${key}`);
    requireRoom(source, meaning.storages.get(key) as Storage, found.end - found.begin);
    return found;
  };
  return { format: isScript ? 'PyTorch, TorchScript' : 'PyTorch, zip', isScript, root: value, place };
}

/** What the first pickles of a stream hold. */
const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;
const COUNT_BYTES = 8;

async function openStream(source: ByteSource): Promise<Container> {
  const fail = (reason: string, message: string): never => {
    throw new CheckpointFormatError(reason, source.name, message);
  };
  const meaning = new TorchMeaning();
  let at = 0;
  const next = async (what: string) => {
    const { value, end } = await readPickle(source, what, { begin: at, end: source.size }, meaning);
    at = end;
    return value;
  };
  const magic = await next('magic number');
  if (magic !== MAGIC) fail('NotPyTorch', `a pickle, but not of PyTorch: it begins with ${described(magic)}`);
  const protocol = await next('protocol');
  if (protocol !== PROTOCOL) {
    fail('UnknownProtocol', `a stream of protocol ${described(protocol)}, expected ${PROTOCOL}`);
  }
  const system = await next('system');
  if (!(system instanceof Map) || system.get('little_endian') !== true) {
    fail('BigEndian', 'its numbers are not said to be little endian');
  }
  const root = await next('pickle');
  const keys = await next('keys of storages');
  if (!Array.isArray(keys)) return fail('InvalidStorage', `expected the keys of storages, got ${described(keys)}`);
  const places = new Map<string, Place>();
  for (const key of keys) {
    const storage = typeof key === 'string' ? meaning.storages.get(key) : undefined;
    if (storage === undefined || places.has(storage.key)) {
      return fail('InvalidStorage',
        `the keys of storages hold ${described(key)}, which ${
          storage === undefined ? 'no tensor has' : 'stands there twice'
        }`);
    }
    if (at + COUNT_BYTES > source.size) fail('Truncated', `ends at byte ${source.size}, before storage ${storage.key}`);
    const bytes = await source.read(at, COUNT_BYTES);
    const count = new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(0, true);
    if (count !== BigInt(storage.count)) {
      fail('InvalidStorage', `storage ${storage.key} has ${count} numbers, its tensors say ${storage.count}`);
    }
    at += COUNT_BYTES;
    requireRoom(source, storage, source.size - at);
    const end = at + storage.count * storage.type.bytes;
    places.set(storage.key, { begin: at, end });
    at = end;
  }
  const place = ({ key }: Storage) =>
    Promise.resolve(places.get(key) ?? fail('InvalidStorage', `storage ${key} is not in the file`));
  return { format: 'PyTorch, stream', isScript: false, root, place };
}

/** That as many bytes are there as a storage takes. */
function requireRoom({ name }: ByteSource, { key, count, type }: Storage, bytes: number): void {
  if (count * type.bytes <= bytes) return;
  throw new CheckpointFormatError('Truncated', name,
    `storage ${key} of ${count} ${type.name} takes ${count * type.bytes} bytes, ${bytes} are there`);
}
