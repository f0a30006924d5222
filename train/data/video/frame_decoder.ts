import { AV_CODEC_ID_H264, AV_CODEC_ID_MPEG4, AV_CODEC_ID_VP8, AV_FRAME_FLAG_INTERLACED, AV_PKT_DATA_DISPLAYMATRIX,
  AVERROR_EAGAIN, AVERROR_EOF } from 'node-av/constants';
import { avGetCodecName, Codec, CodecContext, FFmpegError, Frame, type Packet, type Stream } from 'node-av/lib';
import { VideoDecodeError } from '../../../engine/errors.ts';
import type { I420Frame } from '../../../kernels/frames/i420.ts';
import { setOptions } from './ffmpeg.ts';
import { CONVERT_HINT, DAMAGE_HINT } from './hints.ts';
import { MAX_PIXELS } from './i420.ts';
import { type Orientation, orientationBy, turned } from './orientation.ts';
import { I420Converter } from './picture.ts';

/** Given the place of a frame in the order of presentation, what makes a picture of it, and when it is shown. */
export type EachFrame = (place: number, convert: () => I420Frame, time: bigint) => void;

/** Packets to frames, by one thread and without hardware. Whatever the decoder would paper over is an error. */
export class FrameDecoder {
  /** Place after that of the last frame; of a file that is decoded from its start, how many there were. */
  total = 0;
  readonly #path: string;
  readonly #expected: number;
  readonly #orientation: Orientation;
  readonly #decoder: CodecContext;
  readonly #converter: I420Converter;
  readonly #frame = new Frame();
  readonly #hasHiddenPackets: boolean;
  #isInterlaced = false;
  #size: { readonly width: number; readonly height: number } | undefined;

  /** @param expected frames of the file, for messages */
  constructor(path: string, stream: Stream, expected: number) {
    this.#path = path;
    this.#expected = expected;
    const { codecId } = stream.codecpar;
    this.#hasHiddenPackets = codecId === AV_CODEC_ID_VP8 || codecId === AV_CODEC_ID_MPEG4;
    this.#orientation = orientationOf(path, stream);
    this.#decoder = openDecoder(path, stream);
    this.#converter = new I420Converter(path);
    this.#frame.alloc();
  }

  /**
   * Whether there may be packets without a frame of their own: hidden reference frames (VP8), placeholders (DivX), the
   * second field of a frame.
   */
  get mayShowFewer(): boolean {
    return this.#isInterlaced || this.#hasHiddenPackets;
  }

  /** Forgets all packets. The next one begins a segment whose first frame has this place. */
  restart(place: number): void {
    this.#decoder.flushBuffers();
    this.total = place;
  }

  /** @param packet null: there are no more, the frames that are waiting come */
  send(packet: Packet | null, each: EachFrame): void {
    const [decoder, frame] = [this.#decoder, this.#frame];
    const sent = decoder.sendPacketSync(packet);
    if (sent < 0) throw this.#damaged(FFmpegError.strerror(sent));
    for (;;) {
      const code = decoder.receiveFrameSync(frame);
      if (code === AVERROR_EAGAIN || code === AVERROR_EOF) return;
      if (code < 0) throw this.#damaged(FFmpegError.strerror(code));
      if (frame.decodeErrorFlags !== 0) throw this.#damaged('the decoder had to guess parts of it');
      const { width, height } = frame;
      const size = this.#size ??= { width, height };
      if (width !== size.width || height !== size.height) {
        throw new VideoDecodeError(this.#path,
          `changes its picture from ${size.width} × ${size.height} to ${width} × ${height} at frame ${this.total}`,
          undefined, CONVERT_HINT);
      }
      this.#isInterlaced ||= frame.hasFlags(AV_FRAME_FLAG_INTERLACED);
      each(this.total, () => turned(this.#converter.convert(frame), this.#orientation), frame.pts);
      this.total++;
    }
  }

  [Symbol.dispose](): void {
    this.#frame[Symbol.dispose]();
    this.#converter[Symbol.dispose]();
    this.#decoder[Symbol.dispose]();
  }

  #damaged(reason: string): VideoDecodeError {
    return new VideoDecodeError(this.#path, `frame ${this.total} of ${this.#expected} is damaged: ${reason}`, undefined,
      DAMAGE_HINT);
  }
}

function openDecoder(path: string, { codecpar, timeBase }: Stream): CodecContext {
  const codec = Codec.findDecoder(codecpar.codecId);
  if (codec === null) {
    throw new VideoDecodeError(path, `is coded as ${avGetCodecName(codecpar.codecId)}, which cannot be decoded here`,
      undefined, CONVERT_HINT);
  }
  const decoder = new CodecContext();
  decoder.allocContext3(codec);
  FFmpegError.throwIfError(decoder.parametersToContext(codecpar), 'codec parameters');
  decoder.pktTimebase = timeBase;
  decoder.threadCount = 1;
  setOptions(decoder, { err_detect: 'explode', max_pixels: String(MAX_PIXELS) });
  // H.264 need not state how far frames are out of order. Then wait for as many as its level allows, rather than guess.
  if (codecpar.codecId === AV_CODEC_ID_H264) setOptions(decoder, { strict: 'strict' });
  const code = decoder.open2Sync(codec);
  if (code < 0) {
    decoder.freeContext();
    throw new VideoDecodeError(path, `its ${codec.name} decoder does not start: ${FFmpegError.strerror(code)}`,
      undefined, CONVERT_HINT);
  }
  return decoder;
}

/** The orientation that players give the picture. */
function orientationOf(path: string, stream: Stream): Orientation {
  const matrix = stream.codecpar.getCodedSideData(AV_PKT_DATA_DISPLAYMATRIX);
  if (matrix === null || matrix.length < 36) return { turns: 0, isMirrored: false };
  const entries = [0, 4, 12, 16].map((offset) => matrix.readInt32LE(offset) / 0x10000);
  const orientation = orientationBy(entries);
  if (orientation === undefined) {
    throw new VideoDecodeError(path, `asks to be shown turned by part of a right angle (matrix ${entries.join(', ')})`,
      undefined, CONVERT_HINT);
  }
  return orientation;
}
