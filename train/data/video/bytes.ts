/**
 * Bytes of a file, and the numbers in them: what readers of containers call of Node's Buffer. A page, which has none,
 * brings a class of its own.
 */
export interface Bytes extends Uint8Array {
  readUInt32BE(offset: number): number;
  readInt32BE(offset: number): number;
  readUInt32LE(offset: number): number;
  /** @param byteLength 1 to 6 */
  readUIntBE(offset: number, byteLength: number): number;
  readBigUInt64BE(offset: number): bigint;
  readBigInt64BE(offset: number): bigint;
  readBigUInt64LE(offset: number): bigint;
  toString(encoding?: 'latin1' | 'hex', start?: number, end?: number): string;
  /** The same memory. */
  subarray(start?: number, end?: number): Bytes;
  /** Where a text of such an encoding stands in it, from an offset on; −1: nowhere. */
  indexOf(value: string | number, fromIndex?: number, encoding?: 'latin1' | 'hex'): number;
  includes(value: string | number, fromIndex?: number, encoding?: 'latin1' | 'hex'): boolean;
}
