/** The compressed frames of a video in a file: gone over once, and then given from where they are asked for. */
import type { EncodedPacketSink } from 'mediabunny';
import { type EnteredCodec, type Run, SegmentFinder } from '../../../train/data/video/entries.ts';
import { PageBytes } from './bytes.ts';

/** What counting them tells. */
export interface Census {
  /** Frames that should be seen. */
  readonly expected: number;
  /**
   * Of these, frames to be shown before the first one of the file. Of a piece cut out of a longer video they cannot be
   * decoded; players skip them.
   */
  readonly leading: number;
  /** Where the video can be entered; none where its codec or its times do not tell. Times are in microseconds. */
  readonly segments: readonly Run<number>[];
  /** Of all packets in the order of decoding, in seconds: by these they are found. */
  readonly times: readonly number[];
}

/** Names of codecs that can be entered in the middle, as mediabunny has them. */
const ENTERED: Readonly<Record<string, EnteredCodec>> = { avc: 'h264', hevc: 'hevc', vp9: 'vp9' };

/** What finds segments of a codec; undefined where nothing does. */
export function finderOf(codec: string | null, { description }: VideoDecoderConfig): SegmentFinder<number> | undefined {
  const entered = ENTERED[codec ?? ''];
  const extradata = description === undefined ? new PageBytes() : bytesOf(description as Uint8Array<ArrayBuffer>);
  return entered && new SegmentFinder(entered, extradata);
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): PageBytes =>
  new PageBytes(buffer, byteOffset, byteLength);

/**
 * Goes over all packets once; their bytes are only read where they tell something.
 * @param isShown whether a frame of such a time, in microseconds, is shown
 */
export async function censusOf(sink: EncodedPacketSink, isShown: (timestamp: number) => boolean,
  finder: SegmentFinder<number> | undefined): Promise<Census> {
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

/** Packets in the order of decoding, of the whole file or of a segment. */
export async function* chunksOf(sink: EncodedPacketSink, { times }: Pick<Census, 'times'>,
  segment?: Run<number>): AsyncGenerator<EncodedVideoChunk> {
  const { start, end } = segment ?? { start: 0, end: times.length };
  const from = start === 0 ? undefined : await sink.getPacket(times[start]) ?? undefined;
  let place = start;
  for await (const packet of sink.packets(from)) {
    if (place === end) return;
    if (packet.timestamp !== times[place++]) throw new Error('its packets are not where they were');
    if (packet.byteLength > 0) yield packet.toEncodedVideoChunk();
  }
}
