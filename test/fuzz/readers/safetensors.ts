import type { Random } from '../../../engine/random.ts';
import { bytesInMemory } from '../../../model/checkpoint/bytes.ts';
import { DTYPE_BITS } from '../../../model/checkpoint/header.ts';
import { openSafetensors } from '../../../model/checkpoint/safetensors.ts';
import { anyBytes, drawnBy, edge, lengthOf, oneIn, pick } from '../bytes.ts';
import { holds, type Reader } from '../reader.ts';
import { mutatedText, piece } from '../texts.ts';

/** A length, a header and so many bytes. */
export function file(header: string, bytes: number, stated?: bigint): Buffer {
  const text = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt.asUintN(64, stated ?? BigInt(text.length)));
  return Buffer.concat([length, text, Buffer.alloc(bytes, 0x3d)]);
}

const entry = (dtype: string, shape: readonly (number | string)[], offsets: readonly (number | string)[]) =>
  `{"dtype":"${dtype}","shape":[${shape.join(',')}],"data_offsets":[${offsets.join(',')}]}`;

const VALID = [
  file(`{"__metadata__":{"a":"b"},"w":${entry('F32', [2], [0, 8])},"v":${entry('F16', [2, 2], [8, 16])}}`, 16),
  file(`{"i":${entry('I64', [1], [0, 8])},"d":${entry('F64', [], [8, 16])},"e":${entry('U8', [0], [16, 16])}}  `, 16),
];

/** A whole number as somebody might write it. */
const numberText = (random: Random): string => (oneIn(random, 3)
  ? pick(random, ['-1', '1.5', '1e2', '01', 'null', '"1"', '+1', '1e400'])
  : String(edge(random)));

/** Tensors side by side, one thing of which is wrong, or several. */
function tensors(random: Random): Buffer {
  let at = 0;
  const wrong = () => oneIn(random, 20);
  const members = Array.from({ length: 1 + lengthOf(random, 6) }, (_, i) => {
    const dtype = wrong() ? pick(random, ['F33', 'f32', '', '__proto__']) : pick(random, Object.keys(DTYPE_BITS));
    const shape: (number | string)[] = Array.from({ length: wrong() ? 9 + random.below(3) : random.below(4) },
      () => random.below(4));
    const bits = Object.hasOwn(DTYPE_BITS, dtype) ? DTYPE_BITS[dtype] : 8;
    const size = Math.ceil((shape.reduce<number>((product, extent) => product * Number(extent), 1) * bits) / 8);
    const begin = oneIn(random, 6) ? Math.max(0, at + random.below(9) - 4) : at;
    const offsets: (number | string)[] = [begin, begin + size + (wrong() ? random.below(5) - 2 : 0)];
    at = begin + size;
    if (wrong() && shape.length > 0) shape[0] = numberText(random);
    if (wrong()) offsets[random.below(2)] = numberText(random);
    if (wrong()) offsets.splice(random.below(2), oneIn(random, 2) ? 1 : 0, 0);
    let own = entry(dtype, shape, offsets);
    if (wrong()) own = own.replace('}', `,"${piece(random).slice(0, 20).replaceAll(/[\\"]/g, '')}":0}`);
    if (wrong()) own = own.replace(/"dtype":"[^"]*",/, '');
    return `${wrong() ? '"w0"' : `"w${i}"`}:${own}`;
  });
  if (wrong()) members.unshift(`"__metadata__":{"a":${oneIn(random, 2) ? '"b"' : '1'}}`);
  if (oneIn(random, 3)) members.sort(() => (oneIn(random, 2) ? 1 : -1));
  const header = `{${members.join(',')}}${wrong() ? piece(random) : ''}`;
  return file(header, Math.min(at, 4096) + (wrong() ? random.below(9) : 0), wrong() ? edge(random) : undefined);
}

let most: string | undefined;
/** More tensors than are read. */
function many(random: Random): Buffer {
  const own = (i: number) => `"${i}":${entry('U8', [0], [0, 0])}`;
  most ??= Array.from({ length: 100_000 }, (_, i) => own(i)).join(',');
  return file(`{${most},${own(100_000 + random.below(100))}}`, 0);
}

export const safetensors: Reader = {
  name: 'safetensors',
  reasons: ['TooSmall', 'HeaderTooLarge', 'HeaderPastEnd', 'InvalidUtf8', 'InvalidStart', 'TrailingText', 'InvalidJson',
    'UnknownField', 'MissingField', 'UnknownDtype', 'TooManyDimensions', 'InvalidOffsets', 'DuplicateKey',
    'InvalidInteger', 'SizeMismatch', 'Overlap', 'Hole', 'WrongLength', 'TooManyTensors', 'WrongDtype', 'TooLarge',
    'NoSuchTensor'],
  draw: (random) =>
    drawnBy(random, [...anyBytes(VALID), [10, tensors], [5, () => {
      const text = mutatedText(random, VALID[random.below(2)].subarray(8, -16).toString());
      return file(text, 16);
    }]]),
  aimed: { TooManyTensors: many },
  async read(bytes) {
    const opened = await openSafetensors(bytesInMemory('x.safetensors', bytes));
    const start = 8 + Number(Buffer.from(bytes.subarray(0, 8)).readBigUInt64LE());
    // a second reader of the same header
    const { __metadata__: _, ...second } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start))) as Record<
      string,
      { shape: number[]; dtype: string; data_offsets: number[] }
    >;
    const names = opened.names();
    holds(names.length === Object.keys(second).length, 'two readers see other tensors');
    let total = 0;
    for (const name of names) {
      const { shape, dtype, begin, end } = opened.entry(name);
      const { data_offsets: offsets } = second[name];
      holds(offsets[0] === begin && offsets[1] === end && second[name].dtype === dtype
        && second[name].shape.join() === shape.join(), `two readers see another tensor "${name}"`);
      const own = await opened.bytes(name);
      holds(own.length === end - begin && start + end <= bytes.length, `"${name}" has ${own.length} bytes`);
      total += own.length;
    }
    holds(start + total === bytes.length, `${start + total} of ${bytes.length} bytes belong to something`);
    for (const name of names) {
      await (opened.entry(name).dtype.startsWith('I') ? opened.integers(name) : opened.floats(name));
    }
    if (bytes.length % 7 === 0) opened.entry('nobody');
  },
};
