import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { encode } from 'fast-png';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { VideoDecodeError } from '../engine/errors.ts';
import { Random } from '../engine/random.ts';
import { crc32 } from '../engine/crc32.ts';
import { i420ToRgb } from '../train/data/video/i420.ts';
import { decodePng } from '../train/data/video/png.ts';
import { readPng, writePng } from '../train/data/video/stills.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-stills-'));
const at = (name: string) => join(folder, name);

const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

function chunk(type: string, contents: Uint8Array): Buffer {
  const bytes = Buffer.alloc(12 + contents.length);
  bytes.writeUInt32BE(contents.length);
  bytes.write(type, 4, 'latin1');
  bytes.set(contents, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + contents.length)), 8 + contents.length);
  return bytes;
}

interface Fields {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly type: number;
  readonly interlace?: number;
}

function header({ width, height, depth, type, interlace = 0 }: Fields): Buffer {
  const contents = Buffer.alloc(13);
  contents.writeUInt32BE(width);
  contents.writeUInt32BE(height, 4);
  contents.set([depth, type, 0, 0, interlace], 8);
  return chunk('IHDR', contents);
}

const png = (...chunks: readonly Buffer[]) => Buffer.concat([SIGNATURE, ...chunks, chunk('IEND', new Uint8Array(0))]);
const pixels = (bytes: readonly number[] | Uint8Array) => chunk('IDAT', deflateSync(Uint8Array.from(bytes)));

test('crc32 of "123456789" is the published check value', () => assert.is(crc32(Buffer.from('123456789')), 0xcbf43926));

test('a PNG picture comes back as a full-range frame', () => {
  const rgb = Uint8Array.from({ length: 3 * 6 * 4 }, (_, i) => [210, 40, 60][i % 3]);
  writePng(at('still.png'), rgb, 6, 4);
  assert.equal(decodePng(readFileSync(at('still.png'))), { width: 6, height: 4, rgb });
  const frame = readPng(at('still.png'));
  assert.equal([frame.width, frame.height, frame.matrix, frame.range], [6, 4, 'bt601', 'full']);
  assert.ok(i420ToRgb(frame).every((value, i) => Math.abs(value - rgb[i]) <= 3));
});

test('grey and colour, with and without alpha, of 8 and 16 bits, in rows and interlaced, hold the samples that were written', () => {
  const random = new Random(3, 'pngs');
  for (const [width, height] of [[1, 1], [3, 2], [7, 5], [33, 18]]) {
    for (const channels of [1, 2, 3, 4] as const) {
      for (const depth of [8, 16] as const) {
        for (const interlace of ['null', 'Adam7'] as const) {
          const values = Array.from({ length: width * height * channels }, () => random.below(2 ** depth));
          const data = depth === 8 ? Uint8Array.from(values) : Uint16Array.from(values);
          const { rgb } = decodePng(Buffer.from(encode({ width, height, channels, depth, data }, { interlace })));
          const expected = Uint8Array.from({ length: 3 * width * height }, (_, i) =>
            values[Math.floor(i / 3) * channels + (channels > 2 ? i % 3 : 0)] >> (depth - 8));
          assert.equal(rgb, expected, `${width} × ${height}, ${channels} channels, ${depth} bits, ${interlace}`);
        }
      }
    }
  }
});

test('samples of 1, 2 and 4 bits are grey levels or colours of a palette', () => {
  // one row of five pixels, the highest bits first
  const rows: [number, number[], number[]][] = [[1, [0b01101000], [0, 1, 1, 0, 1]], [2, [0b00011011, 0b11000000], [0, 1,
    2, 3, 3]], [4, [0x01, 0x5a, 0xf0], [0, 1, 5, 10, 15]]];
  const palette = chunk('PLTE', Uint8Array.from({ length: 48 }, (_, i) => 5 * i));
  for (const [depth, line, samples] of rows) {
    const grey = decodePng(png(header({ width: 5, height: 1, depth, type: 0 }), pixels([0, ...line])));
    assert.equal([...grey.rgb], samples.flatMap((sample) => Array<number>(3).fill((255 * sample) / (2 ** depth - 1))));
    const indexed = decodePng(png(header({ width: 5, height: 1, depth, type: 3 }), palette, pixels([0, ...line])));
    assert.equal([...indexed.rgb], samples.flatMap((sample) => [15 * sample, 15 * sample + 5, 15 * sample + 10]));
  }
});

