import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AV_CODEC_FLAG_GLOBAL_HEADER, AV_PIX_FMT_YUV420P, AVFMT_GLOBALHEADER, type AVPixelFormat,
  type FFEncoderCodec } from 'node-av/constants';
import { Codec, CodecContext, FFmpegError, FormatContext, Frame, Packet, Rational } from 'node-av/lib';
import * as assert from './assert.ts';
import { VideoDecodeError } from '../engine/errors.ts';
import type { I420Frame } from '../kernels/frames/index.ts';
import { rgbToI420 } from '../train/data/video/i420.ts';
import { readFrames } from '../train/data/video/decode.ts';

/** Where tests write. Several files may, one after another, so it is kept until their process ends. */
const folder = mkdtempSync(join(tmpdir(), 'firstlight-video-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
export const at = (name: string) => join(folder, name);
export const all = (total: number) => Array.from({ length: total }, (_, i) => i);

/**
 * Frame `step` has a bright square that has moved `step` × 4 pixels, on a ground of fixed grains, so that damage shows.
 */
export function drawFrame(step: number, width = 64, height = 48, matrix: I420Frame['matrix'] = 'bt601',
  range: I420Frame['range'] = 'limited'): I420Frame {
  const rgb = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    const inside = x >= 4 + 4 * step && x < 16 + 4 * step && y >= 12 && y < 30;
    const grain = ((x * 7919 + y * 104729) % 23) + ((x >> 2) ^ (y >> 2)) * 3;
    rgb.set(inside ? [230, 40, 60] : [60 + grain, 110 + grain, 90], 3 * i);
  }
  return rgbToI420(rgb, width, height, { matrix, range });
}

export const clip = (count: number, ...rest: [number?, number?]) =>
  Array.from({ length: count }, (_, step) => drawFrame(step, ...rest));

/** The error that a file must give: it names the file and says what to do. */
export async function refusal(path: string): Promise<VideoDecodeError> {
  try {
    await readFrames(path, all);
  } catch (error) {
    return checked(error, path);
  }
  throw new Error(`${path} was read without an error`);
}

export function checked(error: unknown, path: string): VideoDecodeError {
  if (!(error instanceof VideoDecodeError)) throw error;
  assert.ok(error.message.startsWith(`${path}: `), `the message names the file: ${error.message}`);
  assert.ok(error.message.length > path.length + 10, `the message gives a reason: ${error.message}`);
  assert.ok(error.hint !== undefined, `the error says what to do: ${error.message}`);
  return error;
}

/** Where a box, chunk or element last stands: the thing itself, not the mention of it in the head. */
export function lastPlaceOf(bytes: Buffer, name: string): number {
  const place = bytes.lastIndexOf(name, undefined, 'latin1');
  assert.ok(place >= 0, `the file holds ${name}`);
  return place;
}

/** How a file is written that `writeVideo` does not write. */
export interface Coding {
  /** FFmpeg's name of the container, and of the encoder. */
  readonly format: string;
  readonly encoder: string;
  readonly options?: Readonly<Record<string, string>>;
  /** Default: I420. */
  readonly pixelFormat?: AVPixelFormat;
}

/** Writes frames, given as bytes in the pixel format of a coding. */
export function writeAs(path: string, { format, encoder: name, options = {}, pixelFormat = AV_PIX_FMT_YUV420P }: Coding,
  pictures: readonly Uint8Array[], width = 64, height = 48): void {
  const codec = Codec.findEncoderByName(name as FFEncoderCodec) as Codec;
  const output = new FormatContext();
  FFmpegError.throwIfError(output.allocOutputContext2(null, format, `file:${path}`), format);
  using encoder = new CodecContext();
  encoder.allocContext3(codec);
  Object.assign(encoder, { width, height, pixelFormat, timeBase: new Rational(1, 25), framerate: new Rational(25, 1),
    threadCount: 1 });
  for (const [key, value] of Object.entries(options)) FFmpegError.throwIfError(encoder.setOption(key, value), key);
  if (output.oformat?.hasFlags(AVFMT_GLOBALHEADER)) encoder.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
  FFmpegError.throwIfError(encoder.open2Sync(codec), name);
  const stream = output.newStream();
  stream.codecpar.fromContext(encoder);
  stream.timeBase = encoder.timeBase;
  FFmpegError.throwIfError(output.openOutputSync(), 'open');
  FFmpegError.throwIfError(output.writeHeaderSync(), 'header');
  using packet = new Packet();
  packet.alloc();
  const drain = () => {
    while (encoder.receivePacketSync(packet) >= 0) {
      packet.streamIndex = stream.index;
      packet.rescaleTs(encoder.timeBase, stream.timeBase);
      FFmpegError.throwIfError(output.interleavedWriteFrameSync(packet), 'write');
    }
  };
  for (const [i, data] of pictures.entries()) {
    using frame = Frame.fromVideoBuffer(Buffer.from(data), { width, height, format: pixelFormat, pts: BigInt(i),
      timeBase: encoder.timeBase });
    FFmpegError.throwIfError(encoder.sendFrameSync(frame), 'encode');
    drain();
  }
  FFmpegError.throwIfError(encoder.sendFrameSync(null), 'encode');
  drain();
  FFmpegError.throwIfError(output.writeTrailerSync(), 'trailer');
  output.closeOutputSync();
  output.freeContext();
}
