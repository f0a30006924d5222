/** The kernels of the room: each operation in the forms that a reduction has. */
import { flat, part } from '../../engine/index.ts';
import { best, bestAcross, extremes, first, type Marking, ranking } from '../shared/ranking.ts';
import { rowReduction } from '../shared/reduce_rows.ts';
import { type VectorKernels, vectorKernels } from '../shared/rows.ts';
import { rowSums, summing } from '../shared/sum_rows.ts';

const body = await part(import.meta.url, './reduce.wgsl');
const elements = await part(import.meta.url, './parts/elements.wgsl');
const partials = await part(import.meta.url, './parts/partials.wgsl');
const ties: Marking = {
  marks: await part(import.meta.url, './parts/ties.wgsl'),
  inSubgroup: await part(import.meta.url, './parts/ties.subgroup.wgsl'),
};

/** One operation: along the last dimension, along another one, and over the results of splits. */
export interface Operation {
  readonly rows: VectorKernels;
  readonly columns: VectorKernels;
  /** Of results with marks; those of a sum are numbers like those that it summed. */
  readonly partials?: VectorKernels;
}

function extreme(name: string, direction: keyof typeof ranking, marking: Marking): Operation {
  const operation = [extremes, best, ...ranking[direction], marking.marks];
  return {
    rows: rowReduction(name, operation, bestAcross(marking)),
    columns: vectorKernels(`reduce.${name}`, [body, elements, ...operation]),
    partials: vectorKernels(`reduce.${name}.partials`, [body, partials, ...operation]),
  };
}

export const OPERATIONS = {
  sum: { rows: rowSums, columns: vectorKernels('reduce.sum', [body, elements, summing]) },
  max: extreme('max', 'largest', ties),
  min: extreme('min', 'smallest', ties),
  argmax: extreme('argmax', 'largest', first),
  argmin: extreme('argmin', 'smallest', first),
} satisfies Record<string, Operation>;

/** The gradients of a sum, and of the largest or smallest element. */
export const spreading = vectorKernels('reduce_grad', [await part(import.meta.url, './reduce_grad.wgsl'), flat]);
const extremesGradient = await part(import.meta.url, './extremes_grad.wgsl');
export const sharing = vectorKernels('extremes_grad', [extremesGradient, flat, ...ranking.largest]);

const forms = Object.values<Operation>(OPERATIONS).flatMap(({ rows, columns, partials = [] }) =>
  [rows, columns, partials].flat()
);
/** All kernels of the room, for checks and tuning. */
export const kernels = [...forms, spreading, sharing].flatMap(({ scalar, vec4 }) => [scalar, vec4]);
