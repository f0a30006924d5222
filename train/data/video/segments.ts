/** The segments of a video whose packets FFmpeg gave. */
import { AV_CODEC_ID_H264, AV_CODEC_ID_HEVC, AV_CODEC_ID_VP9, AV_NOPTS_VALUE,
  AV_PKT_FLAG_DISCARD } from 'node-av/constants';
import type { Packet, Stream } from 'node-av/lib';
import { type EnteredCodec, type Run, SegmentFinder } from './entries.ts';

/** Packets of their own in the order of decoding, and when their frames are shown. */
export interface Segment extends Pick<Run<bigint>, 'first' | 'times'> {
  readonly packets: readonly Packet[];
}

const CODECS: Readonly<Record<number, EnteredCodec>> = { [AV_CODEC_ID_H264]: 'h264', [AV_CODEC_ID_HEVC]: 'hevc',
  [AV_CODEC_ID_VP9]: 'vp9' };

/** The segments of all packets of a stream; none where its codec or its times do not tell. */
export function segmentsOf(packets: readonly Packet[], { codecpar }: Stream): Segment[] {
  const codec = CODECS[codecpar.codecId];
  if (codec === undefined) return [];
  const finder = new SegmentFinder<bigint>(codec, codecpar.extradata ?? Buffer.alloc(0));
  for (const packet of packets) {
    const isShown = packet.size > 0 && !packet.hasFlags(AV_PKT_FLAG_DISCARD);
    const time = packet.pts === AV_NOPTS_VALUE ? 'none' : packet.pts;
    finder.add(packet.data ?? Buffer.alloc(0), isShown ? time : 'hidden');
  }
  return finder.segments().map(({ start, end, first, times }) => ({ packets: packets.slice(start, end), first,
    times })
  );
}
