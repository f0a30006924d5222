import { type Context, copy, fitsBinding, gcd, inRanges, part, record, ShapeError, type SoFar, Tensor } from '../../engine/index.ts';
import { checkPositive } from '../shared/numbers.ts';
import { bandsOf, vectorsOf, vectorKernels, rowKernels, rowsOfGroup } from '../shared/rows.ts';
import { aligned, ceilDiv } from '../shared/sizes.ts';

export { cost, gradientCost } from './cost.ts';

const rowsOfX = await part(import.meta.url, './rows.wgsl');
/**
 * Rows of the same lanes, which share their loads of weight and bias: two where a processor plays the GPU and loads are what costs,
 * one where there must be lanes enough to keep a GPU busy.
 */
const rowsOfLanes = ({ kind }: Context) => (kind === 'software' ? [2, 1] : [1, 2]).map((own) => ({ own }));
const forward = rowKernels('layernorm', [await part(import.meta.url, './layernorm.wgsl'), rowsOfX], rowsOfLanes);
const backward = rowKernels('layernorm_grad', [await part(import.meta.url, './layernorm_grad.wgsl'), rowsOfX]);
const totalSums = vectorKernels('layernorm_grad_totals', [await part(import.meta.url, './layernorm_grad_totals.wgsl')]);

/** Lanes of a workgroup in row/*.wgsl, and in the kernel that adds up bands. */
const WORKGROUP = 128;
const TOTALS_WORKGROUP = 64;

/** What the gradient reads. */
interface Saved {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly appended: Tensor | undefined;
  /** [rows, 2]: mean and rstd. */
  readonly statistics: Tensor;
}

/**
 * y = (x − mean)/√(var + eps) · weight + bias, with mean and (biased) variance over the last dimension.
 * Ba et al. 2016, arXiv:1607.06450, eq. 4.
 *
 * @param x [..., D]  @param weight [D]  @param bias [D]
 * @param appended [B, D], if x is [B, N, D]: one more token for each sequence, as if `x` had been joined with it before
 * @returns the shape of `x`, or [B, N + 1, D]
 */
export function layernorm(x: Tensor, weight: Tensor, bias: Tensor, eps = 1e-5, appended?: Tensor): Tensor {
  const cols = x.shape.at(-1) ?? 0;
  for (const [name, { shape }] of [['weight', weight], ['bias', bias]] as const) {
    if (shape.length !== 1 || shape[0] !== cols) throw new ShapeError('layernorm', `x [${x.shape}] needs a ${name} of [${cols}], got [${shape}]`);
  }
  checkPositive('layernorm', 'eps', eps);
  const [sequences, tokens] = x.shape;
  if (appended !== undefined && (x.shape.length !== 3 || appended.size !== sequences * cols)) {
    throw new ShapeError('layernorm', `x [${x.shape}] and one token appended to each sequence, [${appended.shape}], do not fit`, 'x is [B, N, D] and `appended` [B, D]');
  }
  const { gpu } = x;
  const y = x.like(appended === undefined ? x.shape : [sequences, tokens + 1, cols]);
  const { kernel, vectors } = vectorsOf(forward, cols);
  using statistics = x.wide([y.size / cols, 2], 'statistics');
  const units = appended === undefined ? y.size / cols : sequences;
  inRanges(gpu, units, { x, appended: appended ?? x, y, statistics }, (some) => {
    const rows = some.y.size / cols;
    const { variant, sizes: { own } } = kernel.choose(gpu, { rows });
    kernel.run(gpu, {
      tensors: { ...some, weight, bias },
      params: { rows, vectors, tokens: tokensOf(x, appended), eps },
      constants: { APPENDED: appended !== undefined, OWN: own },
      grid: ceilDiv(rows, own * rowsOfGroup(gpu, variant)),
      variant,
    });
  });
  const saved = { x, weight, bias, appended, statistics };
  const extra = appended === undefined ? [] : [appended];
  return record(y, [x, weight, bias, ...extra], (dy, soFar) => gradient(saved, dy, soFar), [x, weight, statistics, ...extra]);
}

function tokensOf(x: Tensor, appended: Tensor | undefined): number {
  return appended === undefined ? 0 : x.shape[1];
}

