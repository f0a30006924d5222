/**
 * Where a video can be entered: segments of packets that refer to none before them, and whose frames are all shown
 * after those of the segment before. Told by the bits of the codec itself, because the marks of containers also stand
 * at pictures that later ones may reach across.
 */
import type { Bytes } from './bytes.ts';

/** Some packets in a row, of all that were looked at, in the order of decoding. */
export interface Run<T> {
  readonly start: number;
  readonly end: number;
  /** Place of its first frame in the order of presentation. */
  readonly first: number;
  /** When its frames are shown, in that order. */
  readonly times: readonly T[];
}

/** What tells of a packet whether a codec can be entered there. */
interface Entries {
  /** What is to be remembered of a packet. */
  marksOf(packet: Bytes): readonly number[];
  /** Whether a segment begins with a packet of such marks, of packets that all have those. */
  isEntry(marks: readonly number[], all: readonly (readonly number[])[]): boolean;
}

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

const has = (own: readonly number[], wanted: readonly number[]) => own.some((type) => wanted.includes(type));

/**
 * Packets with such a picture. Where parameter sets come with packets, rather than once and for all with the extradata,
 * a packet that has none could need those of a packet that is left out.
 */
function entriesByUnits({ typeOf, entries, parameters, lengthAt }: Units, extradata: Bytes): Entries {
  const lengthSize = extradata[0] === 1 && extradata.length > lengthAt ? (extradata[lengthAt] & 3) + 1 : 0;
  let bringsParameters: boolean | undefined;
  return {
    marksOf: (packet) =>
      unitTypes(packet, lengthSize, typeOf).filter((type) => entries.includes(type) || parameters.includes(type)),
    isEntry: (own, all) => {
      bringsParameters ??= all.some((marks) => has(marks, parameters));
      return has(own, entries) && (!bringsParameters || parameters.every((type) => own.includes(type)));
    },
  };
}

/** VP9 Bitstream Specification 0.6, 6.2: frame_marker 2, a profile below 3, no show_existing_frame, frame_type 0. */
const isVp9Key = (packet: Bytes) => packet[0] >> 6 === 2 && (packet[0] & 0x30) !== 0x30 && (packet[0] & 0x0c) === 0;

const KEY = [1];
const CODECS = {
  // ISO/IEC 14496-10, table 7-1; extradata: ISO/IEC 14496-15, 5.3.3.1
  h264: (extradata: Bytes) =>
    entriesByUnits({ typeOf: (byte) => byte & 0x1f, entries: [5], parameters: [7, 8], lengthAt: 4 }, extradata),
  // ISO/IEC 23008-2, table 7-1: IDR_W_RADL, IDR_N_LP; extradata: ISO/IEC 14496-15, 8.3.3.1
  hevc: (extradata: Bytes) =>
    entriesByUnits({ typeOf: (byte) => (byte >> 1) & 0x3f, entries: [19, 20], parameters: [33, 34], lengthAt: 21 },
      extradata),
  vp9: (): Entries => ({ marksOf: (packet) => (isVp9Key(packet) ? KEY : []), isEntry: (marks) => marks === KEY }),
};

/** Codecs whose bits tell. */
export type EnteredCodec = keyof typeof CODECS;

/** Looks at the packets of a video one after another, and keeps little of each. */
export class SegmentFinder<T extends bigint | number> {
  readonly #entries: Entries;
  readonly #marks: (readonly number[])[] = [];
  readonly #times: (T | 'none' | 'hidden')[] = [];

  /** @param extradata of the codec; may be empty */
  constructor(codec: EnteredCodec, extradata: Bytes) {
    this.#entries = CODECS[codec](extradata);
  }

  /** @param time when its frame is shown; none: the container does not tell; hidden: it is not shown */
  add(packet: Bytes, time: T | 'none' | 'hidden'): void {
    this.#marks.push(this.#entries.marksOf(packet));
    this.#times.push(time);
  }

  /** The segments of all of them; none where times do not tell. */
  segments(): Run<T>[] {
    const marks = this.#marks;
    const starts = [...marks.keys()].filter((place) => place === 0 || this.#entries.isEntry(marks[place], marks));
    let first = 0;
    const segments = starts.map((start, i) => {
      const end = starts[i + 1] ?? marks.length;
      const shown = this.#times.slice(start, end).filter((time) => time !== 'hidden');
      const times = (shown as T[]).sort((a, b) => (a < b ? -1 : 1));
      const segment = { start, end, first, times };
      first += times.length;
      return segment;
    });
    const all = segments.flatMap(({ times }) => times);
    const isInOrder = !this.#times.includes('none') && all.every((time, i) => i === 0 || time > all[i - 1]);
    return isInOrder ? segments : [];
  }
}

/**
 * Types of the NAL units of a packet.
 *
 * @param lengthSize bytes of the length that stands before each unit; 0: start codes do, 00 00 01
 */
function unitTypes(packet: Bytes, lengthSize: number, typeOf: (byte: number) => number): number[] {
  const types: number[] = [];
  if (lengthSize === 0) {
    const after = (at: number) => packet.indexOf(START, at, 'latin1');
    for (let at = after(0); at >= 0 && at + 3 < packet.length; at = after(at + 3)) {
      types.push(typeOf(packet[at + 3]));
    }
    return types;
  }
  for (let at = 0; at + lengthSize < packet.length; at += lengthSize + packet.readUIntBE(at, lengthSize)) {
    types.push(typeOf(packet[at + lengthSize]));
  }
  return types;
}

const START = '\x00\x00\x01';
