/** How the rung of matrix units cuts its work: blocks of small matrices, and workgroups of blocks. */
import type { Context, Sizes } from '../../engine/index.ts';
import type { Matrices, MatrixSizes } from '../shared/matrix.ts';

/** Small matrices of a subgroup's block, and blocks of a workgroup, in matmul.matrix.wgsl: [DOWN, ACROSS, GROUPS_DOWN, GROUPS_ACROSS]. */
const SHAPES = [
  [4, 2, 2, 4],
  [4, 4, 2, 2],
  [4, 4, 2, 4],
  [2, 2, 2, 2],
  [2, 2, 2, 4],
  [4, 4, 4, 2],
  [4, 2, 2, 2],
] as const;

/** Elements of a vector, vectors of each operand that a lane fetches for a step, and vectors between the lines of a step. */
const [VECTOR, FETCHED, PADDING] = [4, 4, 2];
const [HALF_BYTES, WIDE_BYTES] = [2, 4];

/** The numbers that follow from a shape, as the WGSL has them, with matrices of so many bytes an element. */
export function measuresOf({ M, N, K, SUBGROUP }: MatrixSizes, { down, across, groupsDown, groupsAcross }: Sizes, elementBytes = HALF_BYTES) {
  const [rows, columns] = [groupsDown * down * M, groupsAcross * across * N];
  const lanes = groupsDown * groupsAcross * SUBGROUP;
  const step = (VECTOR * FETCHED * lanes) / rows;
  const linesAlong = (lines: number, length: number) => lines * (length / VECTOR + PADDING);
  const vectors = 2 * Math.max(linesAlong(rows, step), linesAlong(step, columns));   // of operands, in the layout that takes most
  const sums = groupsDown * M * (columns / VECTOR + 1);                              // vectors of f32
  return { tile: rows, isSquare: rows === columns, lanes, step, isWhole: step % K === 0, bytes: vectors * VECTOR * elementBytes + sums * 16 };
}

/** The shapes that these matrices and the limits of the device allow. */
export function shapesFor({ limits }: Pick<Context, 'limits'>, { sizes, isWide }: Matrices): readonly Sizes[] {
  const all = SHAPES.map(([down, across, groupsDown, groupsAcross]) => ({ down, across, groupsDown, groupsAcross }));
  return all.filter((shape) => {
    const { isSquare, isWhole, lanes, bytes } = measuresOf(sizes, shape, isWide ? WIDE_BYTES : HALF_BYTES);
    return isSquare && isWhole && lanes <= limits.maxComputeInvocationsPerWorkgroup && bytes <= limits.maxComputeWorkgroupStorageSize;
  });
}

/** What matmul.matrix.wgsl and the matrices are linked with. */
export function constantsOf(matrices: MatrixSizes, { down, across, groupsDown, groupsAcross }: Sizes): Readonly<Record<string, number>> {
  return { ...matrices, DOWN: down, ACROSS: across, GROUPS_DOWN: groupsDown, GROUPS_ACROSS: groupsAcross };
}
