/** How an attention is launched: in which ranges, and with which params. */
import { copy, type Range, type Tensor } from '../../engine/index.ts';
import { aligned, ceilDiv, f32Bytes } from '../shared/sizes.ts';
import { areHeadsApart, denseRows, gradientPlaces, hasListeners, isPacked, masksOf, maskStrides, type Operands,
  type Plan } from './plan.ts';
import { areWhole, bind, type Cut, cutOf, type HeadRange, QUERY_STEP, type Rows, type RowsByName } from './ranges.ts';
import { attention, gradKeyValue, gradQuery, type Launch, launchOf } from './variants.ts';

/**
 * The quad gradient keeps the weights of so many queries at a time, or of as many pairs of a head, so that its memory
 * is linear in the sequence; in rows of a multiple of KEPT_STEP keys.
 */
const [KEPT_QUERIES, KEPT_PAIRS] = [256, 2 ** 17];
const KEPT_STEP = 32;
/**
 * Products of every pair: of the forward pass, and of the two kernels of the gradient. As in cost.ts, what a rung
 * computes again does not count.
 */
const PRODUCTS = { forward: 2, query: 3, keyValue: 2 } as const;

/** The forward pass into `y`; returns logSumExp [B, H, L]. */
export function forward(plan: Plan, operands: Operands, y: Tensor): Tensor {
  const logSumExp = y.wide([plan.batch, plan.heads, plan.queries], 'logSumExp');
  const rows = { ...inputRows(plan, operands, logSumExp), y: outputRows(plan, y) };
  const cut = cutOf(plan, Object.values(rows));
  const launch = launchOf(attention, plan, y, cut);
  for (const heads of cut.heads) {
    for (const queries of cut.queries) {
      using bound = bind(plan, rows, heads, queries, cut.isWhole);
      const { y: output, ...offsets } = bound.offsets;
      launch.kernel.run(y.gpu, {
        tensors: { mask: bound.tensors.query, ...bound.tensors },
        params: paramsOf(plan, launch, heads, queries, { ...offsets, output }),
        ...lanesFor(plan, launch, heads, queries, queries.count, PRODUCTS.forward),
      });
    }
  }
  return logSumExp;
}

export interface GradOperands extends Operands {
  readonly dy: Tensor;
  readonly log_sum_exp: Tensor;
  readonly dquery: Tensor;
  /**
   * Takes dk and dv, if anybody wants them: one behind the other, or, as `dquery` itself, where keys and values lie in
   * a packed tensor.
   */
  readonly dkv?: Tensor;
}

/** dq, and then dk and dv. */
export function backward(plan: Plan, operands: GradOperands): void {
  const { query: { gpu }, dquery, dkv } = operands;
  const rows = gradientRows(plan, operands);
  const { ofQueries, ofKeys, isKept } = gradientLaunches(plan, operands, rows);
  const cut = gradientCut(plan, rows, isKept);
  if (dkv?.dtype === 'f16' && !(cut.isWhole && cut.queries.length === 1)) {
    // sums over several ranges of queries are f32, and so is what is put together from ranges of heads
    using wide = dkv.wide(dkv.shape, 'sums of ranges') as Tensor;
    backward(plan, { ...operands, dkv: wide, dquery: dquery === dkv ? wide : dquery });
    return copy(wide, dkv);
  }
  for (const heads of cut.heads) {
    const problems = heads.batch.count * heads.heads.count;
    const size = problems * plan.keys * plan.headDim;
    // a window of dk and one of dv lie apart, but a dispatch may bind a buffer for writing only once: they come by way
    // of a tensor of the range's own
    const isApart = !cut.isWhole && !isPacked(plan);
    using apart = isApart ? dkv?.like([aligned(size) + size], 'd key, d value of a range') : undefined;
    for (const queries of cut.queries) {
      // what the first kernel leaves to the second: weights and dlogits of every pair, or delta of every query, in two
      // numbers
      const shape = isKept ? [problems, 2, queries.count, keptWidth(plan)] : [problems, queries.count, 2];
      using left = dquery.wide(shape, isKept ? 'weights and their gradients' : 'delta') as Tensor;
      using saved = bind(plan, rows.saved, heads, queries, cut.isWhole);
      using outputs = bind(plan, rows.outputs, heads, queries, cut.isWhole);
      const { dy: output, ...offsets } = saved.offsets;
      const tensors = { mask: saved.tensors.query, ...saved.tensors, ...(isKept ? { pairs: left } : { delta: left }) };
      ofQueries.kernel.run(gpu, {
        tensors: { ...tensors, [ofQueries.isNaive ? 'gradient' : 'dquery']: outputs.tensors.dquery },
        params: paramsOf(plan, ofQueries, heads, queries, { ...offsets, output }),
        ...lanesFor(plan, ofQueries, heads, queries, queries.count, PRODUCTS.query),
      });
      if (ofKeys === undefined) continue;
      const places = isApart ? { key: 0, value: aligned(size) } : gradientPlaces(plan);
      const first = isApart ? 0 : outputs.offsets.dkv;
      const gradients = { dquery: first, dkey: first + places.key, dvalue: first + places.value };
      ofKeys.kernel.run(gpu, {
        tensors: { ...tensors, [ofKeys.isNaive ? 'gradient' : 'dkv']: apart ?? outputs.tensors.dkv },
        params: paramsOf(plan, ofKeys, heads, queries, { ...offsets, output, ...gradients }),
        ...lanesFor(plan, ofKeys, heads, queries, plan.keys, PRODUCTS.keyValue),
      });
    }
    if (apart === undefined || dkv === undefined) continue;
    const places = gradientPlaces(plan);
    const start = heads.batch.start * plan.key.batch + heads.heads.start * plan.key.head;
    copyElements(apart, 0, dkv, places.key + start, size);
    copyElements(apart, aligned(size), dkv, places.value + start, size);
  }
}

