import { FirstlightError, part, record, ShapeError, Tensor } from '../../engine/index.ts';
import { inPieces, type Tensors } from '../shared/blocks.ts';
import { best, bestAcross, first, ranking } from '../shared/ranking.ts';
import { fold } from '../shared/reduce_rows.ts';
import { eachVector, vectorsOf, vectorKernels, rowKernels, rowLaunch } from '../shared/rows.ts';
import { ceilDiv } from '../shared/sizes.ts';

export { cost, gradientCost } from './cost.ts';

const source = await part(import.meta.url, './topk.wgsl');
const gradient = await part(import.meta.url, './topk_grad.wgsl');
const forward = eachVector((vector) => rowKernels('topk', [source, fold[vector], best, ...ranking.largest, first.marks], undefined, bestAcross(first)));
const backward = vectorKernels('topk_grad', [gradient]);

/** Lanes of a workgroup in topk_grad.wgsl. */
const WORKGROUP = 256;
/** Elements of one row that a dispatch looks at, over all of its rounds: systems kill what keeps a GPU for seconds. */
const LOOKS = 2 ** 21;

/**
 * The k largest elements along the last dimension, largest first, and their places, as torch.topk. Of equal elements the one further ahead comes first,
 * and NaN counts as larger than any number. Only chosen elements get a gradient. It takes k rounds over each row: meant for k up to some dozens.
 *
 * @param x [..., C]  @param k from 1 to C  @returns values and indices, both [..., k]
 */
export function topk(x: Tensor, k: number): { readonly values: Tensor; readonly indices: Tensor<'u32'> } {
  const { gpu } = x;
  const length = x.shape.at(-1);
  if (length === undefined) throw new ShapeError('topk', 'x is a scalar, it has no last dimension');
  if (!Number.isInteger(k) || k < 1 || k > length) {
    const message = `topk: k is ${k}, the rows of x [${x.shape}] have ${length} elements`;
    throw new FirstlightError('FL_RANGE', message, { k, length }, 'k is a whole number from 1 to the length of a row');
  }
  const shape = [...x.shape.slice(0, -1), k];
  const values = x.like(shape);
  const indices = Tensor.empty(gpu, shape, 'u32', 'indices');
  const { kernel, vectors } = vectorsOf(forward, length);
  const most = Math.max(1, Math.floor(LOOKS / length));
  /** Ranges of rows: `length` long in xs, k long in ys. */
  const inRows = (xs: Tensors, ys: Tensors, work: (tensors: Tensors, params: Readonly<Record<string, number>>, rows: number) => void) => {
    const layouts = [{ tensors: xs, begin: (row: number) => row * length }, { tensors: ys, begin: (row: number) => row * k }];
    inPieces(gpu, x.size / length, length, layouts, (tensors, { start, count }, [xFirst, yFirst]) => {
      work(tensors, { vectors, k, x_skip: ((start * length - xFirst) * vectors) / length, y_skip: start * k - yFirst }, count);
    });
  };
  inRows({ x }, { values, indices }, (tensors, params, rows) => {
    for (let done = 0; done < k; done += most) {
      kernel.run(gpu, { tensors, params: { ...params, rows, done, rounds: Math.min(most, k - done) }, ...rowLaunch(gpu, kernel, rows) });
    }
  });
  const pull = (dy: Tensor) => {
    const dx = x.gradLike();
    inRows({ dx }, { dy, indices }, (tensors, params, rows) => {
      const n = rows * vectors;
      vectorsOf(backward, length).kernel.run(gpu, { tensors, params: { ...params, n }, grid: ceilDiv(n, WORKGROUP) });
    });
    return [dx];
  };
  return { values: record(values, [x], pull, [indices]), indices };
}

export const kernels = [forward, backward].flatMap(({ scalar, vec4 }) => [scalar, vec4]);
