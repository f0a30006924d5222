/** Positions of frames and of patches, for more or fewer of them than they were trained for. */

/** The parameter that has one row for each frame, [1, T, E]. */
export const FRAME_POSITIONS = 'mit.positional_embedding';
/** The parameter that has one row for the class token and one for each patch, row by row of a square, [1 + n², D]. */
export const PATCH_POSITIONS = 'visual.positional_embedding';

/** The same of a TimeSformer, whose positions are taken from the nearest place, as its authors do. */
export const TIMESFORMER_FRAMES = 'backbone.time_embed';
export const TIMESFORMER_PATCHES = 'backbone.pos_embed';

/** A table of relative positions of a Swin, [offsets, H], whose time comes first. */
export const SWIN_TABLE = /\.relative_position_bias_table$/;

/** A table of windows of one frame for those of more: the same at each distance in time. Liu et al. 2022, sect. 3.4. */
export function repeatedRows(values: Float32Array, from: number, to: number): Float32Array {
  return mixed(values, values.length / from, Array.from({ length: to }, (_, i): Mix => [[i % from, 1]]));
}

/** Rows that make other rows, and how much each of them counts. */
type Mix = readonly (readonly [row: number, weight: number])[];

/** Where place i of `to` lies among `from` places: torch's `align_corners=False`. */
const placeOf = (i: number, from: number, to: number) => ((i + 0.5) * from) / to - 0.5;

const clamped = (place: number, count: number) => Math.min(Math.max(place, 0), count - 1);

/**
 * Rows of positions, interpolated linearly over frames: torch's `interpolate(mode='linear', align_corners=False)`. Row
 * i of `to` lies at (i + ½) · from / to − ½ of the rows that there are, and beyond the outer ones equals them.
 *
 * @param values [from, width]  @returns [to, width]
 */
export function interpolateFrames(values: Float32Array, from: number, to: number): Float32Array {
  return mixed(values, values.length / from, Array.from({ length: to }, (_, i): Mix => {
    const place = Math.max(0, placeOf(i, from, to));
    const low = Math.min(Math.floor(place), from - 1);
    const high = Math.min(low + 1, from - 1);
    const between = place - low;
    return [[low, 1 - between], [high, between]];
  }));
}

/** The place among `from` that is nearest to place i of `to`, as torch's `interpolate(mode='nearest')` has it. */
const nearestOf = (i: number, from: number, to: number) => Math.floor((i * from) / to);

/** Rows of positions of frames, each the nearest of those there are. [from, width] → [to, width] */
export function nearestFrames(values: Float32Array, from: number, to: number): Float32Array {
  return mixed(values, values.length / from, Array.from({ length: to }, (_, i): Mix => [[nearestOf(i, from, to), 1]]));
}

/** Positions of a class token and of patches in a square, each patch's the nearest. [1 + from², …] → [1 + to², …] */
export function nearestPatches(values: Float32Array, from: number, to: number): Float32Array {
  const along = Array.from({ length: to }, (_, i) => nearestOf(i, from, to));
  return mixed(values, values.length / (1 + from * from), [[[0, 1]],
    ...along.flatMap((row) => along.map((column): Mix => [[1 + row * from + column, 1]]))]);
}

/** Of the cubic convolution, as torch has it. Keys 1981, IEEE ASSP 29, eq. 4. */
const A = -0.75;

/** Weight of a row at that distance. */
function cubic(distance: number): number {
  const x = Math.abs(distance);
  if (x <= 1) return ((A + 2) * x - (A + 3)) * x * x + 1;
  return x < 2 ? ((A * x - 5 * A) * x + 8 * A) * x - 4 * A : 0;
}

/**
 * Positions of a class token and of patches in a square, the latter interpolated bicubically over rows and columns:
 * torch's `interpolate(mode='bicubic', align_corners=False)`, not antialiased, as Hugging Face's ViTs do it. The class
 * token keeps its own.
 *
 * @param values [1 + from², width]  @returns [1 + to², width]
 */
export function interpolatePatches(values: Float32Array, from: number, to: number): Float32Array {
  const width = values.length / (1 + from * from);
  const along = Array.from({ length: to }, (_, i) => {
    const place = placeOf(i, from, to);
    const low = Math.floor(place);
    return [-1, 0, 1, 2].map((step) => [clamped(low + step, from), cubic(place - low - step)] as const);
  });
  const patches = along.flatMap((rows) =>
    along.map((columns): Mix =>
      rows.flatMap(([row, own]) => columns.map(([column, weight]) => [1 + row * from + column, own * weight] as const))
    )
  );
  return mixed(values, width, [[[0, 1]], ...patches]);
}

/** Each row is a sum of others, taken in float64. */
function mixed(values: Float32Array, width: number, mixes: readonly Mix[]): Float32Array {
  const result = new Float32Array(mixes.length * width);
  for (const [i, mix] of mixes.entries()) {
    for (let e = 0; e < width; e++) {
      let sum = 0;
      for (const [row, weight] of mix) sum += weight * values[row * width + e];
      result[i * width + e] = sum;
    }
  }
  return result;
}

/** The side of the square that positions of patches are for; undefined if they are for none. */
export function sideOf(rows: number): number | undefined {
  const side = Math.round(Math.sqrt(rows - 1));
  return side > 0 && side * side === rows - 1 ? side : undefined;
}
