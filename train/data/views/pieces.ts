/** Long videos, cut into pieces of equal time. */

/** Frames that lie side by side. */
export interface Piece {
  /** Its first frame, and the one after its last. */
  readonly first: number;
  readonly end: number;
  /** Seconds from the first frame of the video to the beginning and to the end of the piece. */
  readonly start: number;
  readonly stop: number;
}

/** Times are sums of fractions: a frame that misses the beginning of a piece by less than this belongs to it. */
const SLACK = 1e-6;

/**
 * Pieces of `window` seconds. The last one has what is left: a rest of less than half a window belongs to the piece
 * before it. A piece in which no frame is shown is left out.
 *
 * @param times when frames are shown, in seconds from the first, rising
 */
export function piecesOf(times: readonly number[], window: number): Piece[] {
  const last = times[times.length - 1];
  // the last frame is shown as long as others are in the mean
  const duration = last + (times.length > 1 ? last / (times.length - 1) : 0);
  const count = Math.max(1, Math.round(duration / window));
  const placeOf = (time: number) => Math.min(Math.floor((time + SLACK) / window), count - 1);
  const pieces: Piece[] = [];
  for (let first = 0; first < times.length;) {
    const place = placeOf(times[first]);
    let end = first + 1;
    while (end < times.length && placeOf(times[end]) === place) end++;
    pieces.push({ first, end, start: place * window, stop: place === count - 1 ? duration : (place + 1) * window });
    first = end;
  }
  return pieces;
}
