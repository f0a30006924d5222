/** What a browser decodes, as the picture that Node makes of the same bits. */
import { type I420Frame, i420Bytes } from '../../../kernels/frames/i420.ts';
import { rgbToI420 } from '../../../train/data/video/i420.ts';
import type { Coding } from './coding.ts';

/** Planes of a `VideoFrame`, as `copyTo` leaves them. */
export interface Pixels {
  /** Of the visible part. */
  readonly width: number;
  readonly height: number;
  /** Of WebCodecs; null where only a canvas knows what it holds. */
  readonly format: string | null;
  readonly bytes: Uint8Array;
  readonly layout: readonly PlaneLayout[];
}

/** Where red, green and blue lie in four bytes. */
const RGB: Readonly<Record<string, readonly [red: number, green: number, blue: number]>> = { RGBX: [0, 1, 2],
  RGBA: [0, 1, 2], BGRX: [2, 1, 0], BGRA: [2, 1, 0] };

/** Whether pictures of a format are read here: 8 bits, 4:2:0 or RGB. */
export const isRead = (format: string | null): boolean => format === 'I420' || format === 'NV12' || isRgb(format);

/**
 * Whether a browser converted the picture to RGB before it gave it. Then what is made of it is no longer that of Node
 * bit for bit: each pixel was rounded, and its chroma smoothed in the browser's own way.
 */
export const isRgb = (format: string | null): boolean => Object.hasOwn(RGB, format ?? '');

/** @param pixels of a format that `isRead`  @param coding of the file */
export function pictureOf({ width, height, format, bytes, layout }: Pixels, coding: Coding): I420Frame {
  if (format !== null && isRgb(format)) {
    return rgbToI420(tightRgb(bytes, layout[0], { width, height }, RGB[format]), width, height, { matrix: coding.matrix,
      range: 'full' });
  }
  const data = new Uint8Array(i420Bytes(width, height));
  const [columns, rows] = [Math.ceil(width / 2), Math.ceil(height / 2)];
  const [u, v] = [width * height, width * height + columns * rows];
  copyRows(bytes, layout[0], data.subarray(0, u), width);
  if (format === 'NV12') {
    const { offset, stride } = layout[1];
    for (let row = 0, at = 0; row < rows; row++) {
      for (let from = offset + row * stride; at < (row + 1) * columns; from += 2, at++) {
        data[u + at] = bytes[from];
        data[v + at] = bytes[from + 1];
      }
    }
  } else {
    copyRows(bytes, layout[1], data.subarray(u, v), columns);
    copyRows(bytes, layout[2], data.subarray(v), columns);
  }
  return { width, height, data, ...coding };
}

/** Rows of a plane, without what lies between them. */
function copyRows(bytes: Uint8Array, { offset, stride }: PlaneLayout, to: Uint8Array, width: number): void {
  for (let at = 0, from = offset; at < to.length; at += width, from += stride) {
    to.set(bytes.subarray(from, from + width), at);
  }
}

/** [height, width, 3] */
function tightRgb(bytes: Uint8Array, { offset, stride }: PlaneLayout,
  { width, height }: Pick<Pixels, 'width' | 'height'>, places: readonly number[]): Uint8Array {
  const rgb = new Uint8Array(3 * width * height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let from = offset + y * stride, end = from + 4 * width; from < end; from += 4) {
      for (const place of places) rgb[at++] = bytes[from + place];
    }
  }
  return rgb;
}

/** What of a frame is to be seen: its codec may have coded more. */
export const sizeOf = (
  { visibleRect, codedWidth, codedHeight }: Pick<VideoFrame, 'visibleRect' | 'codedWidth' | 'codedHeight'>,
): Pick<DOMRectReadOnly, 'width' | 'height'> => visibleRect ?? { width: codedWidth, height: codedHeight };

/** The pixels of a `VideoFrame`, which may be closed when they are there. */
export async function pixelsOf(frame: VideoFrame): Promise<Pixels> {
  const { format } = frame;
  const { width, height } = sizeOf(frame);
  const bytes = new Uint8Array(frame.allocationSize());
  return { width, height, format, bytes, layout: await frame.copyTo(bytes) };
}
