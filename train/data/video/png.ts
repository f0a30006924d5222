import { inflateSync } from 'node:zlib';
import { crc32 } from '../../../engine/crc32.ts';
import { MAX_PIXELS } from './i420.ts';

/** RGB, 8 bits, [height, width, 3]. */
export interface RgbPicture {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

interface Header {
  readonly width: number;
  readonly height: number;
  /** Bits of one sample. */
  readonly depth: number;
  readonly kind: Kind;
  readonly interlaced: boolean;
}

interface Kind {
  /** Samples of one pixel. */
  readonly channels: number;
  readonly depths: readonly number[];
  readonly colour: boolean;
}

/** Colour types: grey, RGB, index of a palette, grey and alpha, RGB and alpha. Section 11.2.1. */
const KINDS: Readonly<Record<number, Kind>> = {
  0: { channels: 1, depths: [1, 2, 4, 8, 16], colour: false },
  2: { channels: 3, depths: [8, 16], colour: true },
  3: { channels: 1, depths: [1, 2, 4, 8], colour: true },
  4: { channels: 2, depths: [8, 16], colour: false },
  6: { channels: 4, depths: [8, 16], colour: true },
};

/** Adam7: first column and row, and steps between columns and rows, of each pass. Section 8.2. */
const ADAM7: readonly (readonly [x: number, y: number, dx: number, dy: number])[] = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];

const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

/**
 * Decodes a PNG of any kind; transparency is left out, 16 bits become 8. W3C, Portable Network Graphics, third edition.
 * Unlike most decoders, this one accepts nothing that is damaged or cut off, and takes no more memory than the
 * picture's size asks for.
 * @throws Error saying what is wrong
 */
export function decodePng(file: Buffer): RgbPicture {
  const { header, palette, data } = chunksOf(file);
  const { width, height, depth, kind: { channels }, interlaced } = header;
  const passes = (interlaced ? ADAM7 : [[0, 0, 1, 1] as const])
    .map(([x, y, dx, dy]) => ({ x, y, dx, dy, columns: Math.ceil((width - x) / dx),
      rows: Math.ceil((height - y) / dy) })
    )
    .filter(({ columns, rows }) => columns > 0 && rows > 0);
  const bytesOf = (columns: number) => Math.ceil((columns * channels * depth) / 8);
  const size = passes.reduce((sum, { columns, rows }) => sum + rows * (1 + bytesOf(columns)), 0);
  const rows = inflateSync(data, { maxOutputLength: size });
  if (rows.length !== size) throw new Error(`its pixels take ${rows.length} bytes, ${width} × ${height} needs ${size}`);

  const rgb = new Uint8Array(3 * width * height);
  let at = 0;
  for (const { x, y, dx, dy, columns, rows: count } of passes) {
    const length = bytesOf(columns);
    let above = new Uint8Array(length);
    for (let row = 0; row < count; row++, at += 1 + length) {
      const line = rows.subarray(at + 1, at + 1 + length);
      unfilter(rows[at], line, above, Math.max(1, (channels * depth) / 8));
      paint(line, header, palette, columns, (column) => 3 * ((y + row * dy) * width + x + column * dx), rgb);
      above = line;
    }
  }
  return { width, height, rgb };
}

