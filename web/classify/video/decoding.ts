/** Compressed frames to pictures, by the browser's own decoder. */
import { VideoDecodeError } from '../../../engine/errors.ts';
import type { I420Frame } from '../../../kernels/frames/i420.ts';
import type { Run } from '../../../train/data/video/entries.ts';
import { turned } from '../../../train/data/video/orientation.ts';
import { CONVERT_ADVICE, DAMAGE_ADVICE } from './file.ts';
import { isRead, isRgb, pictureOf, pixelsOf, sizeOf } from './picture.ts';
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

/** Packets that the decoder has at once: more than frames can be out of order, and little memory. */
const MOST_QUEUED = 24;

/**
 * Decodes a video, and keeps the frames at some places of the order of presentation. Of one that can be entered at
 * several places only the segments are decoded that the frames are in, each as far as that; the frames are the same.
 * What a decoder papers over stays unseen, other than in Node, whose decoder can be told not to.
 *
 * @throws VideoDecodeError FL_VIDEO
 */
export async function decode(track: Track, wanted: ReadonlySet<number>): Promise<Decoded> {
  const config = await supported(track);
  return await decodeSegments(track, config, wanted) ?? await decodeRun(track, config, new Frames(track, wanted));
}

/**
 * Undefined where the file has no segments, or does not keep to what they promise: then all of it has to be decoded,
 * which also tells what is wrong.
 */
async function decodeSegments(track: Track, config: VideoDecoderConfig,
  wanted: ReadonlySet<number>): Promise<Decoded | undefined> {
  const { segments, leading, expected } = track;
  if (segments.length < 2 || leading > 0) return undefined;
  const kept = new Map<number, I420Frame>();
  let gaveRgb = false;
  try {
    for (const segment of segments) {
      const own = new Set(
        [...wanted].filter((place) => place >= segment.first && place < segment.first + segment.times.length),
      );
      if (own.size === 0) continue;
      const decoded = await decodeRun(track, config, new Frames(track, own, segment));
      for (const [place, frame] of decoded.kept) kept.set(place, frame);
      gaveRgb ||= decoded.isRgb;
    }
  } catch (error) {
    if (error instanceof VideoDecodeError) return undefined;
    throw error;
  }
  return { total: expected, kept, isRgb: gaveRgb };
}

/** Decodes what some frames are taken of, as far as they want. */
async function decodeRun(track: Track, config: VideoDecoderConfig, frames: Frames): Promise<Decoded> {
  const decoder = new VideoDecoder({ output: (frame) => frames.take(frame), error: (cause) => frames.fail(cause) });
  try {
    decoder.configure(config);
    for await (const chunk of track.packets(frames.segment)) {
      while (decoder.decodeQueueSize >= MOST_QUEUED && !frames.isDone) await dequeued(decoder);
      if (frames.isDone) break;
      decoder.decode(chunk);
    }
    if (!frames.isDone) await decoder.flush();
  } catch (cause) {
    frames.fail(cause);
  } finally {
    if (decoder.state !== 'closed') decoder.close();
  }
  return frames.all();
}

/** Takes in the frames of a video, or of a segment of it, in the order of presentation. */
class Frames {
  readonly segment: Run<number> | undefined;
  readonly #track: Track;
  readonly #wanted: ReadonlySet<number>;
  readonly #kept = new Map<number, I420Frame>();
  readonly #copies: Promise<void>[] = [];
  #total = 0;
  #isRgb = false;
  #size: { readonly width: number; readonly height: number } | undefined;
  #failure: VideoDecodeError | undefined;

  constructor(track: Track, wanted: ReadonlySet<number>, segment?: Run<number>) {
    this.#track = track;
    this.#wanted = wanted;
    this.segment = segment;
  }

  /** Whether nothing more is asked for: something went wrong, or all that was wanted of a segment is there. */
  get isDone(): boolean {
    return this.#failure !== undefined || (this.segment !== undefined && this.#copies.length === this.#wanted.size);
  }

  /** Counts a frame, keeps it if it is wanted, and closes it: decoders have few. */
  take(frame: VideoFrame): void {
    const place = this.#look(frame);
    if (place === undefined || !this.#wanted.has(place)) return frame.close();
    const { coding, orientation } = this.#track;
    this.#isRgb ||= isRgb(frame.format);
    const copy = pixelsOf(frame).then((pixels) => {
      this.#kept.set(place, turned(pictureOf(pixels, coding), orientation));
    });
    this.#copies.push(copy.catch((cause: unknown) => this.fail(cause)).finally(() => frame.close()));
  }

  /** The place of a frame; undefined for one that is not shown, or cannot be read. */
  #look(frame: VideoFrame): number | undefined {
    const { name, isShown } = this.#track;
    if (this.isDone || !isShown(frame.timestamp)) return undefined;
    const { first, times } = this.segment ?? { first: 0, times: undefined };
    if (times !== undefined && times[this.#total] !== frame.timestamp) return void this.fail(new Error('it moved'));
    const place = first + this.#total++;
    const { width, height } = sizeOf(frame);
    const size = this.#size ??= { width, height };
    const isOther = width !== size.width || height !== size.height;
    if (!isOther && isRead(frame.format)) return place;
    const reason = isOther
      ? `changes its picture from ${size.width} × ${size.height} to ${width} × ${height} at frame ${place}`
      : `has pictures of a kind (${frame.format ?? 'more than 8 bits, perhaps'}) that a page does not read`;
    this.#failure = new VideoDecodeError(name, reason, undefined, CONVERT_ADVICE);
    return undefined;
  }

  /** The first thing that went wrong counts. */
  fail(cause: unknown): void {
    const { name, expected } = this.#track;
    this.#failure ??= new VideoDecodeError(name,
      `frame ${this.#total} of ${expected} is damaged: ${(cause as Error).message}`, cause, DAMAGE_ADVICE);
  }

  /** What there is when no more frames come. A browser may have left some out without a word. */
  async all(): Promise<Decoded> {
    await Promise.all(this.#copies);
    if (this.#failure !== undefined) throw this.#failure;
    const { name, expected, leading, mayShowFewer } = this.#track;
    const total = this.#total;
    if (this.segment !== undefined) {
      if (this.#kept.size < this.#wanted.size) throw new VideoDecodeError(name, 'a segment is incomplete');
    } else if (total === 0 || (total < expected - leading && !mayShowFewer)) {
      const number = total === 0 ? 'none' : `only ${total}`;
      throw new VideoDecodeError(name, `${number} of its ${expected} frames can be decoded`, undefined, CONVERT_ADVICE);
    }
    return { total, kept: this.#kept, isRgb: this.#isRgb };
  }
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
    const answer = await VideoDecoder.isConfigSupported(asked).catch(() => undefined); // of a codec that it never saw
    if (answer?.supported === true) return asked;
  }
  throw new VideoDecodeError(name, `is coded as ${config.codec}, which this browser does not decode`, undefined,
    CONVERT_ADVICE);
}

const dequeued = (decoder: VideoDecoder): Promise<void> =>
  new Promise((resolve) => decoder.addEventListener('dequeue', () => resolve(), { once: true }));
