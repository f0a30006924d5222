/** Positions of frames, for more or fewer frames than they were trained for. */

/** The parameter that has one row for each frame, [1, T, E]. */
export const FRAME_POSITIONS = 'mit.positional_embedding';

/**
 * Rows of positions, interpolated linearly over frames: torch's `interpolate(mode='linear', align_corners=False)`. Row
 * i of `to` lies at (i + ½) · from / to − ½ of the rows that there are, and beyond the outer ones equals them.
 *
 * @param values [from, width]  @returns [to, width]
 */
export function interpolateFrames(values: Float32Array, from: number, to: number): Float32Array {
  const width = values.length / from;
  const result = new Float32Array(to * width);
  for (let i = 0; i < to; i++) {
    const place = Math.max(0, ((i + 0.5) * from) / to - 0.5);
    const low = Math.min(Math.floor(place), from - 1);
    const high = Math.min(low + 1, from - 1);
    const between = place - low;
    for (let e = 0; e < width; e++) {
      result[i * width + e] = (1 - between) * values[low * width + e] + between * values[high * width + e];
    }
  }
  return result;
}
