import { FirstlightError, part, ShapeError, Struct } from '../../engine/index.ts';
import { copyPart, heldOf, holds, i420Bytes, type I420Frame, isSamePart, type Part, partOf, type Resizing,
  type View } from './i420.ts';

/** The text that declares the rows of the table. */
export const text = await part(import.meta.url, './frames.wgsl');
const ENTRY = new Struct(text, 'Entry', 'u32', ['offset', 'width', 'height', 'left', 'top', 'columns', 'rows', 'crop_x',
  'crop_y', 'crop_width', 'crop_height', 'flip', 'matrix', 'range']);

/** Words of one row of the table. */
export const TABLE_COLUMNS = ENTRY.words;

const ALIGNMENT = 4;

/** What is packed of a frame, and from where on. */
interface Stored {
  readonly frame: I420Frame;
  readonly part: Part;
  readonly offset: number;
}

/**
 * The bytes of all frames, four to a word, and the table that says where each frame lies and which view is taken of
 * it. One view per frame. A part given several times (of the same `data`) is stored once.
 *
 * @param resizing how views will be resized: of each frame only what its view then reads is packed; omitted, all of it
 */
export function packFrames(frames: readonly I420Frame[], views: readonly View[],
  resizing?: Resizing): { words: Uint32Array; table: Uint32Array } {
  if (frames.length === 0 || frames.length !== views.length) {
    throw new ShapeError('packFrames', `${frames.length} frames need as many views, got ${views.length}`);
  }
  const known = new Map<Uint8Array, Stored[]>();
  let bytes = 0;
  const stored = frames.map((frame, i): Stored => {
    checkFrame(frame, i);
    checkView(views[i], frame, i);
    const part = resizing === undefined ? heldOf(frame) : partOf(frame, views[i], resizing);
    checkPart(part, frame, i);
    const own = known.get(frame.data) ?? [];
    const same = own.find((each) => isSamePart(each.part, part));
    if (same !== undefined) return same;
    const added = { frame, part, offset: bytes };
    known.set(frame.data, [...own, added]);
    bytes += packedBytes(part);
    return added;
  });
  const words = new Uint32Array(bytes / 4);
  const packed = new Uint8Array(words.buffer);
  for (const { frame, part, offset } of new Set(stored)) {
    copyPart(frame, part, packed.subarray(offset));
  }

  const table = ENTRY.packAll(frames.map(({ width, height, matrix, range }, i) => {
    const { crop, flip } = views[i];
    const { part, offset } = stored[i];
    return {
      offset,
      width,
      height,
      left: part.x,
      top: part.y,
      columns: part.width,
      rows: part.height,
      crop_x: crop.x,
      crop_y: crop.y,
      crop_width: crop.width,
      crop_height: crop.height,
      flip: flip ? 1 : 0,
      matrix: matrix === 'bt709' ? 1 : 0,
      range: range === 'full' ? 1 : 0,
    };
  }));
  return { words, table };
}

/** Bytes that a part takes among packed ones. */
export function packedBytes({ width, height }: Part): number {
  return Math.ceil(i420Bytes(width, height) / ALIGNMENT) * ALIGNMENT;
}

function checkFrame(frame: I420Frame, i: number): void {
  const held = heldOf(frame);
  const need = i420Bytes(held.width, held.height);
  if (frame.data.length === need) return;
  const [size, have] = [`${held.width} × ${held.height}`, frame.data.length];
  throw new FirstlightError('FL_FRAME', `packFrames: frame ${i} of ${size} has ${need} bytes as I420, got ${have}`, {
    frame: i,
    need,
    have,
  });
}

function checkPart(part: Part, frame: I420Frame, i: number): void {
  if (holds(frame, part)) return;
  const shown = ({ x, y, width, height }: Part) => `${width} × ${height} at (${x}, ${y})`;
  throw new FirstlightError('FL_FRAME',
    `packFrames: the view reads ${shown(part)} of frame ${i}, which was cut to ${shown(heldOf(frame))}`, { frame: i });
}

function checkView({ crop: { x, y, width, height } }: View, frame: I420Frame, i: number): void {
  // written so that NaN fails too
  if (x >= 0 && y >= 0 && width > 0 && height > 0 && x + width <= frame.width && y + height <= frame.height) return;
  const crop = `the crop ${width} × ${height} at (${x}, ${y})`;
  throw new FirstlightError('FL_FRAME',
    `packFrames: ${crop} is not inside of frame ${i}, ${frame.width} × ${frame.height}`, { frame: i });
}
