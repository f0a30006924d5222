/** Bytes that nobody wrote: drawn, or made of a valid file by a few edits. */
import type { Random } from '../../engine/random.ts';

/** One of several. */
export const pick = <T>(random: Random, all: readonly T[]): T => all[random.below(all.length)];

/** Whether something happens that does so once in `times`. */
export const oneIn = (random: Random, times: number): boolean => random.below(times) === 0;

/** A length from 0 to `most`: half as long ones as often as twice as long ones. */
export const lengthOf = (random: Random, most: number): number =>
  Math.floor(2 ** (random.next() * Math.log2(most + 1)) - 1);

export function randomBytes(random: Random, most = 4096): Uint8Array {
  const words = new Uint32Array(Math.ceil(lengthOf(random, most) / 4));
  for (let i = 0; i < words.length; i++) words[i] = random.word();
  return new Uint8Array(words.buffer);
}

/** Numbers at the edges of what fields of 1 to 8 bytes hold. */
const EDGES = [0n, 1n, 2n, 0x7fn, 0x80n, 0xffn, 0x7fffn, 0x8000n, 0xffffn, 0x7fffffffn, 0x80000000n, 0xffffffffn,
  (1n << 53n) - 1n, 1n << 53n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n];

/** A number at an edge, or beside it. */
export const edge = (random: Random): bigint => pick(random, EDGES) + BigInt(random.below(3) - 1);

/** A number in a field of 1, 2, 4 or 8 bytes, in either order. */
function field(random: Random, near: number): Buffer {
  const size = pick(random, [1, 2, 4, 8]);
  const value = oneIn(random, 2) ? edge(random) : BigInt(near + random.below(17) - 8);
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt.asIntN(64, value));
  return oneIn(random, 2) ? bytes.subarray(0, size) : bytes.subarray(0, size).reverse();
}

type Edit = (random: Random, bytes: Buffer) => Buffer;

const between = (random: Random, bytes: Buffer): [number, number] => {
  const at = random.below(bytes.length + 1);
  return [at, Math.min(bytes.length, at + 1 + lengthOf(random, 64))];
};

const replaced = (bytes: Buffer, from: number, to: number, by: Uint8Array) =>
  Buffer.concat([bytes.subarray(0, from), by, bytes.subarray(to)]);

const EDITS: readonly Edit[] = [
  (random, bytes) => {
    if (bytes.length > 0) bytes[random.below(bytes.length)] ^= 1 << random.below(8);
    return bytes;
  },
  (random, bytes) => {
    if (bytes.length > 0) bytes[random.below(bytes.length)] = random.below(256);
    return bytes;
  },
  (random, bytes) => {
    const own = field(random, bytes.length);
    const at = random.below(bytes.length + 1);
    return replaced(bytes, at, Math.min(bytes.length, at + own.length), own);
  },
  (random, bytes) => replaced(bytes, ...between(random, bytes), Buffer.alloc(0)),
  (random, bytes) => {
    const [from, to] = between(random, bytes);
    return replaced(bytes, to, to, bytes.subarray(from, to));
  },
  (random, bytes) => {
    const at = random.below(bytes.length + 1);
    return replaced(bytes, at, at, randomBytes(random, 64));
  },
  (random, bytes) => bytes.subarray(0, random.below(bytes.length + 1)),
  (random, bytes) => {
    const [from, to] = between(random, bytes);
    return replaced(bytes, from, to, Buffer.alloc(to - from, pick(random, [0, 0x20, 0xff])));
  },
];

/** A valid file after one to eight edits; most after one. */
export function mutated(random: Random, valid: Uint8Array): Uint8Array {
  let bytes: Buffer = Buffer.from(valid);
  const count = 1 + lengthOf(random, 7);
  for (let i = 0; i < count; i++) bytes = pick(random, EDITS)(random, bytes);
  return bytes;
}

/** Ways to make an input, and how many of all are made so. */
export type Ways = readonly (readonly [share: number, make: (random: Random) => Uint8Array])[];

/** An input made in one of several ways, by their shares. */
export function drawnBy(random: Random, ways: Ways): Uint8Array {
  let place = random.below(ways.reduce((sum, [share]) => sum + share, 0));
  for (const [share, make] of ways) {
    if (place < share) return make(random);
    place -= share;
  }
  throw new RangeError('the place is below the sum of the shares');
}

/** Drawn bytes, and mutations of some valid files. */
export const anyBytes = (valid: readonly Uint8Array[], most?: number): Ways => [
  [1, (random) => randomBytes(random, most)],
  [4, (random) => mutated(random, pick(random, valid))],
];
