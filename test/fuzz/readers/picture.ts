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

function chunk(random: Random, type: string, contents: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), contents]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(oneIn(random, 40) ? Number(edge(random) & 0xffffffffn) : contents.length, 0);
  ends.writeUInt32BE(oneIn(random, 40) ? random.word() : crc32(body), 4);
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
}

const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** A picture of any kind, one thing of which may be wrong. */
function picture(random: Random): Buffer {
  const wrong = () => oneIn(random, 25);
  const type = wrong() ? random.below(9) : pick(random, [0, 2, 3, 4, 6]);
  const depth = wrong() ? random.below(20) : pick(random, type === 0 || type === 3 ? [1, 2, 4, 8] : [8, 16]);
  const [width, height] = [wrong() ? Number(edge(random) & 0xffffffffn) : 1 + random.below(9),
    wrong() ? Number(edge(random) & 0xffffffffn) : 1 + random.below(9)];
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, type, wrong() ? 1 : 0, wrong() ? 1 : 0, wrong() ? 2 : oneIn(random, 40) ? 1 : 0], 8);
  const row = 1 + Math.ceil((Math.min(width, 64) * (CHANNELS[type] ?? 1) * depth) / 8);
  const rows = Buffer.concat(Array.from({ length: Math.min(height, 64) + (wrong() ? random.below(3) - 1 : 0) }, () => {
    const line = Buffer.from(Uint8Array.from({ length: row }, () => random.below(256)));
    line[0] = wrong() ? random.below(256) : random.below(5);
    return line;
  }));
  const pixels = oneIn(random, 60) ? deflateSync(Buffer.alloc(2 ** 24)) : deflateSync(rows);
  const data = wrong() ? pixels.subarray(0, random.below(pixels.length)) : pixels;
  return Buffer.concat([SIGNATURE, ...(wrong() ? [] : [chunk(random, 'IHDR', header)]),
    ...(type === 3 && !wrong() ? [chunk(random, 'PLTE', randomBytes(random, 768))] : []),
    ...(wrong() ? [chunk(random, pick(random, ['tEXt', 'CgBI', 'IEND']), randomBytes(random, 64))] : []),
    ...(wrong() ? [] : [chunk(random, 'IDAT', data)]), ...(wrong() ? [] : [chunk(random, 'IEND', Buffer.alloc(0))])]);
}

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
