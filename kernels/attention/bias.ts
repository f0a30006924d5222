/** The gradient of a bias that windows share: dlogits summed over windows, and then over pairs of one offset. */
import { Kernel, part, type Range, type Tensor } from '../../engine/index.ts';
import { ceilDiv } from '../shared/sizes.ts';
import { axisParams } from '../shared/windows.ts';
import type { Plan, WindowBias } from './plan.ts';

const ofPairs = new Kernel('bias_of_pairs', [await part(import.meta.url, './bias_of_pairs.wgsl')]);
const ofTable = new Kernel('table_grad', [await part(import.meta.url, './table_grad.wgsl')]);
export const biasKernels: readonly Kernel[] = [ofPairs, ofTable];

/** Lanes of a workgroup of all that sums a bias. */
export const WORKGROUP = 64;

/** Workgroups that have a vector of dbias [H, L, width] a lane, for a range of the queries. */
export function biasGroups(heads: number, queries: Range, dbias: Tensor): number {
  return ceilDiv((heads * queries.count * dbias.shape[2]) / 4, WORKGROUP);
}

/**
 * dbias [H, L, width] of the queries of a range, from dlogits that were kept, [samples, heads, 2, queries, width].
 *
 * @param adds whether earlier samples gave something
 */
export function sumPairs(plan: Plan, pairs: Tensor, problems: number, queries: Range, dbias: Tensor,
  adds: boolean): void {
  const width = dbias.shape[2] / 4;
  ofPairs.run(pairs.gpu, {
    tensors: { pairs, dbias },
    params: { problems, heads: plan.heads, queries: queries.count, earlier: queries.start, all_queries: plan.queries,
      width },
    constants: { WORKGROUP, ADDS: adds },
    grid: biasGroups(plan.heads, queries, dbias),
  });
}

/** dtable [offsets, H] from dbias [H, N, width]. */
export function tableGradient({ table, partition }: WindowBias, dbias: Tensor): Tensor {
  const dtable = table.gradLike();
  const [heads, tokens, width] = dbias.shape;
  ofTable.run(table.gpu, {
    tensors: { dbias, dtable },
    params: { tokens, heads, width, ...axisParams({ full: partition.full }) },
    constants: { WORKGROUP },
    grid: ceilDiv(table.size, WORKGROUP),
  });
  return dtable;
}
