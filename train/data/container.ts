import { readSync } from 'node:fs';

/** What the first bytes of a file say. */
export type Signature = 'iso' | 'ebml' | 'riff' | 'unknown';

interface Walk {
  /** A descriptor, open for reading. */
  readonly file: number;
  readonly bytes: number;
}

/** Sizes of EBML that mean "until the end", by the length of the field. RFC 8794, section 6.2. */
const EBML_UNKNOWN = (length: number) => 2 ** (7 * length) - 1;
const SEGMENT = 0x18538067;

/** ISO base media files (mp4, mov), EBML (webm, mkv) and RIFF (avi) begin so. */
export function signatureOf(head: Buffer): Signature {
  if (['ftyp', 'moov', 'mdat', 'wide', 'free', 'skip'].includes(head.toString('latin1', 4, 8))) return 'iso';
  if (head.length >= 4 && head.readUInt32BE(0) === 0x1a45dfa3) return 'ebml';
  return head.toString('latin1', 0, 4) === 'RIFF' ? 'riff' : 'unknown';
}

/**
 * Bytes that a container's outermost parts claim beyond the end of its file: above 0 for a file that was cut off.
 * Demuxers read such a file to its early end and call it success.
 */
export function missingBytes(file: number, bytes: number, signature: Signature): number {
  const end = { iso: endOfBoxes, ebml: endOfSegment, riff: endOfChunks, unknown: () => 0 }[signature]({ file, bytes });
  return Math.max(0, end - bytes);
}

/** ISO/IEC 14496-12, section 4.2: 32-bit size and type; size 1 means that 64 bits follow, size 0 the rest of the file. */
function endOfBoxes(walk: Walk): number {
  let at = 0;
  while (at + 8 <= walk.bytes) {
    const head = read(walk, at, 16);
    const short = head.readUInt32BE(0);
    const size = short === 1 && head.length === 16 ? Number(head.readBigUInt64BE(8)) : short;
    if (size < 8) return walk.bytes;   // the rest of the file, or no box at all
    at += size;
  }
  return at;
}

/** RFC 8794: an EBML header, then one Segment, each an identifier and a size of 1 to 8 bytes. */
function endOfSegment(walk: Walk): number {
  let at = 0;
  while (at + 2 <= walk.bytes) {
    const head = read(walk, at, 12);
    const idLength = Math.clz32(head[0]) - 23;
    if (idLength > 4 || head.length <= idLength) return walk.bytes;
    const sizeLength = Math.clz32(head[idLength]) - 23;
    if (sizeLength > 8 || head.length < idLength + sizeLength) return walk.bytes;
    const field = head.subarray(idLength, idLength + sizeLength);
    const size = field.subarray(1).reduce((value, byte) => value * 256 + byte, field[0] & (0xff >> sizeLength));
    if (size === EBML_UNKNOWN(sizeLength)) return walk.bytes;
    at += idLength + sizeLength + size;
    if (head.readUIntBE(0, idLength) === SEGMENT) return at;
  }
  return at;
}

/** RIFF chunks, more than one in files over 1 GB: a name, a 32-bit size, and contents padded to even length. */
function endOfChunks(walk: Walk): number {
  let at = 0;
  while (at + 12 <= walk.bytes) {
    const head = read(walk, at, 12);
    if (head.toString('latin1', 0, 4) !== 'RIFF') return walk.bytes;   // what follows the chunks is nobody's business
    const size = head.readUInt32LE(4);
    if (size === 0) return walk.bytes;   // a recorder that never came to its end
    at += 8 + size;
    if (at > walk.bytes) return at;
    at += size % 2;
  }
  return Math.min(at, walk.bytes);
}

function read({ file }: Walk, position: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, readSync(file, buffer, 0, length, position));
}
