import { crc32 } from '../../../engine/crc32.ts';
import type { Bytes } from './bytes.ts';
import { faultOfBoxes } from './iso.ts';
import { faultOfObjects, faultOfOgg, faultOfPictures, faultOfTags, faultOfTransport, transportAt } from './packets.ts';
import { cutOff, damagedAt, MAX_CHECKED_BYTES, MOST_LEVELS, type Source } from './source.ts';

/** What the first bytes of a file say. */
export type Signature = 'iso' | 'ebml' | 'riff' | 'transport' | 'program' | 'flash' | 'asf' | 'ogg' | 'gif' | 'unknown';

/** What a container's own structure tells, without a decoder. */
export interface Structure {
  /**
   * What is wrong with it: it goes on beyond the end of the file, its parts do not fit into each other, a checksum is
   * wrong, its tables lie.
   */
  readonly fault?: string;
  /** Chunks of no length, by stream: avi counts them as frames that repeat the one before. */
  readonly emptyChunks: ReadonlyMap<number, number>;
}

const NONE: ReadonlyMap<number, number> = new Map();

/** First bytes, in hexadecimal, of containers that begin alike always. */
const STARTS: readonly (readonly [string, Signature])[] = [['1a45dfa3', 'ebml'], ['000001ba', 'program'], ['464c5601',
  'flash'], ['3026b2758e66cf11a6d900aa0062ce6c', 'asf'], ['4f676753', 'ogg'], ['474946383761', 'gif'], ['474946383961',
  'gif']];

/** Bytes at the beginning of a file that tell what it is. */
export const HEAD_BYTES = 1024;

/**
 * ISO base media files (mp4, mov), EBML (webm, mkv), RIFF (avi), MPEG's transport (ts, m2ts) and program (mpg, vob)
 * streams, Flash (flv), ASF (wmv), Ogg (ogv) and GIF begin so.
 * @param head `HEAD_BYTES` of the file, if it has them
 */
export function signatureOf(head: Bytes): Signature {
  if (['ftyp', 'moov', 'mdat', 'wide', 'free', 'skip'].includes(head.toString('latin1', 4, 8))) return 'iso';
  if (/^RIFF....AVI/s.test(head.toString('latin1', 0, 12))) return 'riff';
  const start = head.toString('hex', 0, 16);
  const known = STARTS.find(([bytes]) => start.startsWith(bytes));
  if (known !== undefined) return known[1];
  return transportAt(head) === undefined ? 'unknown' : 'transport';
}

/**
 * Looks at the parts of a file. Demuxers skip what does not fit, read a file to its early end, and call both success.
 */
export function examine(source: Source, signature: Signature): Structure {
  switch (signature) {
    case 'iso':
      return { fault: faultOfBoxes(source), emptyChunks: NONE };
    case 'ebml':
      return { fault: faultOfElements(source), emptyChunks: NONE };
    case 'riff':
      return examineChunks(source);
    case 'transport':
      return { fault: faultOfTransport(source), emptyChunks: NONE };
    case 'flash':
      return { fault: faultOfTags(source), emptyChunks: NONE };
    case 'asf':
      return { fault: faultOfObjects(source), emptyChunks: NONE };
    case 'ogg':
      return { fault: faultOfOgg(source), emptyChunks: NONE };
    case 'gif':
      return { fault: faultOfPictures(source), emptyChunks: NONE };
    default:
      return { emptyChunks: NONE };
  }
}

const EBML = { segment: 0x18538067, crc32: 0xbf };
/**
 * Elements that hold elements: seek head, info, tracks, cluster, cues, and the ones inside. Names and numbers: RFC
 * 9559, section 5.1.
 */
const MASTERS = new Set([0x114d9b74, 0x4dbb, 0x1549a966, 0x1654ae6b, 0xae, 0xe0, 0x55b0, 0x1f43b675, 0xa0, 0x1c53bb6b,
  0xbb, 0xb7]);

interface Element {
  readonly id: number;
  /**
   * Where its contents start and end; the end is undefined for "until the next of its level". RFC 8794, section 6.2.
   */
  readonly start: number;
  readonly end: number | undefined;
}

