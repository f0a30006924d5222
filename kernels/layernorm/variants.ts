/** The kernels of this room, and the variants in which each can run. */
import { type Context, type Kernel, part, type Source, type Variant } from '../../engine/index.ts';
import { ROW_WORKGROUP, type RowLaunch, rowsOfGroup, rowVariants, rungKernels, vectorKernels } from '../shared/rows.ts';
import { ceilDiv } from '../shared/sizes.ts';

const text = await part(import.meta.url, './layernorm.wgsl');
const pairs = await part(import.meta.url, './layernorm.pairs.wgsl');
const naive = { parts: [await part(import.meta.url, './layernorm.naive.wgsl')] };
const gradient = [
  await part(import.meta.url, './layernorm_grad.wgsl'),
  await part(import.meta.url, '../shared/row/jobs.wgsl'),
];
const gradNaive = { parts: [await part(import.meta.url, './layernorm_grad.naive.wgsl')] };
/** Where the rows lie that are normalised, and where their gradients go. */
const plain = {
  rows: await part(import.meta.url, './parts/rows.plain.wgsl'),
  grads: await part(import.meta.url, './parts/grads.plain.wgsl'),
};
const appended = {
  rows: await part(import.meta.url, './parts/rows.appended.wgsl'),
  grads: await part(import.meta.url, './parts/grads.appended.wgsl'),
};

type Rungs = Readonly<Record<string, Variant>>;

/**
 * Rows of the same lanes in layernorm.pairs.wgsl. Four gain no more than two, and in the gradient, which loads only
 * weight, two gain too little.
 */
const PAIR = 2;
const PAIRS = 'pairs_';

/** Forward rungs, best first for a software adapter. A hardware adapter, which needs many lanes, tries pairs last. */
function forwardRungs(rows: Source, vector: Source, first: Rungs): Rungs {
  const [ones, twos] = [text, pairs].map((body) => rowVariants([body, rows, vector]));
  return {
    [`${PAIRS}subgroup`]: { ...twos.subgroup, suits: 'software' },
    subgroup: ones.subgroup,
    [`${PAIRS}tree`]: { ...twos.tree, suits: 'software' },
    tree: ones.tree,
    ...first,
  };
}

/** By whether a token is appended to each sequence: only the rows of x are what the first rungs read. */
export const forward = {
  plain: rungKernels('layernorm', (vector) => forwardRungs(plain.rows, vector, { naive })),
  appended: rungKernels('layernorm.appended', (vector) => forwardRungs(appended.rows, vector, {})),
};

export const backward = {
  plain: rungKernels('layernorm_grad', (vector) => ({
    ...rowVariants([...gradient, plain.rows, plain.grads, vector]),
    naive: gradNaive,
  })),
  appended: rungKernels('layernorm_grad.appended',
    (vector) => rowVariants([...gradient, appended.rows, appended.grads, vector])),
};

export const totals = vectorKernels('layernorm_grad_totals', [
  await part(import.meta.url, './layernorm_grad_totals.wgsl'),
]);

/** All kernels of the room, for checks and tuning. */
export const kernels = [forward.plain, forward.appended, backward.plain, backward.appended, totals]
  .flatMap(({ scalar, vec4 }) => [scalar, vec4]);

/** Variant, sizes and grid of a forward call. */
export function forwardLaunch(gpu: Context, kernel: Kernel, rows: number): RowLaunch {
  const { variant } = kernel.choose(gpu, { rows });
  const isPairs = variant.startsWith(PAIRS);
  const own = isPairs ? PAIR : 1;
  return {
    variant,
    constants: { WORKGROUP: ROW_WORKGROUP, ...(isPairs && { OWN_ROWS: PAIR }) },
    grid: ceilDiv(rows, own * rowsOfGroup(gpu, variant.replace(PAIRS, ''))),
  };
}

/** Columns whose sums a lane of the gradient has. */
export function columnsOfLane(variant: string, cols: number, vectors: number): number {
  return variant === 'naive' ? 1 : cols / vectors;
}
