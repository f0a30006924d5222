import { FirstlightError, part, ShapeError, Struct } from '../../engine/index.ts';

/**
 * A picture as video decoders give it: luma for every pixel, chroma for every 2 × 2 block. ITU-R BT.601, BT.709.
 * Odd sizes are rounded up: the last chroma sample then stands for one column or row.
 */
export interface I420Frame {
  readonly width: number;
  readonly height: number;
  /** Y [height, width], then U and V [⌈height/2⌉, ⌈width/2⌉] each, rows without padding. */
  readonly data: Uint8Array;
  /** How red, green and blue were mixed into luma and chroma. */
  readonly matrix: 'bt601' | 'bt709';
  /** limited: luma 16 … 235, chroma 16 … 240, as video; full: 0 … 255, as JPEG. */
  readonly range: 'limited' | 'full';
}

/** What of a picture is seen, in pixels, which may be fractions; mirrored if `flip`. */
export interface View {
  readonly crop: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  readonly flip: boolean;
}

/** The text that declares the rows of the table. */
export const text = await part(import.meta.url, './frames.wgsl');
const ENTRY = new Struct(text, 'Entry', 'u32',
  ['offset', 'width', 'height', 'crop_x', 'crop_y', 'crop_width', 'crop_height', 'flip', 'matrix', 'range']);

/** Words of one row of the table. */
export const TABLE_COLUMNS = ENTRY.words;

const ALIGNMENT = 4;

/**
 * The bytes of all frames, four to a word, and the table that says where each frame lies and which view is taken of
 * it. One view per frame; a frame given several times (the same `data`) is stored once.
 */
export function packFrames(frames: readonly I420Frame[],
  views: readonly View[]): { words: Uint32Array; table: Uint32Array } {
  if (frames.length === 0 || frames.length !== views.length) {
    throw new ShapeError('packFrames', `${frames.length} frames need as many views, got ${views.length}`);
  }
  const offsets = new Map<Uint8Array, number>();
  let bytes = 0;
  frames.forEach((frame, i) => {
    checkFrame(frame, i);
    checkView(views[i], frame, i);
    if (offsets.has(frame.data)) return;
    offsets.set(frame.data, bytes);
    bytes += Math.ceil(frame.data.length / ALIGNMENT) * ALIGNMENT;
  });
  const words = new Uint32Array(bytes / 4);
  const stored = new Uint8Array(words.buffer);
  for (const [data, offset] of offsets) stored.set(data, offset);

  const table = ENTRY.packAll(frames.map(({ width, height, data, matrix, range }, i) => {
    const { crop, flip } = views[i];
    return {
      offset: offsets.get(data) as number, width, height,
      crop_x: crop.x, crop_y: crop.y, crop_width: crop.width, crop_height: crop.height,
      flip: flip ? 1 : 0, matrix: matrix === 'bt709' ? 1 : 0, range: range === 'full' ? 1 : 0,
    };
  }));
  return { words, table };
}

function checkFrame({ width, height, data }: I420Frame, i: number): void {
  const need = width * height + 2 * ((width + 1) >> 1) * ((height + 1) >> 1);
  if (data.length === need) return;
  const message = `packFrames: frame ${i} of ${width} × ${height} has ${need} bytes as I420, got ${data.length}`;
  throw new FirstlightError('FL_FRAME', message, { frame: i, need, have: data.length });
}

function checkView({ crop: { x, y, width, height } }: View, frame: I420Frame, i: number): void {
  // written so that NaN fails too
  if (x >= 0 && y >= 0 && width > 0 && height > 0 && x + width <= frame.width && y + height <= frame.height) return;
  const crop = `the crop ${width} × ${height} at (${x}, ${y})`;
  throw new FirstlightError('FL_FRAME',
    `packFrames: ${crop} is not inside of frame ${i}, ${frame.width} × ${frame.height}`, { frame: i });
}
