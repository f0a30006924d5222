/**
 * Where a video can be entered: segments of packets that refer to none before them, and whose frames are all shown
 * after those of the segment before. Told by the bits of the codec itself, because the marks of containers also stand
 * at pictures that later ones may reach across.
 */
import { AV_CODEC_ID_H264, AV_CODEC_ID_HEVC, AV_CODEC_ID_VP9, AV_NOPTS_VALUE,
  AV_PKT_FLAG_DISCARD } from 'node-av/constants';
import type { Packet, Stream } from 'node-av/lib';

export interface Segment {
  /** In the order of decoding. */
  readonly packets: readonly Packet[];
  /** Place of its first frame in the order of presentation. */
  readonly first: number;
  /** When its frames are shown, in that order. */
  readonly times: readonly bigint[];
}

/** The segments of all packets of a stream; none where its codec or its times do not tell. */
export function segmentsOf(packets: readonly Packet[], { codecpar }: Stream): Segment[] {
  const entriesOf = ENTRIES[codecpar.codecId];
  if (entriesOf === undefined) return [];
  const bytes = packets.map(({ data }) => data ?? Buffer.alloc(0));
  const starts = [0, ...entriesOf(bytes, codecpar.extradata ?? Buffer.alloc(0)).filter((place) => place > 0)];
  let first = 0;
  const segments = starts.map((start, i) => {
    const own = packets.slice(start, starts[i + 1]);
    const shown = own.filter((packet) => packet.size > 0 && !packet.hasFlags(AV_PKT_FLAG_DISCARD));
    const times = shown.map(({ pts }) => pts).sort((a, b) => (a < b ? -1 : 1));
    const segment = { packets: own, first, times };
    first += times.length;
    return segment;
  });
  const all = segments.flatMap(({ times }) => times);
  const isInOrder = all.every((time, i) => time !== AV_NOPTS_VALUE && (i === 0 || time > all[i - 1]));
  return isInOrder ? segments : [];
}

/** Which packets begin a segment. */
type EntriesOf = (packets: readonly Buffer[], extradata: Buffer) => number[];

/** Types of NAL units of a codec. */
interface Units {
  readonly typeOf: (byte: number) => number;
  /** Pictures that nothing is carried over to. */
  readonly entries: readonly number[];
  /** What a decoder keeps from then on. */
  readonly parameters: readonly number[];
  /** Where the extradata says how long the lengths are that stand before units. */
  readonly lengthAt: number;
}

/**
 * Packets with such a picture. Where parameter sets come with packets, rather than once and for all with the extradata,
 * a packet that has none could need those of a packet that is left out.
 */
function entriesByUnits({ typeOf, entries, parameters, lengthAt }: Units): EntriesOf {
  return (packets, extradata) => {
    const lengthSize = extradata[0] === 1 && extradata.length > lengthAt ? (extradata[lengthAt] & 3) + 1 : 0;
    const types = packets.map((packet) => unitTypes(packet, lengthSize, typeOf));
    const has = (own: readonly number[], wanted: readonly number[]) => own.some((type) => wanted.includes(type));
    const bringsParameters = types.some((own) => has(own, parameters));
    return types.flatMap((own, place) =>
      has(own, entries) && (!bringsParameters || parameters.every((type) => own.includes(type))) ? [place] : []
    );
  };
}

/** VP9 Bitstream Specification 0.6, 6.2: frame_marker 2, a profile below 3, no show_existing_frame, frame_type 0. */
const isVp9Key = (packet: Buffer) => packet[0] >> 6 === 2 && (packet[0] & 0x30) !== 0x30 && (packet[0] & 0x0c) === 0;

const ENTRIES: Readonly<Record<number, EntriesOf>> = {
  // ISO/IEC 14496-10, table 7-1; extradata: ISO/IEC 14496-15, 5.3.3.1
  [AV_CODEC_ID_H264]: entriesByUnits({ typeOf: (byte) => byte & 0x1f, entries: [5], parameters: [7, 8], lengthAt: 4 }),
  // ISO/IEC 23008-2, table 7-1: IDR_W_RADL, IDR_N_LP; extradata: ISO/IEC 14496-15, 8.3.3.1
  [AV_CODEC_ID_HEVC]: entriesByUnits({ typeOf: (byte) => (byte >> 1) & 0x3f, entries: [19, 20], parameters: [33, 34],
    lengthAt: 21 }),
  [AV_CODEC_ID_VP9]: (packets) => packets.flatMap((packet, place) => (isVp9Key(packet) ? [place] : [])),
};

/**
 * Types of the NAL units of a packet.
 *
 * @param lengthSize bytes of the length that stands before each unit; 0: start codes do, 00 00 01
 */
function unitTypes(packet: Buffer, lengthSize: number, typeOf: (byte: number) => number): number[] {
  const types: number[] = [];
  if (lengthSize === 0) {
    for (let at = packet.indexOf(START); at >= 0 && at + 3 < packet.length; at = packet.indexOf(START, at + 3)) {
      types.push(typeOf(packet[at + 3]));
    }
    return types;
  }
  for (let at = 0; at + lengthSize < packet.length; at += lengthSize + packet.readUIntBE(at, lengthSize)) {
    types.push(typeOf(packet[at + lengthSize]));
  }
  return types;
}

const START = Buffer.from([0, 0, 1]);
