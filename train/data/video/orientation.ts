/** Pictures that are stored otherwise than they are shown: cameras are held upright, and upside down. */
import type { I420Frame } from '../../../kernels/frames/i420.ts';

/** How a picture is shown: turned clockwise by quarter turns, and then, it may be, mirrored left to right. */
export interface Orientation {
  readonly turns: number;
  readonly isMirrored: boolean;
}

/**
 * mp4 stores an orientation as two columns [a, b], [c, d] of a 16.16 matrix: the pixel (x, y) is shown at
 * (a·x + c·y, b·x + d·y).
 */
const ORIENTATIONS: Readonly<Record<string, Orientation>> = {
  '1,0,0,1': { turns: 0, isMirrored: false },
  '0,1,-1,0': { turns: 1, isMirrored: false },
  '-1,0,0,-1': { turns: 2, isMirrored: false },
  '0,-1,1,0': { turns: 3, isMirrored: false },
  '-1,0,0,1': { turns: 0, isMirrored: true },
  '0,1,1,0': { turns: 1, isMirrored: true },
  '1,0,0,-1': { turns: 2, isMirrored: true },
  '0,-1,-1,0': { turns: 3, isMirrored: true },
};

/** How a matrix of such entries [a, b, c, d] asks to be shown; undefined: turned by part of a right angle. */
export const orientationBy = (entries: readonly number[]): Orientation | undefined =>
  ORIENTATIONS[entries.map((entry) => entry + 0).join(',')]; // −0 is 0

/** The picture as it is shown. */
export function turned(frame: I420Frame, { turns, isMirrored }: Orientation): I420Frame {
  const upright = rotate(frame, turns);
  return isMirrored ? mirror(upright) : upright;
}

/** The picture turned clockwise by quarter turns. */
export function rotate(frame: I420Frame, turns: number): I420Frame {
  if (turns === 0) return frame;
  const { width, height } = frame;
  const data = byPlane(frame, (from, to, columns, rows) => rotatePlane(from, to, columns, rows, turns));
  return { ...frame, ...(turns % 2 === 1 ? { width: height, height: width } : {}), data };
}

/** The picture mirrored left to right. */
export function mirror(frame: I420Frame): I420Frame {
  return { ...frame, data: byPlane(frame, (from, to, width) => {
    for (let at = 0; at < from.length; at += width) to.set(from.subarray(at, at + width).toReversed(), at);
  }) };
}

/** New planes, each made of the old one. */
function byPlane({ width, height, data }: I420Frame,
  make: (from: Uint8Array, to: Uint8Array, width: number, height: number) => void): Uint8Array {
  const made = new Uint8Array(data.length);
  const chroma = { width: Math.ceil(width / 2), height: Math.ceil(height / 2) };
  let offset = 0;
  for (const plane of [{ width, height }, chroma, chroma]) {
    const end = offset + plane.width * plane.height;
    make(data.subarray(offset, end), made.subarray(offset, end), plane.width, plane.height);
    offset = end;
  }
  return made;
}

function rotatePlane(from: Uint8Array, to: Uint8Array, width: number, height: number, turns: number): void {
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at =
        [x * height + (height - 1 - y), (height - 1 - y) * width + (width - 1 - x),
          (width - 1 - x) * height + y][turns - 1];
      to[at] = from[y * width + x];
    }
  }
}
