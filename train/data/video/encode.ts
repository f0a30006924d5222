import { rmSync } from 'node:fs';
import { extname } from 'node:path';
import { AV_CODEC_FLAG_BITEXACT, AV_CODEC_FLAG_GLOBAL_HEADER, AV_PIX_FMT_YUV420P, AVCOL_RANGE_JPEG, AVCOL_RANGE_MPEG,
  AVCOL_SPC_BT709, AVCOL_SPC_SMPTE170M, AVERROR_EAGAIN, AVERROR_EOF, AVFMT_FLAG_BITEXACT, AVFMT_GLOBALHEADER,
  type FFEncoderCodec } from 'node-av/constants';
import { Codec, CodecContext, FFmpegError, FormatContext, Frame, Packet, Rational } from 'node-av/lib';
import { FirstlightError } from '../../../engine/errors.ts';
import { type I420Frame, i420Bytes } from '../../../kernels/frames/i420.ts';
import { setOptions } from './ffmpeg.ts';

interface Coding {
  readonly format: string;
  /** Whether width and height must be even. */
  readonly even?: boolean;
  readonly encoder: FFEncoderCodec;
  /** A steady quality, high enough that the colours of small pictures stay apart. */
  readonly options: Readonly<Record<string, string>>;
  /** Makes every frame a key frame whose coding depends on no other. */
  readonly independent: Readonly<Record<string, string>>;
}

const H264: Omit<Coding, 'format'> = { even: true, encoder: 'libx264' as FFEncoderCodec,
  options: { preset: 'veryfast', qp: '12' }, independent: { g: '1' } };

/** The file's extension decides. */
const CODINGS: Readonly<Record<string, Coding>> = {
  '.mp4': { format: 'mp4', ...H264 },
  '.mov': { format: 'mov', ...H264 },
  '.mkv': { format: 'matroska', ...H264 },
  '.webm': { format: 'webm', encoder: 'libvpx-vp9' as FFEncoderCodec,
    options: { deadline: 'realtime', 'cpu-used': '8', b: '0', qmin: '12', qmax: '12', crf: '12' },
    independent: { g: '1' } },
  '.avi': { format: 'avi', encoder: 'mpeg4' as FFEncoderCodec, options: { flags: '+qscale', global_quality: '236' },
    independent: { g: '1' } },
};

export interface VideoOptions {
  readonly fps?: number;
  /** When each frame is shown, in units of 1/fps and rising; 0, 1, 2, … if omitted. */
  readonly timestamps?: readonly number[];
  /** Every frame stands for itself, so that decoded pictures do not depend on the order of the frames. */
  readonly independent?: boolean;
}

/**
 * Writes a video file: H.264 in mp4, mov and mkv, VP9 in webm, MPEG-4 part 2 in avi. One thread and no time of day in
 * the file: equal frames give equal bytes.
 */
export function writeVideo(path: string, frames: readonly I420Frame[],
  { fps = 8, timestamps = frames.map((_, i) => i), independent = false }: VideoOptions = {}): void {
  const coding = CODINGS[extname(path).toLowerCase()];
  if (coding === undefined) throw refuse(path, `expected one of ${Object.keys(CODINGS).join(', ')}`);
  if (frames.length === 0) throw refuse(path, 'a video needs at least one frame');
  if (!Number.isInteger(fps) || fps < 1) throw refuse(path, `${fps} frames per second, expected a whole number`);
  if (timestamps.length !== frames.length) {
    throw refuse(path, `${timestamps.length} timestamps for ${frames.length} frames`);
  }
  const [{ width, height, matrix, range }] = frames;
  const odd = frames.findIndex((frame) =>
    frame.width !== width || frame.height !== height || frame.matrix !== matrix || frame.range !== range
  );
  if (odd >= 0) throw refuse(path, `frame ${odd} differs from frame 0 in size or colour coding`);
  if (coding.even && (width % 2 === 1 || height % 2 === 1)) {
    throw refuse(path, `${width} × ${height}: H.264 takes even sizes; webm and avi take odd ones`);
  }
  const short = frames.findIndex((frame) => frame.data.length !== i420Bytes(width, height));
  if (short >= 0) {
    throw refuse(path,
      `frame ${short} holds ${frames[short].data.length} bytes, ${width} × ${height} needs ${
        i420Bytes(width, height)
      }`);
  }

  const output = new FormatContext();
  const encoder = new CodecContext();
  using packet = new Packet();
  packet.alloc();
  let done = false;
  try {
    FFmpegError.throwIfError(output.allocOutputContext2(null, coding.format, `file:${path}`), coding.format);
    output.setFlags(AVFMT_FLAG_BITEXACT);
    const codec = Codec.findEncoderByName(coding.encoder);
    if (codec === null) throw refuse(path, `this build of FFmpeg has no ${coding.encoder}`);
    encoder.allocContext3(codec);
    encoder.width = width;
    encoder.height = height;
    encoder.pixelFormat = AV_PIX_FMT_YUV420P; // left to itself, VP9 may choose planar RGB, which few players show
    encoder.timeBase = new Rational(1, fps);
    encoder.framerate = new Rational(fps, 1);
    encoder.colorSpace = matrix === 'bt709' ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
    encoder.colorRange = range === 'full' ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    encoder.threadCount = 1;
    setOptions(encoder, { ...coding.options, ...(independent ? coding.independent : {}) });
    encoder.setFlags(AV_CODEC_FLAG_BITEXACT);
    if (output.oformat?.hasFlags(AVFMT_GLOBALHEADER)) encoder.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
    FFmpegError.throwIfError(encoder.open2Sync(codec), `${coding.encoder}, ${width} × ${height}`);
    const stream = output.newStream();
    stream.codecpar.fromContext(encoder);
    stream.timeBase = encoder.timeBase;
    FFmpegError.throwIfError(output.openOutputSync(), 'open');
    FFmpegError.throwIfError(output.writeHeaderSync(), 'header');

    const drain = () => {
      for (;;) {
        const code = encoder.receivePacketSync(packet);
        if (code === AVERROR_EAGAIN || code === AVERROR_EOF) return;
        FFmpegError.throwIfError(code, 'encode');
        packet.streamIndex = stream.index;
        packet.duration = 1n; // without one, mp4 has its last frame end as it begins, and readers leave it out
        packet.rescaleTs(encoder.timeBase, stream.timeBase);
        FFmpegError.throwIfError(output.interleavedWriteFrameSync(packet), 'write');
      }
    };
    for (const [i, { data }] of frames.entries()) {
      const buffer = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
      using frame = Frame.fromVideoBuffer(buffer, { width, height, format: AV_PIX_FMT_YUV420P,
        pts: BigInt(timestamps[i]), timeBase: encoder.timeBase });
      FFmpegError.throwIfError(encoder.sendFrameSync(frame), 'encode');
      drain();
    }
    FFmpegError.throwIfError(encoder.sendFrameSync(null), 'encode');
    drain();
    FFmpegError.throwIfError(output.writeTrailerSync(), 'trailer');
    done = true;
  } catch (cause) {
    if (cause instanceof FirstlightError) throw cause;
    throw refuse(path, (cause as Error).message, cause);
  } finally {
    encoder.freeContext();
    output.closeOutputSync();
    output.freeContext();
    if (!done) rmSync(path, { force: true }); // nobody should take a part for the whole
  }
}

function refuse(path: string, reason: string, cause?: unknown): FirstlightError {
  return new FirstlightError('FL_VIDEO_WRITE', `cannot write ${path}: ${reason}`, { path, reason }, undefined, cause);
}
