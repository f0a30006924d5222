/** Bytes of a file in a page, which has no Buffer, with the numbers in them that readers of containers ask for. */
import type { Bytes } from '../../../train/data/video/bytes.ts';

export class PageBytes extends Uint8Array implements Bytes {
  get #view(): DataView {
    return new DataView(this.buffer, this.byteOffset, this.byteLength);
  }

  readUInt32BE(offset: number): number {
    return this.#view.getUint32(offset);
  }

  readInt32BE(offset: number): number {
    return this.#view.getInt32(offset);
  }

  readUInt32LE(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  readUIntBE(offset: number, byteLength: number): number {
    return this.subarray(offset, offset + byteLength).reduce((value, byte) => value * 256 + byte, 0);
  }

  readBigUInt64BE(offset: number): bigint {
    return this.#view.getBigUint64(offset);
  }

  readBigInt64BE(offset: number): bigint {
    return this.#view.getBigInt64(offset);
  }

  readBigUInt64LE(offset: number): bigint {
    return this.#view.getBigUint64(offset, true);
  }

  override toString(encoding: 'latin1' | 'hex' = 'latin1', start = 0, end = this.length): string {
    const letter = encoding === 'hex'
      ? (byte: number) => byte.toString(16).padStart(2, '0')
      : (byte: number) => String.fromCharCode(byte);
    return Array.from(this.subarray(start, end), letter).join('');
  }

  override subarray(start?: number, end?: number): PageBytes {
    return super.subarray(start, end) as PageBytes;
  }

  override includes(value: string | number, fromIndex = 0, encoding: 'latin1' | 'hex' = 'latin1'): boolean {
    return this.indexOf(value, fromIndex, encoding) >= 0;
  }

  override indexOf(value: string | number, fromIndex = 0, encoding: 'latin1' | 'hex' = 'latin1'): number {
    if (typeof value === 'number') return super.indexOf(value, fromIndex);
    const wanted = Array.from(encoding === 'hex' ? value.match(/../g) ?? [] : value,
      (letter) => encoding === 'hex' ? Number.parseInt(letter, 16) : letter.charCodeAt(0));
    let at = super.indexOf(wanted[0], fromIndex);
    while (at >= 0 && !wanted.every((byte, i) => this[at + i] === byte)) at = super.indexOf(wanted[0], at + 1);
    return at;
  }
}
