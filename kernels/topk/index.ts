import { FirstlightError, flat, flatTiles, part, record, ShapeError, Tensor } from '../../engine/index.ts';
import { inSteps, type StepRange, type Tensors } from '../shared/lines.ts';
import { best, bestAcross, first, ranking } from '../shared/ranking.ts';
import { fold } from '../shared/reduce_rows.ts';
import { rowKernels, rowLaunch, vectorKernels, vectorsOf } from '../shared/rows.ts';

export { cost, gradientCost } from './cost.ts';

const source = await part(import.meta.url, './topk.wgsl');
const forward = rowKernels('topk', [source, fold, best, ...ranking.largest, first.marks], {
  across: bestAcross(first),
});
const backward = vectorKernels('topk_grad', [await part(import.meta.url, './topk_grad.wgsl'), flat]);

/** Elements of one row that a dispatch looks at, over all of its rounds: systems kill what keeps a GPU for seconds. */
const LOOKS = 2 ** 21;

/**
 * The k largest elements along the last dimension, largest first, and their places, as torch.topk. Of equal elements
 * the one further ahead comes first, and NaN counts as larger than any number. Only chosen elements get a gradient. It
 * takes k rounds over each row: meant for k up to some dozens.
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
  const row = [{ extent: length, x: 1, y: 0 }, { extent: k, x: 0, y: 1 }];
  const rows = [...row, { extent: x.size / length, x: length, y: k }];
  /** Ranges of rows: `length` long in xs, k long in ys. */
  const inRows = (xs: Tensors, ys: Tensors, work: (range: StepRange) => void) => inSteps(rows, 2, xs, ys, work);
  const width = length / vectors;
  const placeOf = ({ xStart, yStart }: StepRange) => ({ vectors, k, x_start: xStart / width, y_start: yStart });
  inRows({ x }, { values, indices }, (range) => {
    for (let done = 0; done < k; done += most) {
      const params = { ...placeOf(range), rows: range.count, done, rounds: Math.min(most, k - done) };
      kernel.run(gpu, { tensors: range.tensors, params, ...rowLaunch(gpu, kernel, range.count) });
    }
  });
  const pull = (dy: Tensor) => {
    const dx = x.gradLike();
    inRows({ dx }, { dy, indices }, (range) => {
      const n = range.count * vectors;
      const { tile, grid } = flatTiles(gpu, n);
      const params = { ...placeOf(range), n, tile };
      vectorsOf(backward, length).kernel.run(gpu, { tensors: range.tensors, params, grid });
    });
    return [dx];
  };
  return { values: record(values, [x], pull, [indices]), indices };
}

/** All kernels of the room, for checks and tuning. */
export const kernels = [forward, backward].flatMap(({ scalar, vec4 }) => [scalar, vec4]);
