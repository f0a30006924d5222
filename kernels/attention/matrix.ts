import type { Context, Sizes } from '../../engine/index.ts';
import type { Matrices, MatrixSizes } from '../shared/matrix.ts';
import { ceilDiv } from '../shared/sizes.ts';

/**
 * How a workgroup on matrix units is laid out. None was measured on a card yet: the order is a guess, and `npm run
 * tune` knows better.
 *
 * down, across: subgroups, those along the rows that a workgroup owns and those that share these rows' columns.
 * tall: matrices of rows that a subgroup has one below the other; each met matrix that is loaded is used as often.
 * tile: rows that are met at a time. More of them, fewer barriers; fewer of them, more workgroups in the memory of a
 * multiprocessor.
 */
const ARRANGEMENTS = [
  { down: 4, across: 1, tall: 1, tile: 32 },
  { down: 4, across: 1, tall: 1, tile: 16 },
  { down: 2, across: 1, tall: 2, tile: 32 },
  { down: 2, across: 2, tall: 1, tile: 64 },
  { down: 2, across: 2, tall: 1, tile: 32 },
  { down: 2, across: 1, tall: 1, tile: 16 },
  { down: 1, across: 1, tall: 1, tile: 16 },
];
/**
 * Vectors in a row of a head of 64, which every CLIP tower has: what an arrangement must have the memory for. For wider
 * heads the launcher looks for one that has.
 */
const USUAL_VECTORS = 16;
const [HALF_BYTES, WIDE_BYTES] = [2, 4];

/**
 * What a kernel stages: operands of which it owns rows, beside two that it meets; and products, each with its weights.
 */
export interface Staging {
  readonly owned: number;
  readonly sheets: number;
}
export const STAGING = {
  forward: { owned: 1, sheets: 1 },
  gradient: { owned: 2, sheets: 2 },
} as const satisfies Readonly<Record<string, Staging>>;

/** Sizes in which a kernel on matrix units can be launched here, the first by default. */
export function arrangements(gpu: Context, matrices: Matrices, staging: Staging): readonly Sizes[] {
  const canRun = (sizes: Sizes) => isWhole(matrices.sizes, sizes) && fits(gpu, matrices, sizes, USUAL_VECTORS, staging);
  return ARRANGEMENTS.filter(canRun);
}

/** Whether tiles are whole matrices for each subgroup, and whole lanes share a row. */
function isWhole({ M, N, K, SUBGROUP }: MatrixSizes, { across, tall, tile }: Sizes): boolean {
  return tile % (N * across) === 0 && tile % K === 0 && (across * SUBGROUP) % (tall * M) === 0;
}

/** Whether the device has the lanes and the workgroup memory, on tensors of so many bytes an element. */
export function fits(
  { limits }: Pick<Context, 'limits'>,
  { sizes: units, isWide }: Matrices,
  sizes: Sizes,
  vectors: number,
  staging: Staging,
  elementBytes = HALF_BYTES,
): boolean {
  const { lanes } = measuresOf(units, sizes);
  const bytes = workgroupBytes(units, sizes, vectors, staging, isWide ? WIDE_BYTES : elementBytes);
  const most = Math.min(limits.maxComputeInvocationsPerWorkgroup, limits.maxComputeWorkgroupSizeX);
  return lanes <= most && bytes <= limits.maxComputeWorkgroupStorageSize;
}

/** Rows that a workgroup owns, and its lanes. */
export function measuresOf(
  { M, SUBGROUP }: MatrixSizes,
  { down, across, tall }: Sizes,
): { readonly rows: number; readonly lanes: number } {
  return { rows: down * tall * M, lanes: down * across * SUBGROUP };
}

/** What the WGSL is linked with, beside the vectors of a row. */
export function constantsOf(units: MatrixSizes, sizes: Sizes): Readonly<Record<string, number>> {
  const { across, tall, tile } = sizes;
  const { rows, lanes } = measuresOf(units, sizes);
  return { ...units, ACROSS: across, TALL: tall, TILE: tile, ROWS: rows, LANES: lanes };
}

/** Workgroup memory of a kernel, at most: as matrix.wgsl and the kernels declare it. */
export function workgroupBytes(
  units: MatrixSizes,
  sizes: Sizes,
  vectors: number,
  { owned, sheets }: Staging,
  elementBytes = HALF_BYTES,
): number {
  const { rows, lanes } = measuresOf(units, sizes);
  const { tile, across } = sizes;
  const step = Math.max(units.N * across, units.K); // powers of two: the larger is a multiple of the other
  const row = (ceilDiv(4 * vectors, step) * step) / 4 + 2;
  const staged = (owned * rows + 2 * tile) * row + sheets * rows * (tile / 4 + 2);
  // shares, and two numbers of each row; or levels and deltas of a tile
  const shared = 16 * lanes + 8 * rows + 12 * tile;
  return 4 * elementBytes * staged + 16 * sheets * rows * (tile / 4 + 1) + shared;
}
