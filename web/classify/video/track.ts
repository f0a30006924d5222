/** The video in a file: its compressed frames, which of them are shown, and what the file states of their pictures. */
import { BlobSource, EncodedPacketSink, Input, type InputVideoTrack, MATROSKA, MP4, QTFF, WEBM } from 'mediabunny';
import { FirstlightError, VideoDecodeError } from '../../../engine/errors.ts';
import { type EnteredCodec, type Run, SegmentFinder } from '../../../train/data/video/entries.ts';
import { MAX_PIXELS } from '../../../train/data/video/i420.ts';
import { movieOf } from '../../../train/data/video/iso.ts';
import { type Orientation, orientationBy } from '../../../train/data/video/orientation.ts';
import { type Stretch, stretchesOf } from '../../../train/data/video/times.ts';
import { PageBytes } from './bytes.ts';
import { type Coding, codingOf, codingOfVp8 } from './coding.ts';
import { CONVERT_ADVICE, DAMAGE_ADVICE, inspect, KIND_ADVICE, sourceOf } from './file.ts';

/** A video that is open. */
export interface Track {
  readonly name: string;
  /** Compressed frames in the order of decoding: of the whole file, or of a segment. */
  packets(segment?: Run<number>): AsyncIterable<EncodedVideoChunk>;
  /** Where it can be entered; none where its codec or its times do not tell. Times are in microseconds. */
  readonly segments: readonly Run<number>[];
  /** Frames that should be seen. */
  readonly expected: number;
  /**
   * Of these, frames to be shown before the first one of the file. Of a piece cut out of a longer video they cannot be
   * decoded; players skip them.
   */
  readonly leading: number;
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
  if (width * height > MAX_PIXELS) {
    throw new VideoDecodeError(name,
      `states a picture of ${width} × ${height}, more than ${MAX_PIXELS.toLocaleString('en-US')} pixels`, undefined,
      CONVERT_ADVICE);
  }
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
  const { times, ...counted } = census;
  return { name, ...counted, packets: (segment) => chunksOf(sink, times, segment), isShown,
    config: { ...config, codedWidth: width, codedHeight: height }, mayShowFewer: isVp8,
    coding: vp8 ?? codingOf(name, await video.getColorSpace(), height),
    orientation: orientationOf(name, await video.getTransformationMatrix()) };
}

/** Microseconds. */
const SECOND = 1e6;

/** Names of codecs that can be entered in the middle, as mediabunny has them. */
const ENTERED: Readonly<Record<string, EnteredCodec>> = { avc: 'h264', hevc: 'hevc', vp9: 'vp9' };

function finderOf(codec: string | null, { description }: VideoDecoderConfig): SegmentFinder<number> | undefined {
  const entered = ENTERED[codec ?? ''];
  const extradata = description === undefined ? new PageBytes() : bytesOf(description as Uint8Array<ArrayBuffer>);
  return entered && new SegmentFinder(entered, extradata);
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>) =>
  new PageBytes(buffer, byteOffset, byteLength);

/** Goes over all packets once; their bytes are only looked at where they tell something. */
async function censusOf(sink: EncodedPacketSink, isShown: Track['isShown'],
  finder: SegmentFinder<number> | undefined
): Promise<
  Pick<Track, 'expected' | 'leading' | 'segments'> & { readonly times: readonly number[] }
> {
  let [expected, leading] = [0, 0];
  const times: number[] = [];
  for await (const packet of sink.packets(undefined, undefined, { metadataOnly: finder === undefined })) {
    const { timestamp, microsecondTimestamp, byteLength, data } = packet;
    times.push(timestamp);
    const isSeen = byteLength > 0 && isShown(microsecondTimestamp);
    if (byteLength > 0 && timestamp < times[0]) leading++;
    if (isSeen) expected++;
    finder?.add(bytesOf(data as Uint8Array<ArrayBuffer>), isSeen ? microsecondTimestamp : 'hidden');
  }
  return { expected, leading, times, segments: finder?.segments() ?? [] };
}

/** @param times in seconds, in the order of decoding: by these packets are found */
async function* chunksOf(sink: EncodedPacketSink, times: readonly number[],
  { start, end }: Pick<Run<number>, 'start' | 'end'> = { start: 0, end: times.length }
): AsyncGenerator<
  EncodedVideoChunk
> {
  const from = start === 0 ? undefined : await sink.getPacket(times[start]) ?? undefined;
  let place = start;
  for await (const packet of sink.packets(from)) {
    if (place === end) return;
    if (packet.timestamp !== times[place++]) throw new Error('its packets are not where they were');
    if (packet.byteLength > 0) yield packet.toEncodedVideoChunk();
  }
}

/** @param matrix of 3 × 3, row by row, as mp4 writes it */
function orientationOf(name: string, [a, b, , c, d]: readonly number[]): Orientation {
  const orientation = orientationBy([a, b, c, d]);
  if (orientation !== undefined) return orientation;
  throw new VideoDecodeError(name, `asks to be shown turned by part of a right angle (matrix ${a}, ${b}, ${c}, ${d})`,
    undefined, CONVERT_ADVICE);
}
