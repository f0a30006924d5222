import { part, type Source } from '../../engine/index.ts';
import type { RowParts } from './rows.ts';

const rank = await part(import.meta.url, './rank/rank.wgsl');
const acrossSubgroup = await part(import.meta.url, './rank/across.subgroup.wgsl');
const acrossTree = await part(import.meta.url, './rank/across.tree.wgsl');

/** Declares `rank_of`: the highest rank is what is looked for. NaN has it either way. */
export const ranking = {
  largest: [rank, await part(import.meta.url, './rank/largest.wgsl')],
  smallest: [rank, await part(import.meta.url, './rank/smallest.wgsl')],
};

/** Declares `state` and `combine`: the best element so far, with a mark. */
export const best = await part(import.meta.url, './rank/best.wgsl');

/** The largest or smallest number as the operation of a reduction, with its mark. */
export const extremes = await part(import.meta.url, './rank/extremes.wgsl');

/** How marks of elements of one rank are joined, anywhere and across a subgroup. */
export interface Marking {
  readonly marks: Source;
  readonly inSubgroup: Source;
}

/** The first one counts. */
export const first: Marking = {
  marks: await part(import.meta.url, './rank/first.wgsl'),
  inSubgroup: await part(import.meta.url, './rank/first.subgroup.wgsl'),
};

/** The best element over the lanes of a row. */
export function bestAcross({ inSubgroup }: Marking): RowParts {
  return { subgroup: [acrossSubgroup, inSubgroup], tree: [acrossTree] };
}