/** target[to…] := source[from…], of f32. */
function copyElements(source: Tensor, from: number, target: Tensor, to: number, count: number): void {
  using range = source.alias([count], f32Bytes(from));
  using place = target.alias([count], f32Bytes(to));
  copy(range, place);
}

/**
 * How the two kernels are launched. One quad rung leaves weights in memory and the other one needs them there: both or
 * none.
 */
interface GradientLaunches {
  readonly ofQueries: Launch;
  readonly ofKeys?: Launch;
  readonly isKept: boolean;
}

function gradientLaunches(plan: Plan, { query, dkv }: GradOperands, rows: GradientRows): GradientLaunches {
  const isWhole = areWhole([...Object.values(rows.saved), ...Object.values(rows.outputs)]);
  const together = areHeadsApart(plan) ? 1 : plan.heads;
  const leastKept = f32Bytes(2 * together * Math.min(plan.queries, QUERY_STEP) * keptWidth(plan));
  const mayKeep = leastKept <= query.gpu.limits.maxStorageBufferBindingSize;
  const wanted = dkv && launchOf(gradKeyValue, plan, query, { isWhole, mayKeep });
  const keeps = wanted === undefined ? mayKeep : wanted.variant === 'quad';
  const ofQueries = launchOf(gradQuery, plan, query, { isWhole, mayKeep: keeps });
  const isKept = ofQueries.variant === 'quad';
  const isAlone = wanted?.variant === 'quad' && !isKept;
  const ofKeys = isAlone ? launchOf(gradKeyValue, plan, query, { isWhole, mayKeep: false }) : wanted;
  return { ofQueries, ofKeys, isKept };
}

/**
 * How a gradient is cut: by what is kept of every pair too, and by the tensor in which a range may need its dk and dv.
 */
function gradientCut(plan: Plan, { saved, outputs }: GradientRows, isKept: boolean): Cut {
  const { queries: all, keys, headDim } = plan;
  const needsApart = outputs.dkv !== undefined && !isPacked(plan);
  const besides = (heads: number, queries: number) => {
    const pairs = isKept ? f32Bytes(2 * heads * queries * keptWidth(plan)) : 0;
    const apart = needsApart ? 2 * f32Bytes(aligned(heads * keys * headDim)) : 0;
    return Math.max(pairs, apart);
  };
  const most = isKept ? Math.min(all, Math.max(KEPT_QUERIES, Math.floor(KEPT_PAIRS / keptWidth(plan)))) : all;
  return cutOf(plan, [...Object.values(saved), ...Object.values(outputs)], most, besides);
}

/** Numbers in a row of kept pairs. */
function keptWidth({ keys }: Plan): number {
  return ceilDiv(keys, KEPT_STEP) * KEPT_STEP;
}