/** Of x, weight, bias and `appended`. */
function gradient({ x, weight, bias, appended, statistics }: Saved, dy: Tensor, soFar: SoFar): (Tensor | undefined)[] {
  const { gpu } = x;
  const cols = weight.size;
  const tokens = tokensOf(x, appended);
  const units = dy.size / cols / (tokens + 1);
  const { kernel, vectors } = vectorsOf(backward, cols);
  const hasRows = x.requiresGrad || appended?.requiresGrad === true;
  const hasColumns = weight.requiresGrad || bias.requiresGrad;
  const { bands, band } = bandsOf(units * (tokens + 1));
  const before = x.requiresGrad ? soFar.take(0) : undefined;
  const dx = !hasRows ? x.wide([4], 'unused') : appended === undefined ? x.gradLike() : joined(x, appended);
  const partials = x.wide([hasColumns ? bands : 1, 2, cols], 'partial sums');
  const operands = {
    x, appended: appended ?? x, dy, statistics, so_far: before ?? x,
    ...(hasRows && appended === undefined && { dx }),
    // never bound, it says how much room a range of the joined gradients takes
    ...(hasRows && appended !== undefined && !fitsBinding(dx) && { room: dx.alias([dy.size]) }),
  };
  // ranges of whole bands, so that the order of their sums does not depend on the limit
  inRanges(gpu, units, operands, ({ room: _, ...some }, count, start) => {
    const rows = count * (tokens + 1);
    const own = some.dx ?? (hasRows && count < units ? joined(some.x, some.appended) : dx);
    const { variant } = kernel.choose(gpu, { rows });
    const row_groups = hasRows ? ceilDiv(band, rowsOfGroup(gpu, variant)) : 0;
    const column_groups = hasColumns ? ceilDiv(vectors, WORKGROUP) : 0;
    const place = { bands: ceilDiv(rows, band), band, first_band: (start * (tokens + 1)) / band };
    kernel.run(gpu, {
      tensors: { ...some, weight, dx: own, partials },
      params: { rows, vectors, tokens, wanted: hasRows ? rows : 0, appended_at: aligned(some.x.size) / (cols / vectors), row_groups, column_groups, ...place },
      constants: { APPENDED: appended !== undefined, SO_FAR: before !== undefined },
      grid: place.bands * (row_groups + column_groups),
      variant,
    });
    if (own === dx || own === some.dx) return;
    for (const [size, from, to] of [[some.x.size, 0, 0], [some.appended.size, aligned(some.x.size), aligned(x.size)]]) {
      copy(own.alias([size], from * own.elementBytes), dx.alias([size], (to + start * (size / count)) * dx.elementBytes));
    }
  }, band / gcd(band, tokens + 1));
  const [dweight, dbias] = hasColumns ? totals(partials, weight, bias, vectors, bands) : [undefined, undefined];
  const dxOnly = !x.requiresGrad ? undefined : appended === undefined ? dx : dx.alias(x.shape);
  const dappended = appended?.requiresGrad === true ? dx.alias(appended.shape, aligned(x.size) * dx.elementBytes) : undefined;
  return [dxOnly, dweight, dbias, ...(appended === undefined ? [] : [dappended])];
}

/** For the gradients of x and, behind it, of `appended`: one tensor, because eight bindings are all that a device must have. */
function joined(x: Tensor, appended: Tensor): Tensor {
  return Tensor.empty(x.gpu, [aligned(x.size) + appended.size], x.gradType, `d ${x.label}`);
}

/** dweight and dbias: the bands added up, first to last. */
function totals(partials: Tensor, weight: Tensor, bias: Tensor, vectors: number, bands: number): readonly [Tensor, Tensor] {
  const dweight = weight.gradLike();
  const dbias = bias.gradLike();
  vectorsOf(totalSums, weight.size).kernel.run(weight.gpu, { tensors: { partials, dweight, dbias }, params: { vectors, bands }, grid: ceilDiv(vectors, TOTALS_WORKGROUP) });
  return [dweight, dbias];
}

export const kernels = [forward, backward, totalSums].flatMap(({ scalar, vec4 }) => [scalar, vec4]);