test('each of the five filters is undone', () => {
  // grey, 3 × 2; the first row is 10 20 30, the second 15 27 200
  const filtered: [number, number[]][] = [[0, [15, 27, 200]], [1, [15, 12, 173]], [2, [5, 7, 170]], [3, [10, 10, 172]],
    [4, [5, 7, 170]]];
  for (const [filter, line] of filtered) {
    const { rgb } = decodePng(
      png(header({ width: 3, height: 2, depth: 8, type: 0 }), pixels([0, 10, 20, 30, filter, ...line])),
    );
    assert.equal([3, 4, 5].map((pixel) => rgb[3 * pixel]), [15, 27, 200], `filter ${filter}`);
  }
});

test("Paeth's guess is left before above before the corner where they are as near, for every choice of small values", () => {
  // PNG, section 9.4, by its words: the neighbours in this order, the first of the nearest
  const guess = (left: number, up: number, corner: number) =>
    [left, up, corner].reduce((best, value) =>
      Math.abs(left + up - corner - value) < Math.abs(left + up - corner - best) ? value : best
    );
  const values = [0, 1, 2, 3, 254, 255];
  for (const corner of values) {
    for (const up of values) {
      for (const left of values) {
        // grey, 2 × 2: above corner and up, below left and what is guessed
        const below = [(left - guess(0, corner, 0)) & 255, 0];
        const { rgb } = decodePng(
          png(header({ width: 2, height: 2, depth: 8, type: 0 }), pixels([0, corner, up, 4, ...below])),
        );
        assert.equal([rgb[6], rgb[9]], [left, guess(left, up, corner)], `${left}, ${up}, ${corner}`);
      }
    }
  }
});

test('filters look at the byte of the pixel to the left, however many bytes a pixel has', () => {
  /** What is taken off a byte: by the words of section 9.2, without Paeth's choice, which has a test of its own. */
  const taken = (filter: number, left: number, up: number) => [0, left, up, Math.floor((left + up) / 2)][filter];
  const random = new Random(5, 'filters');
  for (const [type, depth, step] of [[0, 1, 1], [0, 8, 1], [0, 16, 2], [2, 8, 3], [2, 16, 6], [4, 8, 2], [4, 16, 4], [6,
    8, 4], [6, 16, 8]]) {
    const length = depth === 1 ? 3 : 5 * step; // of a row, of 20 or 5 pixels
    const rows = Array.from({ length: 4 }, () => Array.from({ length }, () => random.below(256)));
    const decoded = (filters: readonly number[]) =>
      decodePng(
        png(header({ width: depth === 1 ? 20 : 5, height: 4, depth, type }),
          pixels(rows.flatMap((row, y) => [filters[y], ...row.map((value, x) =>
            (value - taken(filters[y], row[x - step] ?? 0, rows[y - 1]?.[x] ?? 0)) & 255
          )]))),
      ).rgb;
    assert.equal(decoded([1, 3, 2, 3]), decoded([0, 0, 0, 0]), `type ${type}, ${depth} bits`);
  }
});

test('a header states a kind of pixels that there is, nothing else, and a size that memory has', () => {
  const kinds: Record<number, number[]> = { 0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16] };
  const said = (fields: Partial<Fields>) =>
    assert.throwsWith(() => decodePng(png(header({ width: 1, height: 1, depth: 8, type: 0, ...fields }))), Error)
      .message;
  for (let type = 0; type < 8; type++) {
    for (let depth = 0; depth < 18; depth++) {
      assert.is(said({ type, depth }),
        kinds[type]?.includes(depth) ? 'it holds no pixels' : `it states colour type ${type} with ${depth} bits`);
    }
  }
  for (const [width, height] of [[0, 1], [1, 0]]) {
    assert.is(said({ width, height }), `it states a picture of ${width} × ${height}`);
  }
  assert.is(said({ width: 7680, height: 4320 }), 'it holds no pixels');
  assert.is(said({ width: 33_177_601 }), 'it states a picture of 33177601 × 1, more than 33,177,600 pixels');
  assert.is(said({ interlace: 1 }), 'it holds no pixels');
  assert.is(said({ interlace: 2 }), 'it states compression 0, filter 0, interlace 2');
  for (const at of [10, 11]) {
    const contents = header({ width: 1, height: 1, depth: 8, type: 0 }).subarray(8, 21);
    contents[at] = 1;
    assert.throwsWith(() => decodePng(png(chunk('IHDR', contents))),
      `it states compression ${at === 10 ? 1 : 0}, filter ${at === 11 ? 1 : 0}, interlace 0`);
  }
  assert.throwsWith(() => decodePng(png(chunk('IHDR', new Uint8Array(14)))), 'it has no header');
});