function inputRows(plan: Plan, { query, key, value }: Operands, logSumExp: Tensor): RowsByName {
  const { headDim: width, keyOffset, valueOffset, mask } = plan;
  const perQuery = denseRows(plan.heads, plan.queries, 1);
  return {
    query: { tensor: query, strides: plan.query, width, start: 0, of: 'queries' },
    key: { tensor: key, strides: plan.key, width, start: keyOffset, of: 'keys' },
    value: { tensor: value, strides: plan.key, width, start: valueOffset, of: 'keys' },
    log_sum_exp: { tensor: logSumExp, strides: perQuery, width: 1, start: 0, of: 'queries' },
    ...(mask && {
      mask: { tensor: mask, strides: maskStrides(plan, mask), width: plan.keys, start: 0, of: 'queries' },
    }),
  };
}

function outputRows({ output, headDim }: Plan, tensor: Tensor): Rows {
  return { tensor, strides: output, width: headDim, start: 0, of: 'queries' };
}

/** Rows that the gradient reads, and those that it writes: `dquery` and, if wanted, `dkv`. */
interface GradientRows {
  readonly saved: RowsByName;
  readonly outputs: RowsByName;
}

function gradientRows(plan: Plan, operands: GradOperands): GradientRows {
  const { dy, log_sum_exp: logSumExp, dquery, dkv } = operands;
  const width = plan.headDim;
  const keyValueWidth = isPacked(plan) ? plan.valueOffset + width : width;
  return {
    saved: { ...inputRows(plan, operands, logSumExp), dy: outputRows(plan, dy) },
    outputs: {
      dquery: { tensor: dquery, strides: plan.query, width, start: 0, of: 'queries' },
      ...(dkv && { dkv: { tensor: dkv, strides: plan.key, width: keyValueWidth, start: 0, of: 'keys' } }),
    },
  };
}

/** Constants, grid and work of a dispatch that gives lanes to `each` rows of every head. */
function lanesFor(
  plan: Plan,
  launch: Launch,
  { batch, heads }: HeadRange,
  queries: Range,
  each: number,
  products: number,
) {
  const problems = batch.count * heads.count;
  return {
    variant: launch.variant,
    constants: launch.constants,
    grid: problems * ceilDiv(each, launch.ownRows),
    flops: 2 * products * problems * queries.count * plan.keys * plan.headDim,
  };
}

/** Where the first row of each operand starts, in elements; 0 where a kernel has no such operand. */
type Operand = 'query' | 'key' | 'value' | 'output' | 'mask' | 'log_sum_exp' | 'dquery' | 'dkey' | 'dvalue';
type Offsets = Readonly<Partial<Record<Operand, number>>>;

/** `struct Params` of the naive rungs, or that of problem.wgsl, which counts in vectors. */
function paramsOf(plan: Plan, launch: Launch, { batch, heads }: HeadRange, queries: Range, offsets: Offsets) {
  const { query, key, output, mask } = plan;
  const { vectors, perVector: n } = launch;
  const start = (name: Operand) => (offsets[name] ?? 0) / n;
  const sizes = {
    problems: batch.count * heads.count,
    queries: queries.count,
    keys: plan.keys,
    causal: plan.causal ? 1 : 0,
    scale: 1 / Math.sqrt(plan.headDim),
    dvalue_offset: start('dvalue'),
  };
  if (launch.isNaive) return { ...sizes, width: plan.headDim, masks: masksOf(plan) ?? 0 };
  const masks = mask === undefined ? { batch: 0, head: 0 } : maskStrides(plan, mask);
  return {
    ...sizes,
    heads: heads.count,
    vectors,
    earlier: queries.start,
    query_offset: start('query'),
    query_batch: query.batch / n,
    query_head: query.head / n,
    query_row: query.row / n,
    key_offset: start('key'),
    value_offset: start('value'),
    key_batch: key.batch / n,
    key_head: key.head / n,
    key_row: key.row / n,
    output_offset: start('output'),
    output_batch: output.batch / n,
    output_head: output.head / n,
    output_row: output.row / n,
    dkey_offset: start('dkey'),
    dquery_offset: start('dquery'),
    mask_offset: offsets.mask ?? 0,
    mask_batch: masks.batch,
    mask_head: masks.head,
    log_sum_exp_offset: offsets.log_sum_exp ?? 0,
    log_sum_exp_head: plan.queries,
    kept_width: keptWidth(plan),
    first_listener: hasListeners(plan) ? plan.queries : plan.keys,
  };
}
