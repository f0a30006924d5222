import { readSync } from 'node:fs';

/** A file open for reading. */
export interface Source {
  readonly descriptor: number;
  readonly bytes: number;
}

/** What the bytes of a file can tell to be wrong with it. */
export const cutOff = (missing: number) =>
  `is cut off: ${missing.toLocaleString('en-US')} bytes are missing at the end`;
export const damagedAt = (place: number) => `is damaged: its parts do not fit at byte ${place.toLocaleString('en-US')}`;

/** Up to `length` bytes from a place on: fewer at the end of the file. */
export function read({ descriptor }: Source, position: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, readSync(descriptor, buffer, 0, length, position));
}