/**
 * RFC 8794: elements of an identifier of 1 to 4 bytes and a size of 1 to 8, each with its own length in its leading
 * zeros.
 */
function elementAt(bytes: Bytes, at: number): Element | undefined {
  const idLength = Math.clz32(bytes[at] ?? 0) - 23;
  const sizeLength = Math.clz32(bytes[at + idLength] ?? 0) - 23;
  const start = at + idLength + sizeLength;
  if (idLength > 4 || sizeLength > 8 || start > bytes.length) return undefined;
  const field = bytes.subarray(at + idLength, start);
  const size = field.subarray(1).reduce((value, byte) => value * 256 + byte, field[0] & (0xff >> sizeLength));
  return { id: bytes.readUIntBE(at, idLength), start,
    end: size === 2 ** (7 * sizeLength) - 1 ? undefined : start + size };
}

/** RFC 9559: a header and a segment, which holds parts that may begin with a checksum of the rest of them. */
function faultOfElements(source: Source): string | undefined {
  let at = 0;
  let limit = source.bytes;
  while (at < limit) {
    const element = elementAt(source.read(at, 12), 0);
    if (element === undefined) return damagedAt(at);
    const [start, end] = [at + element.start, element.end === undefined ? undefined : at + element.end];
    if (element.id === EBML.segment) {
      if (end !== undefined && end > source.bytes) return cutOff(end - source.bytes);
      limit = end ?? limit;
      at = start; // into the segment
    } else {
      if (end === undefined) return undefined; // a live recording: its parts cannot be told apart from outside
      if (end > limit) return limit === source.bytes ? cutOff(end - limit) : damagedAt(at);
      if (MASTERS.has(element.id) && end - start <= MAX_CHECKED_BYTES && !isSound(source.read(start, end - start))) {
        return damagedAt(at);
      }
      at = end;
    }
  }
  return undefined;
}

/** Whether the contents of an element match its checksum, and the elements in it fill it exactly. */
function isSound(contents: Bytes, level = 0): boolean {
  if (level > MOST_LEVELS) return false;
  const first = elementAt(contents, 0);
  if (first?.id === EBML.crc32 && first.end === first.start + 4
    && contents.readUInt32LE(first.start) !== crc32(contents.subarray(first.end))) return false;
  let at = 0;
  while (at < contents.length) {
    const child = elementAt(contents, at);
    if (child?.end === undefined || child.end > contents.length) return false;
    if (MASTERS.has(child.id) && !isSound(contents.subarray(child.start, child.end), level + 1)) return false;
    at = child.end;
  }
  return true;
}

/**
 * RIFF: a name, a 32-bit size, and contents padded to even length. Frames are the chunks `00dc`, `00db`, … of the lists
 * `movi`.
 */
function examineChunks(source: Source): Structure {
  const emptyChunks = new Map<number, number>();
  let damage: number | undefined;
  const walk = (from: number, to: number, level: number): number => {
    let at = from;
    while (at + 8 <= to) {
      const head = source.read(at, 12);
      const name = head.toString('latin1', 0, 4);
      const size = head.readUInt32LE(4);
      const end = at + 8 + size;
      if (from === 0 && name !== 'RIFF') return source.bytes; // what follows the outermost chunks is nobody's business
      if (from === 0 && size === 0) return source.bytes; // a recorder that never came to its end
      if (end > to) {
        if (from > 0) damage ??= at;
        return end;
      }
      const kind = head.toString('latin1', 8, 12);
      if (name === 'RIFF' || (name === 'LIST' && (kind === 'movi' || kind === 'rec '))) {
        if (level < MOST_LEVELS) walk(at + 12, end, level + 1);
        else damage ??= at;
      }
      const stream = /^(\d\d)d[bc]$/.exec(name)?.[1];
      if (stream !== undefined && size === 0) {
        emptyChunks.set(Number(stream), (emptyChunks.get(Number(stream)) ?? 0) + 1);
      }
      at = end + (size % 2);
    }
    return Math.min(at, to);
  };
  const end = walk(0, source.bytes, 0);
  if (end > source.bytes) return { fault: cutOff(end - source.bytes), emptyChunks };
  return { fault: damage === undefined ? undefined : damagedAt(damage), emptyChunks };
}
