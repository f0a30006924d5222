/** Containers that are a row of packets: where one does not fit, or the last one is cut off. */
import type { Bytes } from './bytes.ts';
import { cutOff, damagedAt, type Source } from './source.ts';

const SYNC = 0x47;
/** Bytes of a packet, and of what stands before it: plain, with a time (m2ts), with a code that corrects errors. */
const TRANSPORT = [{ size: 188, head: 0 }, { size: 192, head: 4 }, { size: 204, head: 0 }] as const;

/** The kind of transport stream that a file begins with: three packets in a row. ISO/IEC 13818-1, section 2.4.3.2. */
export function transportAt(head: Bytes): { readonly size: number; readonly head: number } | undefined {
  return TRANSPORT.find(({ size, head: before }) => [0, 1, 2].every((k) => head[before + k * size] === SYNC));
}

/** A transport stream ends anywhere; but it has only whole packets. The demuxer looks for those that are missing. */
export function faultOfTransport(source: Source): string | undefined {
  const { size } = transportAt(source.read(0, 1024)) as { size: number };
  const rest = source.bytes % size;
  return rest === 0 ? undefined : cutOff(size - rest);
}

/** Adobe, Video File Format 10.1, annex E: a header, and tags, each with its size before and behind it. */
export function faultOfTags(source: Source): string | undefined {
  const header = source.read(5, 4);
  if (header.length < 4) return cutOff(4 - header.length);
  let at = header.readUInt32BE(0) + 4;
  while (at < source.bytes) {
    const head = source.read(at, 11);
    if (head.length < 11) return cutOff(11 - head.length);
    const size = 11 + head.readUIntBE(1, 3);
    if (at + size > source.bytes) return cutOff(at + size - source.bytes);
    const behind = source.read(at + size, 4);
    // some writers leave out the last one, some write zeros
    if (behind.length === 4 && behind.readUInt32BE(0) !== size && behind.readUInt32BE(0) !== 0) return damagedAt(at);
    at += size + 4;
  }
  return undefined;
}

/** The object of ASF that holds the packets, and those that say that these are encrypted. Section 10. */
const DATA_OBJECT = '3626b2758e66cf11a6d900aa0062ce6c';
const ENCRYPTED = ['fbb3112223bdd211b4b700a0c955fc6e', '14e68a292226174cb935dae07ee9289c'];

/** Headers are searched up to this many bytes. */
const MAX_HEADER = 2 ** 24;

/** Microsoft, Advanced Systems Format 1.2, section 2.2: objects of an identifier and a size, the data among them. */
export function faultOfObjects(source: Source): string | undefined {
  let hasData = false;
  for (let at = 0; at < source.bytes;) {
    const head = source.read(at, 24);
    if (head.length < 24) return cutOff(24 - head.length);
    const size = Number(head.readBigUInt64LE(16));
    hasData ||= head.toString('hex', 0, 16) === DATA_OBJECT;
    if (size === 0 && hasData) return undefined; // a live recording does not know its size
    if (size < 24) return damagedAt(at);
    if (at + size > source.bytes) return cutOff(at + size - source.bytes);
    if (at === 0 && ENCRYPTED.some((id) => source.read(0, Math.min(size, MAX_HEADER)).includes(id, 0, 'hex'))) {
      return 'is protected against copying (DRM): its pictures are encrypted';
    }
    at += size;
  }
  return hasData ? undefined : 'is cut off: its header is there, but no data';
}

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc >>> 0;
});

/** RFC 3533, section 6: pages with a checksum, numbered within each stream. */
export function faultOfOgg(source: Source): string | undefined {
  const next = new Map<number, number>();
  for (let at = 0; at < source.bytes;) {
    const head = source.read(at, 27 + 255);
    if (head.length < 27) return cutOff(27 - head.length);
    if (head.toString('latin1', 0, 4) !== 'OggS') return damagedAt(at);
    const segments = head[26];
    const size = 27 + segments + head.subarray(27, 27 + segments).reduce((sum, length) => sum + length, 0);
    if (at + size > source.bytes) return cutOff(at + size - source.bytes);
    const page = Buffer.from(source.read(at, size)); // a copy, to take its checksum out
    const [serial, number, checksum] = [14, 18, 22].map((offset) => page.readUInt32LE(offset));
    page.fill(0, 22, 26);
    let crc = 0;
    for (const byte of page) crc = (crc << 8) ^ CRC[(crc >>> 24) ^ byte];
    if (crc >>> 0 !== checksum || (next.get(serial) ?? number) !== number) return damagedAt(at);
    next.set(serial, (number + 1) >>> 0);
    at += size;
  }
  return undefined;
}

/** CompuServe, GIF 89a: a screen, extensions and pictures in blocks of up to 255 bytes, and a trailer. */
export function faultOfPictures(source: Source): string | undefined {
  /** The byte at a place; undefined behind the end. */
  const byteAt = (at: number): number | undefined => source.read(at, 1)[0];
  const palette = (flags = 0) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  /** The end of blocks that begin at a place. */
  const skipBlocks = (from: number) => {
    let at = from;
    for (let length = byteAt(at); length !== undefined && length !== 0; length = byteAt(at)) at += 1 + length;
    return at + 1;
  };
  for (let at = 13 + palette(byteAt(10)); at < source.bytes;) {
    const kind = byteAt(at);
    if (kind === GIF.trailer) return undefined;
    if (kind === GIF.extension) at = skipBlocks(at + 2);
    else if (kind === GIF.picture) at = skipBlocks(at + 11 + palette(byteAt(at + 9)));
    else return damagedAt(at);
  }
  return 'is cut off: the mark at its end is missing';
}

const GIF = { extension: 0x21, picture: 0x2c, trailer: 0x3b };