test('the last colour of a palette is one, the next is none; what is not needed is passed over', () => {
  const two = [header({ width: 2, height: 1, depth: 8, type: 3 }), chunk('tEXt', Buffer.from('made by hand')),
    chunk('PLTE', Uint8Array.of(1, 2, 3, 4, 5, 6))];
  assert.equal([...decodePng(png(...two, pixels([0, 1, 0]))).rgb], [4, 5, 6, 1, 2, 3]);
  assert.throwsWith(() => decodePng(png(...two, pixels([0, 0, 2]))), 'a pixel has colour 2 of a palette of 2');
  assert.throwsWith(() => decodePng(png(...two, pixels([5, 0, 0]))), 'a row has filter 5, expected 0 to 4');
  const whole = deflateSync(Uint8Array.of(0, 1, 0));
  const cut = [whole.subarray(0, 4), whole.subarray(4)].map((part) => chunk('IDAT', part));
  assert.equal([...decodePng(png(...two, ...cut)).rgb], [4, 5, 6, 1, 2, 3], 'pixels in two chunks');
  const wrong = Buffer.from(png(...two, ...cut));
  wrong[45] ^= 1;
  assert.throwsWith(() => decodePng(wrong), 'the checksum of "tEXt" at byte 33 is wrong');
});

test('a PNG that is damaged, cut off or lies is refused, with the reason', () => {
  const small = { width: 8, height: 8, depth: 8, type: 2 };
  const zeros = pixels(new Uint8Array(200));
  const whole = png(header(small), zeros);
  const flipped = Buffer.from(whole);
  flipped[30] ^= 1;
  const cases: [string, Uint8Array, RegExp][] = [
    ['empty', new Uint8Array(0), /does not begin like one/],
    ['text', Buffer.from('no picture'), /does not begin like one/],
    ['no size', png(header({ ...small, width: 0 }), zeros), /states a picture of 0 × 8/],
    ['huge', png(header({ ...small, width: 60_000, height: 60_000 }), zeros),
      /60000 × 60000, more than 33,177,600 pixels/],
    ['odd depth', png(header({ ...small, depth: 3 }), zeros), /colour type 2 with 3 bits/],
    ['no header', png(zeros), /has no header/],
    ['no pixels', png(header(small)), /holds no pixels/],
    ['too few pixels', png(header(small), pixels(new Uint8Array(50))), /take 50 bytes, 8 × 8 needs 200/],
    ['too many pixels', png(header(small), pixels(new Uint8Array(10_000_000))), /larger than 200 bytes/],
    ['filter', png(header(small), pixels(new Uint8Array(200).fill(9))), /filter 9, expected 0 to 4/],
    ['palette', png(header({ ...small, type: 3 }), pixels(new Uint8Array(72))), /colour 0 of a palette of 0/],
    ['flipped', flipped, /checksum of "IHDR|checksum of "IDAT/],
    ['unknown', png(header(small), chunk('ABCD', new Uint8Array(2)), zeros), /needs "ABCD"/],
  ];
  for (let length = 8; length < whole.length; length += 5) {
    cases.push([`first ${length}`, whole.subarray(0, length), /it is cut off/]);
  }
  for (const [name, bytes, expected] of cases) {
    const path = at(`${name}.png`);
    writeFileSync(path, bytes);
    const { message, hint } = assert.throwsWith(() => readPng(path), VideoDecodeError, expected);
    assert.ok(message.startsWith(`${path}: is no readable PNG picture: `));
    assert.ok(hint !== undefined);
  }
});

test.after(() => rmSync(folder, { recursive: true }));
test.run();
