/** The boxes that ISO base media files are made of, and the numbers in them. ISO/IEC 14496-12. */
import type { Bytes } from './bytes.ts';

/** A box: its type, and where it lies. */
interface Head {
  readonly type: string;
  /** Bytes of the box, and of what comes before its contents. A size of 0 stands for the rest of the file. */
  readonly size: number;
  readonly head: number;
}

/** ISO/IEC 14496-12, section 4.2: 32-bit size and type; size 1 means that 64 bits follow. */
export function boxAt(bytes: Bytes, at: number): Head {
  const short = bytes.readUInt32BE(at);
  const type = bytes.toString('latin1', at + 4, at + 8);
  return short === 1 && at + 16 <= bytes.length
    ? { type, size: Number(bytes.readBigUInt64BE(at + 8)), head: 16 }
    : { type, size: short, head: 8 };
}

/** A box within another one. */
export interface Box {
  readonly type: string;
  readonly contents: Bytes;
}

/** Boxes side by side, as far as they fit: a short end is common, and harmless. */
export function boxesIn(contents: Bytes): Box[] {
  const boxes: Box[] = [];
  for (let at = 0; at + 8 <= contents.length;) {
    const { type, size, head } = boxAt(contents, at);
    const end = size === 0 ? contents.length : at + size;
    if (end < at + head || end > contents.length) break;
    boxes.push({ type, contents: contents.subarray(at + head, end) });
    at = end;
  }
  return boxes;
}

/** The contents of the first box that a path of types leads to. */
export function boxOf(contents: Bytes, ...path: readonly string[]): Bytes | undefined {
  let found: Bytes | undefined = contents;
  for (const type of path) found = found && boxesIn(found).find((box) => box.type === type)?.contents;
  return found;
}

/** Lines of a table: behind its version and flags a number of them, and then they; undefined if it is cut. */
export function linesOf(table: Bytes, bytes: number): Bytes[] | undefined {
  const count = table.length < 8 ? Number.POSITIVE_INFINITY : table.readUInt32BE(4);
  if (table.length < 8 + count * bytes) return undefined;
  return Array.from({ length: count }, (_, i) => table.subarray(8 + i * bytes, 8 + (i + 1) * bytes));
}
