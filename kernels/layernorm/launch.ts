/** How calls of this room are launched: in ranges that fit bindings, and, of the gradient, in splits of rows. */
import { copy, fitsBinding, gcd, inRanges, Tensor } from '../../engine/index.ts';
import { ROW_WORKGROUP, rowsOfGroup, splitsOf, vectorsOf } from '../shared/rows.ts';
import { aligned, ceilDiv } from '../shared/sizes.ts';
import { backward, columnsOfLane, forward, forwardLaunch, totals } from './variants.ts';

/** Lanes of a workgroup that adds up splits. */
const TOTALS_WORKGROUP = 64;

/** What an operation reads, and its gradient again. */
export interface Operands {
  /** [..., cols], or [sequences, tokens, cols]. */
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor;
  /** [sequences, cols]. */
  readonly appended: Tensor | undefined;
  /** [rows, 2]: mean and rstd, which the forward call writes. */
  readonly statistics: Tensor;
}

/** Rows of x that are followed by an appended one; 0 where none is. */
function tokensOf({ x, appended }: Operands): number {
  return appended === undefined ? 0 : x.shape[1];
}

/** Fills y and the statistics. */
export function runForward(operands: Operands, y: Tensor, eps: number): void {
  const { x, weight, bias, appended, statistics } = operands;
  const { gpu } = x;
  const cols = weight.size;
  const tokens = tokensOf(operands);
  const { kernel } = vectorsOf(appended === undefined ? forward.plain : forward.appended, cols);
  // ranges of rows, or of whole sequences
  inRanges(gpu, y.size / cols / (tokens + 1), { x, ...(appended && { appended }), y, statistics }, (some) => {
    const rows = some.y.size / cols;
    const params = { rows, cols, eps, tokens };
    kernel.run(gpu, { tensors: { ...some, weight, bias }, params, ...forwardLaunch(gpu, kernel, rows) });
  });
}

/** Where the gradients of rows go. */
export interface RowGradients {
  /** Like x; with `appended` both, the second at the first place behind the first where a binding may begin. */
  readonly dx: Tensor;
  readonly ofX: Tensor;
  readonly ofAppended: Tensor | undefined;
}

/** Room for the gradients of x and `appended`: one tensor, because eight bindings are all that a device must have. */
export function rowGradients(x: Tensor, appended: Tensor | undefined): RowGradients {
  if (appended === undefined) {
    const dx = x.gradLike();
    return { dx, ofX: dx, ofAppended: undefined };
  }
  const dx = joined(x, appended);
  return { dx, ofX: dx.alias(x.shape), ofAppended: dx.alias(appended.shape, aligned(x.size) * dx.elementBytes) };
}

function joined(x: Tensor, appended: Tensor): Tensor {
  return Tensor.empty(x.gpu, [aligned(x.size) + appended.size], x.gradType, `d ${x.label}`);
}

/** What a backward call fills: gradients of rows, and those of weight and bias, each where somebody wants it. */
interface Wanted {
  readonly rows: RowGradients | undefined;
  readonly columns: boolean;
  /** What x got before, which is added. */
  readonly soFar: Tensor | undefined;
}

/** Fills the gradients of rows, and returns those of weight and bias. */
export function runBackward(operands: Operands, dy: Tensor, wanted: Wanted): readonly [Tensor, Tensor] | undefined {
  const { rows: gradients, columns, soFar } = wanted;
  const { x, weight, bias, appended, statistics } = operands;
  const { gpu } = x;
  const cols = weight.size;
  const tokens = tokensOf(operands);
  const units = dy.size / cols / (tokens + 1); // rows, or sequences
  const { kernel, vectors } = vectorsOf(appended === undefined ? backward.plain : backward.appended, cols);
  const { splits, splitRows } = splitsOf(units * (tokens + 1));
  const dx = gradients?.dx ?? x.wide([4], 'unused');
  const partials = x.wide([columns ? splits : 1, 2, cols], 'partial sums');
  const isJoined = gradients !== undefined && appended !== undefined;
  const all = {
    x,
    dy,
    statistics,
    so_far: soFar ?? x,
    ...(appended && { appended }),
    ...(gradients !== undefined && !isJoined && { dx }),
    // never bound, it says how much room a range of the joined gradients takes
    ...(isJoined && !fitsBinding(dx) && { room: dx.alias([dy.size]) }),
  };
  // ranges of whole splits, so that the order of their sums does not depend on the limit
  inRanges(gpu, units, all, ({ room: _, ...some }, count, start) => {
    const rows = count * (tokens + 1);
    const own = some.dx ?? (isJoined && count < units ? joined(some.x, some.appended as Tensor) : dx);
    const { variant } = kernel.choose(gpu, { rows });
    const row_groups = gradients === undefined ? 0 : ceilDiv(splitRows, rowsOfGroup(gpu, variant));
    const column_groups = columns ? ceilDiv(cols, ROW_WORKGROUP * columnsOfLane(variant, cols, vectors)) : 0;
    kernel.run(gpu, {
      tensors: { ...some, weight, dx: own, partials },
      params: {
        rows,
        cols,
        row_groups,
        column_groups,
        tokens,
        split_rows: splitRows,
        first_split: (start * (tokens + 1)) / splitRows,
        appended_at: aligned(some.x.size),
      },
      constants: { WORKGROUP: ROW_WORKGROUP, SO_FAR: soFar !== undefined },
      grid: ceilDiv(rows, splitRows) * (row_groups + column_groups),
      variant,
    });
    if (own === dx || some.appended === undefined) return;
    // gradients of a range of sequences, and of its appended tokens, to their places
    for (const [size, from, to] of [[some.x.size, 0, 0], [some.appended.size, aligned(some.x.size), aligned(x.size)]]) {
      const place = to + start * (size / count);
      copy(own.alias([size], from * own.elementBytes), dx.alias([size], place * dx.elementBytes));
    }
  }, splitRows / gcd(splitRows, tokens + 1));
  return columns ? addSplits(partials, weight, bias, splits) : undefined;
}

/** dweight and dbias: the splits added up, first to last. */
function addSplits(partials: Tensor, weight: Tensor, bias: Tensor, splits: number): readonly [Tensor, Tensor] {
  const [dweight, dbias] = [weight.gradLike(), bias.gradLike()];
  const { kernel, vectors } = vectorsOf(totals, weight.size);
  kernel.run(weight.gpu, {
    tensors: { partials, dweight, dbias },
    params: { cols: weight.size, splits },
    constants: { WORKGROUP: TOTALS_WORKGROUP },
    grid: ceilDiv(vectors, TOTALS_WORKGROUP),
  });
  return [dweight, dbias];
}
