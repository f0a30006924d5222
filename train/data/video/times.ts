/**
 * The times of the frames of an mp4, as its tables tell them. An edit list says which part of a track is shown, and a
 * demuxer leaves out what lies outside of it without a word: one wrong bit in a time makes a still picture of a motion.
 * So tables that are missing, that contradict each other, or that hide frames which no edit hides, are damage. An end
 * that was cut off on purpose is told from one that a wrong bit hides: all that states it agrees (`isMeant`).
 */
import { boxesIn, boxOf, linesOf } from './boxes.ts';
import type { Bytes } from './bytes.ts';

/** Frames between the decoding of one and its display, or the other way round: what H.264 and HEVC have at most. */
const MOST_OUT_OF_ORDER = 16;

/** One bit each of those of a number that is not negative. */
const BITS = Array.from({ length: 31 }, (_, bit) => 1 << bit);

/** What the tables of a track say of its frames, in units of the track. */
interface Times {
  /** When each frame is shown, in the order of decoding. */
  readonly shown: Float64Array;
  readonly durations: Float64Array;
  /** Places in the order of decoding, in the order in which they are shown. */
  readonly places: readonly number[];
}

/** How long a movie or the media of a track are, and in which units: `mvhd` and `mdhd`. */
interface Length {
  /** Units in a second. */
  readonly scale: number;
  readonly duration: number;
}

