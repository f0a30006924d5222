import { readSync } from 'node:fs';

/** What the first bytes of a file say. */
export type Signature = 'iso' | 'ebml' | 'riff' | 'unknown';

/** What a container's own structure tells, without a decoder. */
export interface Structure {
  /** Bytes that it claims beyond the end of its file: above 0 for a file that was cut off. */
  readonly missing: number;
  /** Where its parts do not fit into each other, or a checksum is wrong. */
  readonly damagedAt?: number;
  /** Chunks of no length, by stream: avi counts them as frames that repeat the one before. */
  readonly emptyChunks: ReadonlyMap<number, number>;
}

/** A file open for reading. */
interface Source {
  readonly descriptor: number;
  readonly bytes: number;
}

const NONE: ReadonlyMap<number, number> = new Map();

/** ISO base media files (mp4, mov), EBML (webm, mkv) and RIFF (avi) begin so. */
export function signatureOf(head: Buffer): Signature {
  if (['ftyp', 'moov', 'mdat', 'wide', 'free', 'skip'].includes(head.toString('latin1', 4, 8))) return 'iso';
  if (head.length >= 4 && head.readUInt32BE(0) === 0x1a45dfa3) return 'ebml';
  return head.toString('latin1', 0, 4) === 'RIFF' ? 'riff' : 'unknown';
}

/** Looks at the parts of a file. Demuxers skip what does not fit, read a file to its early end, and call both success. */
export function examine(descriptor: number, bytes: number, signature: Signature): Structure {
  const source = { descriptor, bytes };
  switch (signature) {
    case 'iso': return examineBoxes(source);
    case 'ebml': return examineElements(source);
    case 'riff': return examineChunks(source);
    default: return { missing: 0, emptyChunks: NONE };
  }
}

/** ISO/IEC 14496-12, section 4.2: 32-bit size and type; size 1 means that 64 bits follow, size 0 the rest of the file. */
function examineBoxes(source: Source): Structure {
  let at = 0;
  while (at + 8 <= source.bytes) {
    const head = read(source, at, 16);
    const short = head.readUInt32BE(0);
    const size = short === 1 && head.length === 16 ? Number(head.readBigUInt64BE(8)) : short;
    if (short === 0) return { missing: 0, emptyChunks: NONE };
    if (size < 8) return { missing: 0, damagedAt: at, emptyChunks: NONE };
    at += size;
  }
  return { missing: Math.max(0, at - source.bytes), emptyChunks: NONE };
}

const EBML = { segment: 0x18538067, crc32: 0xbf };
/** Elements that hold elements: seek head, info, tracks, cluster, cues, and the ones inside. Names and numbers: RFC 9559, section 5.1. */
const MASTERS = new Set([0x114d9b74, 0x4dbb, 0x1549a966, 0x1654ae6b, 0xae, 0xe0, 0x55b0, 0x1f43b675, 0xa0, 0x1c53bb6b, 0xbb, 0xb7]);
/** Parts of a segment up to this size are read to check them. */
const MAX_CHECKED_BYTES = 2 ** 26;

interface Element {
  readonly id: number;
  /** Where its contents start and end; the end is undefined for "until the next of its level". RFC 8794, section 6.2. */
  readonly start: number;
  readonly end: number | undefined;
}

/** RFC 8794: elements of an identifier of 1 to 4 bytes and a size of 1 to 8, each with its own length in its leading zeros. */
function elementAt(bytes: Buffer, at: number): Element | undefined {
  const idLength = Math.clz32(bytes[at] ?? 0) - 23;
  const sizeLength = Math.clz32(bytes[at + idLength] ?? 0) - 23;
  const start = at + idLength + sizeLength;
  if (idLength > 4 || sizeLength > 8 || start > bytes.length) return undefined;
  const field = bytes.subarray(at + idLength, start);
  const size = field.subarray(1).reduce((value, byte) => value * 256 + byte, field[0] & (0xff >> sizeLength));
  return { id: bytes.readUIntBE(at, idLength), start, end: size === 2 ** (7 * sizeLength) - 1 ? undefined : start + size };
}

/** RFC 9559: a header and a segment, which holds parts that may begin with a checksum of the rest of them. */
function examineElements(source: Source): Structure {
  let at = 0;
  let limit = source.bytes;
  while (at < limit) {
    const element = elementAt(read(source, at, 12), 0);
    if (element === undefined) return { missing: 0, damagedAt: at, emptyChunks: NONE };
    const [start, end] = [at + element.start, element.end === undefined ? undefined : at + element.end];
    if (element.id === EBML.segment) {
      if (end !== undefined && end > source.bytes) return { missing: end - source.bytes, emptyChunks: NONE };
      limit = end ?? limit;
      at = start;   // into the segment
    } else {
      if (end === undefined) break;   // a live recording: its parts cannot be told apart from outside
      if (end > limit) return limit === source.bytes ? { missing: end - limit, emptyChunks: NONE } : { missing: 0, damagedAt: at, emptyChunks: NONE };
      if (end - start <= MAX_CHECKED_BYTES && !isSound(element.id, read(source, start, end - start))) return { missing: 0, damagedAt: at, emptyChunks: NONE };
      at = end;
    }
  }
  return { missing: 0, emptyChunks: NONE };
}

/** Whether the contents of an element match its checksum, and the elements in it fill it exactly. */
function isSound(id: number, contents: Buffer): boolean {
  if (!MASTERS.has(id)) return true;
  const first = elementAt(contents, 0);
  if (first?.id === EBML.crc32 && first.end === first.start + 4 && contents.readUInt32LE(first.start) !== crc32(contents.subarray(first.end))) return false;
  let at = 0;
  while (at < contents.length) {
    const child = elementAt(contents, at);
    if (child?.end === undefined || child.end > contents.length || !isSound(child.id, contents.subarray(child.start, child.end))) return false;
    at = child.end;
  }
  return true;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  return crc;
});

/** ISO 3309, as zlib. */
function crc32(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ byte) & 0xff];
  return (crc ^ 0xffffffff) >>> 0;
}

/** RIFF: a name, a 32-bit size, and contents padded to even length. Frames are the chunks `00dc`, `00db`, … of the lists `movi`. */
function examineChunks(source: Source): Structure {
  const emptyChunks = new Map<number, number>();
  let damagedAt: number | undefined;
  const walk = (from: number, to: number): number => {
    let at = from;
    while (at + 8 <= to) {
      const head = read(source, at, 12);
      const name = head.toString('latin1', 0, 4);
      const size = head.readUInt32LE(4);
      const end = at + 8 + size;
      if (from === 0 && name !== 'RIFF') return source.bytes;   // what follows the outermost chunks is nobody's business
      if (from === 0 && size === 0) return source.bytes;   // a recorder that never came to its end
      if (end > to) {
        if (from > 0) damagedAt ??= at;
        return end;
      }
      const kind = head.toString('latin1', 8, 12);
      if (name === 'RIFF' || (name === 'LIST' && (kind === 'movi' || kind === 'rec '))) walk(at + 12, end);
      const stream = /^(\d\d)d[bc]$/.exec(name)?.[1];
      if (stream !== undefined && size === 0) emptyChunks.set(Number(stream), (emptyChunks.get(Number(stream)) ?? 0) + 1);
      at = end + (size % 2);
    }
    return Math.min(at, to);
  };
  const end = walk(0, source.bytes);
  return { missing: Math.max(0, end - source.bytes), damagedAt, emptyChunks };
}

function read({ descriptor }: Source, position: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, readSync(descriptor, buffer, 0, length, position));
}
