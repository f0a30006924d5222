import { AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUVJ420P, AVCHROMA_LOC_UNSPECIFIED, AVCOL_PRI_UNSPECIFIED, AVCOL_RANGE_JPEG,
  AVCOL_RANGE_MPEG, AVCOL_SPC_BT470BG, AVCOL_SPC_BT709, AVCOL_SPC_FCC, AVCOL_SPC_SMPTE170M, AVCOL_SPC_UNSPECIFIED,
  AVCOL_TRC_UNSPECIFIED } from 'node-av/constants';
import { FFmpegError, Frame, SoftwareScaleContext } from 'node-av/lib';
import { VideoDecodeError } from '../../../engine/errors.ts';
import type { I420Frame } from '../../../kernels/frames/i420.ts';
import { CONVERT_HINT } from './ffmpeg.ts';

/** Pictures at least this high are taken for BT.709 when they do not say, lower ones for BT.601, as players do. */
const HD_HEIGHT = 720;

/** Decoded frames of one file as I420, in memory of their own. */
export class I420Converter {
  readonly #path: string;
  /** Made by the first frame that needs it. */
  #scaler: SoftwareScaleContext | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Pixel formats other than I420 (4:2:2, 4:4:4, 10 bits, RGB, grey) go through FFmpeg's scaler, without a change of
   * size.
   */
  convert(frame: Frame): I420Frame {
    const { width, height } = frame;
    const guess = height >= HD_HEIGHT ? 'bt709' : 'bt601';
    const stated = frame.colorSpace === AVCOL_SPC_UNSPECIFIED ? guess : matrixOf(frame);
    // YUVJ420P is what older encoders called full range.
    const range = frame.colorRange === AVCOL_RANGE_JPEG || frame.format === AV_PIX_FMT_YUVJ420P ? 'full' : 'limited';
    if (stated !== undefined && (frame.format === AV_PIX_FMT_YUV420P || frame.format === AV_PIX_FMT_YUVJ420P)) {
      return { width, height, data: bytesOf(frame), matrix: stated, range };
    }
    // What is neither BT.601 nor BT.709 (RGB, BT.2020, …) is converted, and then is what we ask for.
    const matrix = stated ?? guess;
    using converted = new Frame();
    converted.alloc();
    converted.width = width;
    converted.height = height;
    converted.format = AV_PIX_FMT_YUV420P;
    converted.colorSpace = matrix === 'bt709' ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
    converted.colorRange = range === 'full' ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    FFmpegError.throwIfError(converted.getBuffer(), 'picture buffer');
    if (frame.colorSpace === AVCOL_SPC_UNSPECIFIED) frame.colorSpace = converted.colorSpace;
    // The matrix alone is changed. Told of the light that a high dynamic range stands for, the scaler would map its
    // gamut, at seconds a frame; told where chroma sits, it moves the chroma of 4:2:2 by half a line.
    frame.colorPrimaries = AVCOL_PRI_UNSPECIFIED;
    frame.colorTrc = AVCOL_TRC_UNSPECIFIED;
    frame.chromaLocation = AVCHROMA_LOC_UNSPECIFIED;
    const code = this.#ready().scaleFrameSync(converted, frame);
    if (code < 0) {
      throw new VideoDecodeError(this.#path,
        `its pixel format cannot be converted to I420: ${FFmpegError.strerror(code)}`, undefined, CONVERT_HINT);
    }
    return { width, height, data: bytesOf(converted), matrix, range };
  }

  #ready(): SoftwareScaleContext {
    if (this.#scaler === undefined) {
      this.#scaler = new SoftwareScaleContext();
      this.#scaler.allocContext();
    }
    return this.#scaler;
  }

  [Symbol.dispose](): void {
    this.#scaler?.freeContext();
  }
}

function matrixOf(frame: Frame): I420Frame['matrix'] | undefined {
  if (frame.colorSpace === AVCOL_SPC_BT709) return 'bt709';
  return [AVCOL_SPC_SMPTE170M, AVCOL_SPC_BT470BG, AVCOL_SPC_FCC].includes(frame.colorSpace) ? 'bt601' : undefined;
}

/** A tight copy: rows without padding, in memory of its own. */
function bytesOf(frame: Frame): Uint8Array {
  const { buffer, byteOffset, byteLength } = frame.toBuffer();
  return new Uint8Array(buffer, byteOffset, byteLength);
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