/** What is wrong with the times of a video's frames. @param movie contents of `moov` */
export function faultOfTimes(movie: Bytes): string | undefined {
  const boxes = boxesIn(movie);
  const whole = lengthOf(boxes.find(({ type }) => type === 'mvhd')?.contents);
  for (const { type, contents: track } of boxes) {
    const handler = type === 'trak' ? boxOf(track, 'mdia', 'hdlr') : undefined;
    const fault = handler?.toString('latin1', 8, 12) === 'vide' ? faultOfTrack(track, whole) : undefined;
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function faultOfTrack(track: Bytes, movie: Length | undefined): string | undefined {
  const samples = samplesOf(track);
  if (samples === undefined) return 'its table of samples is missing';
  if (samples === 0) return undefined; // they come in fragments, with times of their own
  const media = lengthOf(boxOf(track, 'mdia', 'mdhd'));
  if (media === undefined || movie === undefined) return 'it states no unit of time';
  const table = (name: string) => boxOf(track, 'mdia', 'minf', 'stbl', name);
  const durations = spread(table('stts'), samples, 'readUInt32BE');
  if (durations === undefined) return `its table of times (stts) is not one of ${samples} frames`;
  const offsets = table('ctts') === undefined
    ? new Float64Array(samples)
    : spread(table('ctts'), samples, 'readInt32BE');
  if (offsets === undefined) return `its table of times (ctts) is not one of ${samples} frames`;
  let decoded = 0;
  const shown = offsets.map((offset, i) => {
    const time = decoded + offset;
    decoded += durations[i];
    return time;
  });
  const places = Array.from(shown.keys()).sort((a, b) => shown[a] - shown[b]);
  const times = { shown, durations, places };
  return faultOfOrder(times) ?? faultOfEdits(times, track, media, movie);
}

/** Sections 8.7.3.2 and 8.7.3.3. */
function samplesOf(track: Bytes): number | undefined {
  const table = boxOf(track, 'mdia', 'minf', 'stbl', 'stsz') ?? boxOf(track, 'mdia', 'minf', 'stbl', 'stz2');
  return table === undefined || table.length < 12 ? undefined : table.readUInt32BE(8);
}

/** Sections 8.2.2 and 8.4.2. */
function lengthOf(header: Bytes | undefined): Length | undefined {
  const version = header?.[0] ?? 2;
  const at = [12, 20][version];
  if (header === undefined || at === undefined || header.length < at + 4 * (2 + version)) return undefined;
  const scale = header.readInt32BE(at);
  const duration = version === 0 ? header.readUInt32BE(at + 4) : Number(header.readBigUInt64BE(at + 4));
  return scale > 0 ? { scale, duration } : undefined;
}

/** How long a track is shown, in units of the movie: `tkhd`. Section 8.3.2. */
function shownLengthOf(track: Bytes): number | undefined {
  const header = boxOf(track, 'tkhd');
  if (header === undefined || header.length < 36) return undefined;
  return header[0] === 0 ? header.readUInt32BE(20) : Number(header.readBigUInt64BE(28));
}

/** The value of each sample, of a table of lines `samples, value`: `stts` and `ctts`. Sections 8.6.1.2 and 8.6.1.3. */
function spread(table: Bytes | undefined, samples: number, read: 'readUInt32BE' | 'readInt32BE'):
  | Float64Array
  | undefined {
  const lines = table && linesOf(table, 8);
  if (lines?.reduce((sum, line) => sum + line.readUInt32BE(0), 0) !== samples) return undefined;
  const values = new Float64Array(samples);
  let at = 0;
  for (const line of lines) values.fill(line[read](4), at, at += line.readUInt32BE(0));
  return values;
}

/** Frames are shown about when they are decoded, and at a steady rate if they are decoded at one. */
function faultOfOrder({ shown, durations, places }: Times): string | undefined {
  const most = Math.min(MOST_OUT_OF_ORDER, Math.max(0, places.length - 2)); // nor is the first one shown last
  if (places.some((place, i) => Math.abs(place - i) > most)) {
    return 'its frames are shown long before or after they are decoded';
  }
  const [step] = durations;
  const isSteady = step > 0 && durations.every((duration, i) => duration === step || i === durations.length - 1);
  // to the unit, but for what comes of rounding
  const isOff = (time: number, i: number) =>
    i > 0 && Math.abs(time - shown[places[i - 1]] - step) > Math.max(1, step / 8);
  return isSteady && places.map((place) => shown[place]).some(isOff)
    ? 'its tables of times (stts, ctts) contradict each other'
    : undefined;
}

/** A stretch of the track that is shown. */
interface Edit {
  /** In units of the track; −1: nothing is shown. */
  readonly begin: number;
  /** In units of the movie; 0: to its end. */
  readonly duration: number;
}

/**
 * An edit list may begin later than the track: the frames before are only there so that the first one shown can be
 * decoded. It does not end earlier, but for frames that are out of order, for a last one of no duration, and for an end
 * that was cut off on purpose.
 */
function faultOfEdits(times: Times, track: Bytes, media: Length, movie: Length): string | undefined {
  const list = boxOf(track, 'edts', 'elst');
  if (list === undefined) return undefined;
  const all = editsOf(list);
  if (all === undefined) return 'its list of edits is cut off';
  const edits = all.filter(({ begin }) => begin >= 0);
  if (edits.length === 0) return undefined;
  const { shown, durations, places } = times;
  const ratio = media.scale / movie.scale;
  const ending = endingOf(times);
  const endOf = ({ begin, duration }: Edit) => duration === 0 ? ending : begin + Math.round(duration * ratio);
  const begin = edits.reduce((least, edit) => Math.min(least, edit.begin), Number.POSITIVE_INFINITY);
  const end = edits.reduce((most, edit) => Math.max(most, endOf(edit)), 0);
  const before = shown.filter((time) => time < begin).length;
  const after = shown.filter((time) => time >= end && time < ending).length;
  const last = ending + durations[0] / 2 + 2 * Math.max(1, ratio);
  if (before > 0 && end > last) {
    return `its list of edits leaves out ${before} of ${shown.length} frames, and goes on after the last one`;
  }
  const delay = places.reduce((most, place, i) => Math.max(most, place - i), 0);
  if (after <= delay) return undefined;
  const isLate = shown[places[0]] > begin + (delay + 1) * durations[0];
  // where one other bit of its begin would show all to the end, that bit is wrong
  const isWhole = (moved: number) => moved > shown[places[places.length - 1]] && moved <= last;
  const isMoved = edits.some((edit) => BITS.some((bit) => isWhole(endOf({ ...edit, begin: edit.begin ^ bit }))));
  // nor is its unit one bit away from another in use that would
  const isScaled = BITS.map((bit) => media.scale ^ bit).some((scale) =>
    isInUse(scale) && isWhole(begin + ((end - begin) * scale) / media.scale)
  );
  return !isLate && !isMoved && !isScaled && isMeant(times, all, shownLengthOf(track), media, movie)
    ? undefined
    : `its list of edits leaves out the last ${after} of ${shown.length} frames`;
}

const endingOf = ({ shown, durations, places }: Times) =>
  shown[places[places.length - 1]] + durations[durations.length - 1];

/**
 * Units of time in use that are no multiples of five: FFmpeg doubles the frame rate until it is 10,000 at least, and
 * these are what 24 and 16 frames a second come to, with their halves and doubles.
 */
const DOUBLED = [12_288, 16_384];

/**
 * Whether a unit of time is one in use. Nearly all are multiples of five; one wrong bit makes none of them, for it
 * changes them by a power of two, and that is no multiple of five.
 */
const isInUse = (scale: number) => scale % 5 === 0 || DOUBLED.includes(scale);

/**
 * Whether an end was cut off on purpose. Then the track states the same length as its edits, the movie is no shorter,
 * the media are as long as all of their frames, to one, and units of time are in use.
 */
function isMeant({ durations }: Times, edits: readonly Edit[], shownLength: number | undefined, media: Length,
  movie: Length): boolean {
  const whole = durations.reduce((sum, duration) => sum + duration, 0);
  return shownLength === edits.reduce((sum, { duration }) => sum + duration, 0)
    && movie.duration >= shownLength
    && Math.abs(media.duration - whole) <= durations[0]
    && isInUse(media.scale)
    && isInUse(movie.scale);
}

/** A part of a track that is shown, in seconds of the movie: from one time on, to before another. */
export interface Stretch {
  readonly from: number;
  /** `Infinity` where no end is stated. */
  readonly to: number;
}

/** What the edits of a track show, of a movie whose times have no fault; undefined without edits, when all of it is. */
export function stretchesOf(movie: Bytes, trackId: number): Stretch[] | undefined {
  const boxes = boxesIn(movie);
  const track = boxes.find(({ type, contents }) => type === 'trak' && idOf(contents) === trackId)?.contents;
  const whole = lengthOf(boxOf(movie, 'mvhd'));
  const list = track && boxOf(track, 'edts', 'elst');
  const edits = list && editsOf(list);
  if (whole === undefined || edits === undefined) return undefined;
  const stretches: Stretch[] = [];
  let at = 0;
  for (const { begin, duration } of edits) {
    const from = at / whole.scale;
    at += duration === 0 ? Number.POSITIVE_INFINITY : duration;
    if (begin >= 0) stretches.push({ from, to: at / whole.scale });
  }
  return stretches.length === 0 ? undefined : stretches;
}

/** Section 8.3.2. */
function idOf(track: Bytes): number | undefined {
  const header = boxOf(track, 'tkhd');
  if (header === undefined || header.length < 24) return undefined;
  return header.readUInt32BE(header[0] === 0 ? 12 : 20);
}

/** Section 8.6.6. */
function editsOf(list: Bytes): Edit[] | undefined {
  const isLong = list[0] === 1;
  return linesOf(list, isLong ? 20 : 12)?.map((line) => ({
    begin: isLong ? Number(line.readBigInt64BE(8)) : line.readInt32BE(4),
    duration: isLong ? Number(line.readBigUInt64BE(0)) : line.readUInt32BE(0),
  }));
}
