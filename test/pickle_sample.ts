/** Pickles and archives, put together by hand: those that PyTorch writes, and those that it never would. */
import { crc32 } from '../engine/crc32.ts';

/** Bytes, written as text of one letter each. */
export const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Little-endian numbers of so many bytes, as such text. */
export function number(value: number | bigint, bytes: number): string {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64LE(BigInt.asIntN(64, BigInt(value)));
  return buffer.subarray(0, bytes).toString('latin1');
}

/** Opcodes, as text. */
export const text = (value: string): string => `X${number(value.length, 4)}${value}`;
export const integer = (
  value: number,
): string => (Math.abs(value) < 2 ** 31 ? `J${number(value, 4)}` : `\x8a\x08${number(value, 8)}`);
export const tuple = (...values: readonly string[]): string => `(${values.join('')}t`;
export const integers = (values: readonly number[]): string => tuple(...values.map(integer));
export const dict = (members: Readonly<Record<string, string>>): string =>
  `}(${Object.entries(members).map(([key, value]) => text(key) + value).join('')}u`;
export const called = (path: string, ...args: readonly string[]): string =>
  `c${path.replace(/\.([^.]*)$/, '\n$1')}\n${tuple(...args)}R`;

export interface TensorSample {
  readonly type?: string;
  readonly key?: string;
  readonly count?: number;
  readonly offset?: number;
  readonly shape?: readonly number[];
  readonly strides?: readonly number[];
}

export const storage = ({ type = 'torch.FloatStorage', key = '0', count = 6 }: TensorSample = {}): string =>
  `${tuple(text('storage'), `c${type.replace(/\.([^.]*)$/, '\n$1')}\n`, text(key), text('cpu'), integer(count))}Q`;

/** A tensor, by default [2, 3] in all of storage 0. */
export function tensor(sample: TensorSample = {}): string {
  const { offset = 0, shape = [2, 3], strides = [3, 1] } = sample;
  return called('torch._utils._rebuild_tensor_v2', storage(sample), integer(offset), integers(shape), integers(strides),
    '\x89', called('collections.OrderedDict'));
}

/** A file of an archive, and what of it is stated wrongly. */
export interface ZipSample {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly method?: number;
  readonly flags?: number;
  /** What it is called where it lies, and where the directory says that it lies. */
  readonly localName?: string;
  readonly header?: number;
  readonly size?: number;
}

/** An archive. @param count files that its end states */
export function zip(files: readonly ZipSample[], { count = files.length }: { count?: number } = {}): Buffer {
  const [parts, directory]: [Buffer[], Buffer[]] = [[], []];
  let at = 0;
  for (const { name, bytes, method = 0, flags = 0, localName = name, header = at, size = bytes.length } of files) {
    const fields = (place: string) =>
      number(20, 2) + number(flags, 2) + number(method, 2) + number(0, 4) + number(crc32(bytes), 4) + number(size, 4)
      + number(size, 4) + number(place.length, 2) + number(0, 2);
    const local = Buffer.concat([latin1(`PK\x03\x04${fields(localName)}${localName}`), bytes]);
    directory.push(
      latin1(`PK\x01\x02${number(20, 2)}${fields(name)}${number(0, 8)}${number(0, 2)}${number(header, 4)}${name}`),
    );
    parts.push(local);
    at += local.length;
  }
  const length = directory.reduce((sum, part) => sum + part.length, 0);
  const end = latin1(
    `PK\x05\x06${number(0, 4)}${number(count, 2)}${number(count, 2)}${number(length, 4)}${number(at, 4)}\0\0`,
  );
  return Buffer.concat([...parts, ...directory, end]);
}

/** The six numbers of storage 0. */
export const NUMBERS = new Uint8Array(Float32Array.of(0, 1, 2, 3, 4, 5).buffer);

/** A file as `torch.save` lays it out, with storage 0. */
export const archive = (pickle: string | Uint8Array, more: readonly ZipSample[] = []): Buffer =>
  zip([{ name: 'a/data.pkl', bytes: typeof pickle === 'string' ? latin1(pickle) : pickle }, { name: 'a/data/0',
    bytes: NUMBERS }, ...more]);

export const MAGIC = '\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.';
const SYSTEM = `${dict({ little_endian: '\x88' })}.`;

/** A file as older versions lay it out. */
export const stream = (pickle: string,
  { magic = MAGIC, protocol = 1001, system = SYSTEM, keys = [text('0')], count = 6, numbers = NUMBERS }: {
    magic?: string;
    protocol?: number;
    system?: string;
    keys?: readonly string[];
    count?: number;
    numbers?: Uint8Array;
  } = {}): Buffer =>
  Buffer.concat([latin1(`${magic}${integer(protocol)}.${system}${pickle}](${keys.join('')}e.${number(count, 8)}`),
    numbers]);
