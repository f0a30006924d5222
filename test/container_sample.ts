import { Source } from '../train/data/video/source.ts';

/** Bytes in memory as a file that was opened. @param onRead called for each call of the system */
export function sourceOf(bytes: Buffer, onRead: () => void = () => undefined): Source {
  return new Source(bytes.length, (position, length) => {
    onRead();
    return bytes.subarray(position, position + length);
  });
}

/** The lowest bytes of a number, the highest first. */
export function big(bytes: number, value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(BigInt(value));
  return buffer.subarray(8 - bytes);
}

/** Numbers of four bytes. */
export const words = (...values: readonly number[]): Buffer => Buffer.concat(values.map((value) => big(4, value)));

/** A box of an mp4. */
export const box = (type: string, ...contents: readonly Buffer[]): Buffer =>
  Buffer.concat([big(4, 8 + Buffer.concat(contents).length), Buffer.from(type, 'latin1'), ...contents]);
