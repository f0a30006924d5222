import { AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUVJ420P, AVCHROMA_LOC_UNSPECIFIED, AVCOL_PRI_UNSPECIFIED, AVCOL_RANGE_JPEG,
  AVCOL_RANGE_MPEG, AVCOL_SPC_BT470BG, AVCOL_SPC_BT709, AVCOL_SPC_FCC, AVCOL_SPC_SMPTE170M, AVCOL_SPC_UNSPECIFIED,
  AVCOL_TRC_UNSPECIFIED } from 'node-av/constants';
import { FFmpegError, Frame, SoftwareScaleContext } from 'node-av/lib';
import { VideoDecodeError } from '../../../engine/errors.ts';
import type { I420Frame } from '../../../kernels/frames/i420.ts';
import { CONVERT_HINT } from './hints.ts';
import { guessedMatrix } from './i420.ts';

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
    const guess = guessedMatrix(height);
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
