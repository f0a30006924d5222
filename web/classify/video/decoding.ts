/** Compressed frames to pictures, by the browser's own decoder. */
import { VideoDecodeError } from '../../../engine/errors.ts';
import type { I420Frame } from '../../../kernels/frames/i420.ts';
import { turned } from '../../../train/data/video/orientation.ts';
import { CONVERT_ADVICE, DAMAGE_ADVICE } from './file.ts';
import { isRead, isRgb, pictureOf, pixelsOf } from './picture.ts';
import type { Track } from './track.ts';

/** What is kept of a video that was decoded. */
export interface Decoded {
  /** Frames that were seen. */
  readonly total: number;
  /** Those that were wanted, by their place. */
  readonly kept: ReadonlyMap<number, I420Frame>;
  /** Whether the browser gave RGB: then they are not Node's bit for bit. */
  readonly isRgb: boolean;
}

/** Packets that the decoder has at once: enough for frames out of order, and little memory. */
const MOST_QUEUED = 24;

/**
 * Decodes the whole video, as Node does, and keeps the frames at some places of the order of presentation.
 * @throws VideoDecodeError FL_VIDEO
 */
export async function decode(track: Track, wanted: ReadonlySet<number>): Promise<Decoded> {
  const { name, expected, orientation, coding } = track;
  const config = await supported(track);
  const kept = new Map<number, I420Frame>();
  const copies: Promise<void>[] = [];
  let total = 0;
  let size: { readonly width: number; readonly height: number } | undefined;
  let gaveRgb = false;
  let failure: VideoDecodeError | undefined;

  const keep = async (place: number, frame: VideoFrame) => {
    const pixels = await pixelsOf(frame);
    kept.set(place, turned(pictureOf(pixels, coding), orientation));
  };
  const look = (frame: VideoFrame): Promise<void> | undefined => {
    if (failure !== undefined || !track.isShown(frame.timestamp)) return undefined;
    const place = total++;
    const { format, visibleRect } = frame;
    const { width, height } = visibleRect ?? { width: frame.codedWidth, height: frame.codedHeight };
    size ??= { width, height };
    if (width !== size.width || height !== size.height) {
      failure = new VideoDecodeError(name,
        `changes its picture from ${size.width} × ${size.height} to ${width} × ${height} at frame ${place}`, undefined,
        CONVERT_ADVICE);
    } else if (!isRead(format)) {
      failure = new VideoDecodeError(name,
        `has pictures (${
          format ?? 'of more than 8 bits, or of a kind that the browser keeps to itself'
        }) that a page does not read`, undefined, CONVERT_ADVICE);
    } else if (wanted.has(place)) {
      gaveRgb ||= isRgb(format as string);
      return keep(place, frame);
    }
    return undefined;
  };

  const decoder = new VideoDecoder({
    output: (frame) => {
      const copying = look(frame);
      if (copying === undefined) frame.close();
      else copies.push(copying.finally(() => frame.close()));
    },
    error: (cause) => {
      failure ??= new VideoDecodeError(name, `frame ${total} of ${expected} is damaged: ${cause.message}`, cause,
        DAMAGE_ADVICE);
    },
  });
  try {
    decoder.configure(config);
    for await (const chunk of track.packets()) {
      if (failure !== undefined) break;
      decoder.decode(chunk);
      while (decoder.decodeQueueSize > MOST_QUEUED && failure === undefined) await dequeued(decoder);
    }
    if (failure === undefined) await decoder.flush();
    await Promise.all(copies);
  } catch (cause) {
    failure ??= new VideoDecodeError(name, `frame ${total} of ${expected} is damaged: ${(cause as Error).message}`,
      cause, DAMAGE_ADVICE);
  } finally {
    if (decoder.state !== 'closed') decoder.close();
    await Promise.allSettled(copies);
  }
  if (failure !== undefined) throw failure;
  checkTotal(track, total);
  return { total, kept, isRgb: gaveRgb };
}

/** A browser may leave out frames without a word. */
function checkTotal({ name, expected, leading, mayShowFewer }: Track, total: number): void {
  if (total > 0 && (total >= expected - leading || mayShowFewer)) return;
  throw new VideoDecodeError(name, total === 0
    ? `none of its ${expected} frames can be decoded`
    : `only ${total} of its ${expected} frames can be decoded`, undefined, CONVERT_ADVICE);
}

/**
 * Software decodes without room for opinions, and gives I420; a browser that has only hardware for a codec is asked for
 * that.
 */
async function supported({ name, config }: Track): Promise<VideoDecoderConfig> {
  if (typeof VideoDecoder === 'undefined') {
    throw new VideoDecodeError(name, 'cannot be decoded: this browser has no WebCodecs', undefined,
      'use a current Chrome, Edge, Safari or Firefox');
  }
  for (const hardwareAcceleration of ['prefer-software', 'no-preference'] as const) {
    const asked = { ...config, hardwareAcceleration };
    const answer = await VideoDecoder.isConfigSupported(asked).catch(() => undefined);
    if (answer?.supported === true) return asked;
  }
  throw new VideoDecodeError(name, `is coded as ${config.codec}, which this browser does not decode`, undefined,
    CONVERT_ADVICE);
}

const dequeued = (decoder: VideoDecoder): Promise<void> =>
  new Promise((resolve) => decoder.addEventListener('dequeue', () => resolve(), { once: true }));
