/**
 * A picture as video decoders give it: luma for every pixel, chroma for every 2 × 2 block. ITU-R BT.601, BT.709.
 * Odd sizes are rounded up: the last chroma sample then stands for one column or row.
 */
export interface I420Frame {
  readonly width: number;
  readonly height: number;
  /** Y [height, width], then U and V [⌈height/2⌉, ⌈width/2⌉] each, rows without padding; of `part` if there is one. */
  readonly data: Uint8Array;
  /** Which part of the picture `data` holds; omitted, all of it. */
  readonly part?: Part;
  /** How red, green and blue were mixed into luma and chroma. */
  readonly matrix: 'bt601' | 'bt709';
  /** limited: luma 16 … 235, chroma 16 … 240, as video; full: 0 … 255, as JPEG. */
  readonly range: 'limited' | 'full';
}

/** Columns and rows of a picture, from an even column and an even row on. */
export interface Part {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** What of a picture is seen, in pixels, which may be fractions; mirrored if `flip`. */
export interface View {
  readonly crop: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  readonly flip: boolean;
}

/**
 * How a picture is resized. `bilinear` looks at the four nearest pixels only, as OpenCV in the recipe of X-CLIP; the
 * others at all that a reduction makes one, as Pillow and torchvision do, with the filters that they call so.
 */
export type Resampling = 'bilinear' | 'antialiased_bilinear' | 'antialiased_bicubic';

/** What becomes of the views of frames. */
export interface Resizing {
  /** Side of the square that a view becomes. */
  readonly size: number;
  /** `bilinear` if omitted. */
  readonly resampling?: Resampling;
}

/** How far filters reach beyond a crop, in pixels of the source or, if these are smaller, of the result. */
const REACHES: Readonly<Record<Resampling, number>> = { bilinear: 0, antialiased_bilinear: 1, antialiased_bicubic: 2 };

/**
 * Pixels beyond what is resized that may be read. Chroma reaches two pixels farther out than luma, and places in 32
 * bits may be rounded over the next pixel.
 */
const MARGIN = 4;

/** The part of a picture that a view of it reads. A frame cut to it gives the same pixels, bit for bit. */
export function partOf({ width, height }: Pick<I420Frame, 'width' | 'height'>, { crop }: Pick<View, 'crop'>,
  { size, resampling = 'bilinear' }: Resizing): Part {
  const span = (start: number, length: number, edge: number) =>
    spanOf(start, length, edge, Math.ceil(REACHES[resampling] * Math.max(1, length / size)) + MARGIN);
  const [x, right] = span(crop.x, crop.width, width);
  const [y, bottom] = span(crop.y, crop.height, height);
  return { x, y, width: right - x, height: bottom - y };
}

/** The least part that holds all of some. */
export function unionOf(parts: readonly Part[]): Part {
  const [x, y] = [Math.min(...parts.map((part) => part.x)), Math.min(...parts.map((part) => part.y))];
  const right = Math.max(...parts.map((part) => part.x + part.width));
  const bottom = Math.max(...parts.map((part) => part.y + part.height));
  return { x, y, width: right - x, height: bottom - y };
}

/** Begins at an even number and ends at one, or at the edge. */
function spanOf(start: number, length: number, edge: number, around: number): [start: number, end: number] {
  const end = Math.ceil(start + length) + around;
  return [Math.max(0, 2 * Math.floor((Math.floor(start) - around) / 2)), Math.min(edge, end + (end % 2))];
}

/** All of a picture that its bytes hold. */
export const heldOf = ({ width, height, part = { x: 0, y: 0, width, height } }: I420Frame): Part => part;

/** Whether a frame's bytes hold a part of the picture. */
export function holds(frame: I420Frame, part: Part): boolean {
  const held = heldOf(frame);
  return part.x >= held.x && part.y >= held.y && part.x + part.width <= held.x + held.width
    && part.y + part.height <= held.y + held.height;
}

/** Bytes of so many pixels as I420. */
export function i420Bytes(width: number, height: number): number {
  return width * height + 2 * Math.ceil(width / 2) * Math.ceil(height / 2);
}

/** A frame in memory of its own that holds a part and nothing else; the frame itself if that is all that it holds. */
export function cut(frame: I420Frame, part: Part): I420Frame {
  if (isSamePart(heldOf(frame), part)) return frame;
  const data = new Uint8Array(i420Bytes(part.width, part.height));
  copyPart(frame, part, data);
  return { ...frame, data, part };
}

/** Copies a part that a frame holds. */
export function copyPart(frame: I420Frame, part: Part, to: Uint8Array): void {
  const held = heldOf(frame);
  if (isSamePart(held, part)) return to.set(frame.data);
  let [from, at] = [0, 0];
  for (const step of [1, 2, 2]) { // pixels between samples of Y, U and V
    const [width, height] = [Math.ceil(held.width / step), Math.ceil(held.height / step)];
    const [columns, rows] = [Math.ceil(part.width / step), Math.ceil(part.height / step)];
    const corner = from + ((part.y - held.y) / step) * width + (part.x - held.x) / step;
    for (let row = 0; row < rows; row++, at += columns) {
      to.set(frame.data.subarray(corner + row * width, corner + row * width + columns), at);
    }
    from += width * height;
  }
}

export function isSamePart(a: Part, b: Part): boolean {
  return a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;
}
