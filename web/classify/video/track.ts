/** The video in a file: its compressed frames, which of them are shown, and what the file states of their pictures. */
import { BlobSource, EncodedPacketSink, Input, type InputVideoTrack, MATROSKA, MP4, QTFF, WEBM } from 'mediabunny';
import { FirstlightError, VideoDecodeError } from '../../../engine/errors.ts';
import type { Run } from '../../../train/data/video/entries.ts';
import { MAX_PIXELS } from '../../../train/data/video/i420.ts';
import { movieOf } from '../../../train/data/video/iso.ts';
import { type Orientation, orientationBy } from '../../../train/data/video/orientation.ts';
import { type Stretch, stretchesOf } from '../../../train/data/video/times.ts';
import { type Coding, codingOf, codingOfVp8 } from './coding.ts';
import { CONVERT_ADVICE, DAMAGE_ADVICE, inspect, KIND_ADVICE, sourceOf } from './file.ts';
import { type Census, censusOf, chunksOf, finderOf } from './packets.ts';

/** A video that is open. */
export interface Track extends Omit<Census, 'times'> {
  readonly name: string;
  /** Compressed frames in the order of decoding: of the whole file, or of a segment. */
  packets(segment?: Run<number>): AsyncIterable<EncodedVideoChunk>;
  /** Whether a frame of such a time, in microseconds, is shown: an edit list may leave frames out. */
  isShown(timestamp: number): boolean;
  /** Whether there may be packets without a frame of their own: the hidden reference frames of VP8. */
  readonly mayShowFewer: boolean;
  readonly config: VideoDecoderConfig;
  readonly coding: Coding;
  readonly orientation: Orientation;
}

/** Opens the first video of a file for as long as it is used. @throws VideoDecodeError FL_VIDEO */
export async function withTrack<T>(file: Blob, name: string, use: (track: Track) => Promise<T>): Promise<T> {
  try {
    const source = sourceOf(file);
    const signature = inspect(source, name);
    using input = new Input({ source: new BlobSource(file), formats: [MP4, QTFF, MATROSKA, WEBM] });
    const video = await input.getPrimaryVideoTrack();
    if (video === null) {
      const others = (await input.getTracks()).length === 0
        ? 'no streams at all'
        : 'only sound, data or a cover picture';
      throw new VideoDecodeError(name, `has no video, ${others}`, undefined, KIND_ADVICE);
    }
    const movie = signature === 'iso' ? movieOf(source) : undefined;
    return await use(await trackOf(name, video, movie && stretchesOf(movie, video.id)));
  } catch (cause) {
    if (cause instanceof FirstlightError) throw cause;
    throw new VideoDecodeError(name, `cannot be read: ${(cause as Error).message}`, cause, DAMAGE_ADVICE);
  }
}

async function trackOf(name: string, video: InputVideoTrack,
  stretches: readonly Stretch[] | undefined): Promise<Track> {
  const config = await video.getDecoderConfig();
  if (config === null) {
    const id = await video.getInternalCodecId();
    throw new VideoDecodeError(name,
      `is coded ${typeof id === 'string' ? `as ${id}` : 'in a way'}, which browsers do not decode`, undefined,
      CONVERT_ADVICE);
  }
  const [width, height] = [await video.getCodedWidth(), await video.getCodedHeight()];
  checkSize(name, width, height);
  if (stretches !== undefined && stretches.length > 1) {
    throw new VideoDecodeError(name, `is put together of ${stretches.length} pieces by its list of edits`, undefined,
      CONVERT_ADVICE);
  }
  // times come rounded to a microsecond
  const isShown = (timestamp: number) =>
    stretches?.every(({ from, to }) => timestamp > from * SECOND - 1 && timestamp < to * SECOND - 1) ?? true;
  const sink = new EncodedPacketSink(video);
  const census = await censusOf(sink, isShown, finderOf(await video.getCodec(), config));
  if (census.expected === 0) {
    throw new VideoDecodeError(name, 'has a video track without a single frame', undefined, DAMAGE_ADVICE);
  }
  const isVp8 = config.codec === 'vp8';
  const key = isVp8 ? await sink.getFirstKeyPacket() : null;
  const vp8 = key === null ? undefined : codingOfVp8(key.data);
  return { name, ...census, packets: (segment) => chunksOf(sink, census, segment), isShown,
    config: { ...config, codedWidth: width, codedHeight: height }, mayShowFewer: isVp8,
    coding: vp8 ?? codingOf(name, await video.getColorSpace(), height),
    orientation: orientationOf(name, await video.getTransformationMatrix()) };
}

function checkSize(name: string, width: number, height: number): void {
  if (width * height <= MAX_PIXELS) return;
  throw new VideoDecodeError(name,
    `states a picture of ${width} × ${height}, more than ${MAX_PIXELS.toLocaleString('en-US')} pixels`, undefined,
    CONVERT_ADVICE);
}

/** Microseconds. */
const SECOND = 1e6;

/** @param matrix of 3 × 3, row by row, as mp4 writes it */
function orientationOf(name: string, [a, b, , c, d]: readonly number[]): Orientation {
  const orientation = orientationBy([a, b, c, d]);
  if (orientation !== undefined) return orientation;
  throw new VideoDecodeError(name, `asks to be shown turned by part of a right angle (matrix ${a}, ${b}, ${c}, ${d})`,
    undefined, CONVERT_ADVICE);
}
