import { type AnyTensor, FirstlightError, part, record, ShapeError, Tensor } from '../../engine/index.ts';
import { inPieces } from '../shared/blocks.ts';
import { best, bestAcross, first, ranking } from '../shared/ranking.ts';
import { fold } from '../shared/reduce_rows.ts';
import type { Cost } from '../shared/room.ts';
import { packed, type PackedKernels, packedKernels, rowKernels, rowLaunch } from '../shared/rows.ts';
import { ceilDiv, f32Bytes } from '../shared/sizes.ts';

const source = await part(import.meta.url, './topk.wgsl');
const gradient = await part(import.meta.url, './topk_grad.wgsl');
const places = { scalar: await part(import.meta.url, './places.scalar.wgsl'), vec4: await part(import.meta.url, './places.vec4.wgsl') };
const rowKernel = (pack: keyof PackedKernels) => rowKernels('topk', [source, fold[pack], best, ...ranking.largest, first.marks], undefined, bestAcross(first))[pack];
const forward: PackedKernels = { scalar: rowKernel('scalar'), vec4: rowKernel('vec4') };
const gradientKernel = (pack: keyof PackedKernels) => packedKernels('topk_grad', [gradient, places[pack]])[pack];
const backward: PackedKernels = { scalar: gradientKernel('scalar'), vec4: gradientKernel('vec4') };

/** Lanes of a workgroup in topk_grad.wgsl. */
const WORKGROUP = 256;
/** Elements of one row that a dispatch looks at, over all of its rounds: systems kill what keeps a GPU for seconds. */
const LOOKS = 2 ** 23;

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
    throw new FirstlightError('FL_RANGE', `topk: k is ${k}, the rows of x [${x.shape}] have ${length} elements`, { k, length }, 'k is a whole number from 1 to the length of a row');
  }
  const shape = [...x.shape.slice(0, -1), k];
  const values = x.like(shape);
  const indices = Tensor.empty(gpu, shape, 'u32', 'indices');
  const { kernel, packs } = packed(forward, length);
  inRows({ x }, { values, indices }, length, k, (tensors, { rows, xSkip, ySkip }) => {
    const most = Math.max(1, Math.floor(LOOKS / length));
    for (let done = 0; done < k; done += most) {
      const params = { rows, packs, k, done, rounds: Math.min(most, k - done), x_skip: (xSkip * packs) / length, y_skip: ySkip };
      kernel.run(gpu, { tensors, params, ...rowLaunch(gpu, kernel, rows) });
    }
  });
  const pull = (dy: Tensor) => {
    const dx = x.gradLike();
    inRows({ dx }, { dy, indices }, length, k, (tensors, { rows, xSkip, ySkip }) => {
      const n = rows * packs;
      packed(backward, length).kernel.run(gpu, { tensors, params: { n, packs, k, x_skip: (xSkip * packs) / length, y_skip: ySkip }, grid: ceilDiv(n, WORKGROUP) });
    });
    return [dx];
  };
  return { values: record(values, [x], pull, [indices]), indices };
}

/** What a kernel is told of a range of rows: how many, and the elements of its bindings before them. */
interface RowRange {
  readonly rows: number;
  readonly xSkip: number;
  readonly ySkip: number;
}

/** Runs `work` on ranges of rows, `length` long in some tensors and k long in others. */
function inRows(xs: Readonly<Record<string, Tensor>>, ys: Readonly<Record<string, AnyTensor>>, length: number, k: number, work: (tensors: Readonly<Record<string, AnyTensor>>, range: RowRange) => void): void {
  const [{ gpu, size }] = Object.values(xs);
  const layouts = [{ tensors: xs, begin: (row: number) => row * length }, { tensors: ys, begin: (row: number) => row * k }];
  inPieces(gpu, size / length, length, layouts, (tensors, { start, count }, [xFirst, yFirst]) => work(tensors, { rows: count, xSkip: start * length - xFirst, ySkip: start * k - yFirst }));
}

/** Work of one forward call: k comparisons an element. The rounds after the first find a row in a cache. */
export function cost(rows: number, length: number, k: number): Cost {
  return { flops: rows * length * k, bytesRead: f32Bytes(rows * length), bytesWritten: f32Bytes(2 * rows * k) };
}

/** Work of one gradient: k comparisons an element. */
export function gradientCost(rows: number, length: number, k: number): Cost {
  return { flops: rows * length * k, bytesRead: f32Bytes(2 * rows * k), bytesWritten: f32Bytes(rows * length) };
}

export const kernels = [forward, backward].flatMap(({ scalar, vec4 }) => [scalar, vec4]);
