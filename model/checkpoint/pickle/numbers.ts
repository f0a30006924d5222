/** Numbers as pickles write them: in bytes, and in letters. */
import type { Fail, PickleBytes } from './pickle_bytes.ts';

/** Bytes of a whole number; those of file formats take sixteen. */
const MOST_INTEGER_BYTES = 1024;

/** A whole number in two's complement, the lowest byte first. */
export function integerOf(bytes: PickleBytes, length: number, fail: Fail): number | bigint {
  if (length > MOST_INTEGER_BYTES) fail('TooLong', `a whole number of ${length} bytes`);
  let value = 0n;
  const digits = bytes.bytes(length);
  for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(digits[i]);
  return narrow(BigInt.asIntN(8 * length, value));
}

/** A whole number, or how protocol 0 writes truth. */
export function decimalOf(line: string, fail: Fail): number | bigint | boolean {
  if (line === '00' || line === '01') return line === '01';
  const digits = /^(-?\d{1,1000})L?$/.exec(line)?.[1];
  if (digits === undefined) return fail('InvalidNumber', 'expected a whole number of at most 1,000 digits');
  return narrow(BigInt(digits));
}

export function floatOf(line: string, fail: Fail): number {
  const value = /^[+-]?(inf|nan)$/.test(line)
    ? Number(line.replace('inf', 'Infinity').replace(/[+-]?nan/, 'NaN'))
    : Number(line);
  if (line.trim() === '' || (Number.isNaN(value) && !/nan$/.test(line))) fail('InvalidNumber', 'expected a number');
  return value;
}

/** A place of the memo. */
export function placeOf(line: string, fail: Fail): number {
  const place = Number(line);
  if (!/^\d+$/.test(line) || !Number.isSafeInteger(place)) fail('InvalidNumber', 'expected a place of the memo');
  return place;
}

/** A whole number as a number where that is exact. */
function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
