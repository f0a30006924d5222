import { decode, encode } from 'fast-png';
import { deflateSync } from 'node:zlib';
import { crc32 } from '../../../engine/crc32.ts';
import type { Random } from '../../../engine/random.ts';
import { i420Bytes } from '../../../kernels/frames/i420.ts';
import { decodePng } from '../../../train/data/video/png.ts';
import { readPng } from '../../../train/data/video/stills.ts';
import { anyBytes, drawnBy, edge, lengthOf, oneIn, pick, randomBytes } from '../bytes.ts';
import { written } from '../folder.ts';
import { holds, type Reader } from '../reader.ts';

const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

/** Whether something of a picture is to be wrong. */
type Wrong = (what: string) => boolean;

function chunk(random: Random, wrong: Wrong, type: string, contents: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), contents]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(wrong('length') ? Number(edge(random) & 0xffffffffn) : contents.length, 0);
  ends.writeUInt32BE(wrong('checksum') ? random.word() : crc32(body), 4);
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
}

const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** A picture of any kind, of which something may be wrong. */
function picture(random: Random, wrong: Wrong = () => oneIn(random, 25)): Buffer {
  const type = wrong('type') ? 1 + 4 * random.below(60) : pick(random, [0, 2, 3, 4, 6]);
  const depth = wrong('depth') ? 20 * random.below(9) : pick(random, type === 0 || type === 3 ? [1, 2, 4, 8] : [8, 16]);
  const side = () => wrong('no side') ? 0 : wrong('large side') ? 2 ** 16 + random.below(2 ** 16) : 1 + random.below(9);
  const [width, height] = [side(), side()];
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, type, wrong('compression') ? 1 : 0, wrong('filter') ? 1 : 0,
    wrong('interlace') ? 2 : wrong('interlaced') ? 1 : 0], 8);
  const row = 1 + Math.ceil((Math.min(width, 64) * (CHANNELS[type] ?? 1) * depth) / 8);
  const count = Math.min(height, 64) + (wrong('less') ? -1 : wrong('more rows') ? 1 : 0);
  const rows = Buffer.concat(Array.from({ length: count }, () => {
    const line = Buffer.from(Uint8Array.from({ length: row }, () => random.below(256)));
    line[0] = wrong('row') ? 5 + random.below(251) : random.below(5);
    return line;
  }));
  const pixels = wrong('pixels') ? deflateSync(Buffer.alloc(2 ** 24)) : deflateSync(rows);
  const data = wrong('end') ? pixels.subarray(0, random.below(pixels.length)) : pixels;
  const own = (name: string, contents: Uint8Array) => chunk(random, wrong, name, contents);
  return Buffer.concat([SIGNATURE, ...(wrong('IHDR') ? [] : [own('IHDR', header)]),
    ...(type === 3 && !wrong('PLTE') ? [own('PLTE', randomBytes(random, 768))] : []),
    ...(wrong('more') ? [own(pick(random, ['CgBI', 'JUNK']), randomBytes(random, 64))] : []),
    ...(wrong('IDAT') ? [] : [own('IDAT', data)]), ...(wrong('IEND') ? [] : [own('IEND', Buffer.alloc(0))])]);
}

/** Pictures of which the one or other thing alone is wrong, under what they are refused for. */
const AIMS: Readonly<Record<string, readonly string[]>> = { 'it is cut off': ['IEND'], 'the checksum of': ['checksum'],
  'it has no header': ['IHDR'], 'which is not known here': ['more'], 'it holds no pixels': ['IDAT'],
  'it states a picture': ['no side', 'large side'], 'more than': ['large side'],
  'it states colour type': ['type', 'depth'], 'it states compression': ['compression', 'filter', 'interlace'],
  'its pixels take': ['less'], 'a row has filter': ['row'] };

const VALID = [
  Buffer.from(
    encode({ width: 5, height: 3, channels: 3, depth: 8, data: Uint8Array.from({ length: 45 }, (_, i) => 5 * i) }),
  ),
];

export const png: Reader = {
  name: 'png',
  reasons: ['it does not begin like one', 'it is cut off', 'the checksum of', 'it has no header',
    'which is not known here', 'it holds no pixels', 'it states a picture', 'more than', 'it states colour type',
    'it states compression', 'its pixels take', 'a row has filter', 'of a palette'],
  draw: (random) =>
    drawnBy(random, [...anyBytes(VALID, 256), [8, picture], [lengthOf(random, 1), () =>
      Buffer.concat([SIGNATURE, randomBytes(random, 64)])]]),
  aimed: Object.fromEntries(Object.entries(AIMS).map(([reason, wrong]) => [reason, (random) => {
    const own = pick(random, wrong);
    return picture(random, (what) => what === own);
  }])),
  read(bytes) {
    const file = Buffer.from(bytes);
    const frame = readPng(written('picture.png', file));
    holds(frame.data.length === i420Bytes(frame.width, frame.height),
      `${frame.width} × ${frame.height} in ${frame.data.length} bytes`);
    const { width, height, rgb } = decodePng(file);
    const [, , depth, type, interlaced] = [0, 0, file[24], file[25], file[28]];
    if (depth !== 8 || type !== 2 || interlaced !== 0) return;
    // a second reader of the same picture
    const second = decode(file);
    holds(second.width === width && second.height === height && rgb.every((value, i) => value === second.data[i]),
      'two readers see other pixels');
  },
};