/** A PNG's header, palette and compressed pixels, each chunk with its checksum. Section 5.3. */
function chunksOf(file: Buffer): { header: Header; palette: Uint8Array | undefined; data: Buffer } {
  if (!file.subarray(0, 8).equals(SIGNATURE)) throw new Error('it does not begin like one');
  let header: Header | undefined;
  let palette: Uint8Array | undefined;
  const data: Buffer[] = [];
  for (let at = 8;;) {
    const end = at + 12 > file.length ? Infinity : at + 12 + file.readUInt32BE(at);
    if (end > file.length) throw new Error('it is cut off');
    const type = file.toString('latin1', at + 4, at + 8);
    const contents = file.subarray(at + 8, end - 4);
    if (crc32(file.subarray(at + 4, end - 4)) !== file.readUInt32BE(end - 4)) {
      throw new Error(`the checksum of ${JSON.stringify(type)} at byte ${at} is wrong`);
    }
    if (at === 8) {
      if (type !== 'IHDR' || contents.length !== 13) throw new Error('it has no header');
      header = headerOf(contents);
    } else if (type === 'PLTE') palette = contents;
    else if (type === 'IDAT') data.push(contents);
    else if (type === 'IEND') break;
    else if (/^[A-Z]/.test(type)) throw new Error(`it needs ${JSON.stringify(type)}, which is not known here`);
    at = end;
  }
  if (data.length === 0) throw new Error('it holds no pixels');
  return { header: header as Header, palette, data: Buffer.concat(data) };
}

function headerOf(contents: Buffer): Header {
  const [width, height] = [contents.readUInt32BE(0), contents.readUInt32BE(4)];
  const [depth, type, compression, filter, interlace] = contents.subarray(8);
  if (width === 0 || height === 0) throw new Error(`it states a picture of ${width} × ${height}`);
  if (width * height > MAX_PIXELS) {
    throw new Error(
      `it states a picture of ${width} × ${height}, more than ${MAX_PIXELS.toLocaleString('en-US')} pixels`,
    );
  }
  const kind = KINDS[type];
  if (kind === undefined || !kind.depths.includes(depth)) {
    throw new Error(`it states colour type ${type} with ${depth} bits`);
  }
  if (compression !== 0 || filter !== 0 || interlace > 1) {
    throw new Error(`it states compression ${compression}, filter ${filter}, interlace ${interlace}`);
  }
  return { width, height, depth, kind, interlaced: interlace === 1 };
}

/**
 * Undoes in place what was taken off each byte: nothing, the byte to the left, above, their mean, or Paeth's guess.
 * Section 9.2.
 */
function unfilter(filter: number, line: Uint8Array, above: Uint8Array, step: number): void {
  if (filter > 4) throw new Error(`a row has filter ${filter}, expected 0 to 4`);
  if (filter === 0) return;
  for (let i = 0; i < line.length; i++) {
    const left = i < step ? 0 : line[i - step];
    const up = above[i];
    if (filter === 1) line[i] += left;
    else if (filter === 2) line[i] += up;
    else if (filter === 3) line[i] += (left + up) >> 1;
    else line[i] += paeth(left, up, i < step ? 0 : above[i - step]);
  }
}

/** Whichever of left, up and corner is nearest to left + up − corner. Section 9.4. */
function paeth(left: number, up: number, corner: number): number {
  const [toLeft, toUp, toCorner] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}

/** Puts the pixels of one row where `place` says. */
function paint(line: Uint8Array, { depth, kind: { channels, colour } }: Header, palette: Uint8Array | undefined,
  columns: number, place: (column: number) => number, rgb: Uint8Array): void {
  const indexed = colour && channels === 1;
  const highest = 2 ** Math.min(8, depth) - 1;
  // Of 16 bits the upper 8; of fewer than 8, those of one sample.
  const sample = (
    k: number,
  ) => (depth === 16
    ? line[2 * k]
    : depth === 8
    ? line[k]
    : (line[(k * depth) >> 3] >> (8 - depth - ((k * depth) & 7))) & highest);
  for (let column = 0; column < columns; column++) {
    const to = place(column);
    for (let channel = 0; channel < 3; channel++) {
      if (indexed) {
        const entry = 3 * sample(column) + channel;
        if (palette === undefined || entry >= palette.length) {
          throw new Error(`a pixel has colour ${sample(column)} of a palette of ${(palette?.length ?? 0) / 3}`);
        }
        rgb[to + channel] = palette[entry];
      } else rgb[to + channel] = (255 * sample(column * channels + (colour ? channel : 0))) / highest;
    }
  }
}
