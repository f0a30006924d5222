/** How an attention is launched: in which ranges, and with which params. */
import { copy, type Range, type Tensor } from '../../engine/index.ts';
import { vectorsOf } from '../shared/rows.ts';
import { aligned, ceilDiv, f32Bytes } from '../shared/sizes.ts';
import { biasGroups, sumPairs, tableGradient, WORKGROUP } from './bias.ts';
import { maskFor, turnsOf, withMask } from './mask.ts';
import { areHeadsApart, denseRows, gradientPlaces, hasListeners, isPacked, masksIn, masksOf, type Operands,
  type Plan } from './plan.ts';
import { areWhole, bind, type Bound, type Cut, cutOf, type HeadRange, QUERY_STEP, type Rows,
  type RowsByName } from './ranges.ts';
import { attention, gradBias, gradKeyValue, gradQuery, isQuad, type Launch, launchOf } from './variants.ts';

/**
 * The quad gradient keeps the weights of so many queries at a time, or of as many pairs of a head, so that its memory
 * is linear in the sequence; in rows of a multiple of KEPT_STEP keys.
 */
const [KEPT_QUERIES, KEPT_PAIRS] = [256, 2 ** 17];
/** Bytes that they take at a time, at most. */
const KEPT_BYTES = 2 ** 27;
const KEPT_STEP = 32;
/**
 * Products of every pair: of the forward pass, and of the two kernels of the gradient. As in cost.ts, what a rung
 * computes again does not count.
 */
const PRODUCTS = { forward: 2, query: 3, keyValue: 2, bias: 0 } as const;

/** The forward pass into `y`; returns logSumExp [B, H, L]. */
export function forward(plan: Plan, operands: Operands, y: Tensor): Tensor {
  const logSumExp = y.wide([plan.batch, plan.heads, plan.queries], 'logSumExp');
  for (const turn of turnsOf(plan)) forwardTurn(turn, operands, y, logSumExp);
  return logSumExp;
}

function forwardTurn(plan: Plan, operands: Operands, y: Tensor, logSumExp: Tensor): void {
  const rows = { ...inputRows(plan, operands, logSumExp), y: outputRows(plan, y) };
  const cut = cutOf(plan, Object.values(rows));
  const launch = launchOf(attention, plan, y, cut);
  const own = withMask(plan, launch.variant === 'quad_texture', y);
  using _ = own.made;
  for (const heads of cut.heads) {
    for (const queries of cut.queries) {
      using bound = bind(plan, rows, heads, queries, cut.isWhole);
      run(own, launch, heads, queries, { bound, products: PRODUCTS.forward, each: queries.count });
    }
  }
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

/** dq, and then dk and dv; and the gradient of the table of a bias, if that is wanted. */
export function backward(plan: Plan, operands: GradOperands): Tensor | undefined {
  const { query, dquery, dkv } = operands;
  if (dkv?.dtype === 'f16' && !isWrittenOnce(plan, operands)) {
    // sums over several ranges of queries are f32, and so is what is put together from ranges of heads
    using wide = dkv.wide(dkv.shape, 'sums of ranges') as Tensor;
    const dtable = backward(plan, { ...operands, dkv: wide, dquery: dquery === dkv ? wide : dquery });
    copy(wide, dkv);
    return dtable;
  }
  const { bias, heads, queries } = plan;
  if (bias?.table.requiresGrad !== true) {
    for (const turn of turnsOf(plan)) backwardTurn(turn, operands);
    return undefined;
  }
  using dbias = query.wide([heads, queries, keptWidth(plan)], 'd bias') as Tensor;
  for (const turn of turnsOf(plan)) backwardTurn(turn, operands, dbias);
  return tableGradient(bias, dbias);
}

/** Whether one dispatch writes all of a gradient that there is for good. */
function isWrittenOnce(plan: Plan, operands: GradOperands): boolean {
  const rows = gradientRows(plan, operands);
  const { isWhole, queries } = gradientCut(plan, rows, gradientLaunches(plan, operands, rows).isKept);
  return isWhole && queries.length === 1;
}

/** @param dbias what dlogits add up to, [H, L, width of what is kept]; turns before this one have given theirs */
function backwardTurn(plan: Plan, operands: GradOperands, dbias?: Tensor): void {
  const { dquery, dkv } = operands;
  const rows = gradientRows(plan, operands);
  const { ofQueries, ofKeys, isKept } = gradientLaunches(plan, operands, rows);
  const cut = gradientCut(plan, rows, isKept);
  const own = withMask(plan, ofQueries.variant === 'quad_texture', operands.query); // and then no other one looks at it
  using _ = own.made;
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
      const kept: Tensors = isKept ? { pairs: left } : { delta: left };
      run(own, ofQueries, heads, queries, { bound: saved, products: PRODUCTS.query, each: queries.count,
        tensors: { ...kept, [ofQueries.isNaive ? 'gradient' : 'dquery']: outputs.tensors.dquery } });
      if (dbias !== undefined) {
        const adds = heads.batch.start > 0;
        if (isKept) sumPairs(plan, left, problems, queries, dbias, adds);
        else {
          run(own, biasLaunch(plan, adds), heads, queries, { bound: saved, products: PRODUCTS.bias,
            grid: biasGroups(plan.heads, queries, dbias), tensors: { ...kept, dbias } });
        }
      }
      if (ofKeys === undefined) continue;
      const places = isApart ? { key: 0, value: aligned(size) } : gradientPlaces(plan);
      const first = isApart ? 0 : outputs.offsets.dkv;
      const gradients = { dquery: first, dkey: first + places.key, dvalue: first + places.value };
      run(own, ofKeys, heads, queries, { bound: saved, products: PRODUCTS.keyValue, each: plan.keys, gradients,
        tensors: { ...kept, [ofKeys.isNaive ? 'gradient' : 'dkv']: apart ?? outputs.tensors.dkv } });
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

/** The gradient of a bias where no dlogits were kept: a lane has a query and four keys of a head. */
function biasLaunch(plan: Plan, adds: boolean): Launch {
  const { kernel, vectors } = vectorsOf(gradBias, plan.headDim);
  return { kernel, variant: 'only', isNaive: false, vectors, perVector: plan.headDim / vectors, ownRows: 1,
    constants: { WORKGROUP, ADDS: adds, MASKED: true, UNROLLED: false, VECTORS: 1 } };
}

function gradientLaunches(plan: Plan, { query, dkv }: GradOperands, rows: GradientRows): GradientLaunches {
  const isWhole = areWhole([...Object.values(rows.saved), ...Object.values(rows.outputs)]);
  const together = areHeadsApart(plan) ? 1 : plan.heads;
  const leastKept = keptBytes(plan, together, Math.min(plan.queries, QUERY_STEP));
  const mayKeep = leastKept <= query.gpu.limits.maxStorageBufferBindingSize;
  const wanted = dkv && launchOf(gradKeyValue, plan, query, { isWhole, mayKeep });
  const keeps = wanted === undefined ? mayKeep : isQuad(wanted.variant);
  const ofQueries = launchOf(gradQuery, plan, query, { isWhole, mayKeep: keeps });
  const isKept = isQuad(ofQueries.variant);
  const isAlone = isQuad(wanted?.variant) && !isKept;
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
    const pairs = isKept ? keptBytes(plan, heads, queries) : 0;
    const apart = needsApart ? 2 * f32Bytes(aligned(heads * keys * headDim)) : 0;
    return Math.max(pairs, apart);
  };
  const steps = Math.floor(KEPT_PAIRS / keptWidth(plan) / QUERY_STEP) * QUERY_STEP;
  const most = isKept ? Math.min(all, Math.max(KEPT_QUERIES, steps)) : all;
  return cutOf(plan, [...Object.values(saved), ...Object.values(outputs)], most, besides);
}

/** Bytes of the kept pairs of some heads and queries; no binding holds more than the budget. */
function keptBytes(plan: Plan, heads: number, queries: number): number {
  const bytes = f32Bytes(2 * heads * queries * keptWidth(plan));
  return bytes > KEPT_BYTES ? Number.POSITIVE_INFINITY : bytes;
}

/** Numbers in a row of kept pairs. */
function keptWidth({ keys }: Plan): number {
  return ceilDiv(keys, KEPT_STEP) * KEPT_STEP;
}

function inputRows(plan: Plan, { query, key, value }: Operands, logSumExp: Tensor): RowsByName {
  const { headDim: width, keyOffset, valueOffset, queries, keys, mask, turn } = plan;
  const maskSize = queries * keys;
  const perQuery = denseRows(plan.heads, plan.queries, 1);
  return {
    query: { tensor: query, strides: plan.query, width, start: 0, of: 'queries' },
    key: { tensor: key, strides: plan.key, width, start: keyOffset, of: 'keys' },
    value: { tensor: value, strides: plan.key, width, start: valueOffset, of: 'keys' },
    log_sum_exp: { tensor: logSumExp, strides: perQuery, width: 1, start: 0, of: 'queries' },
    // masks of windows are small enough to be bound whole
    ...(mask && turn === undefined && {
      mask: { tensor: mask, width: keys, start: 0, of: 'queries',
        strides: { batch: masksIn(plan).batch * maskSize, head: masksIn(plan).head * maskSize, row: keys } },
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

type Tensors = Readonly<Record<string, Tensor>>;

/** What a dispatch is given beside its sizes. */
interface Given {
  readonly bound: Bound;
  readonly tensors?: Tensors;
  /** Where gradients of keys and values begin. */
  readonly gradients?: Offsets;
  readonly products: number;
  /** Rows of every head that lanes have, or else workgroups. */
  readonly each?: number;
  readonly grid?: number;
}

/** Dispatches a kernel on some heads and queries. */
function run(plan: Plan, launch: Launch, heads: HeadRange, queries: Range, given: Given): void {
  const { bound, tensors, gradients, products, each = 0 } = given;
  const { y: ofY, dy: output = ofY, mask: _, ...offsets } = bound.offsets;
  const { mask: boundMask, ...operands } = bound.tensors;
  const mask = maskFor(plan, launch.variant === 'quad_texture', heads, queries, { instead: bound.tensors.query,
    bound: boundMask && { tensor: boundMask, offset: bound.offsets.mask } });
  const problems = heads.batch.count * heads.heads.count;
  launch.kernel.run(operands.query.gpu, {
    tensors: { ...operands, ...mask.tensors, ...tensors },
    textures: mask.textures,
    params: { ...paramsOf(plan, launch, heads, queries, { ...offsets, output, ...gradients }),
      ...(!launch.isNaive && mask.params) },
    variant: launch.variant,
    constants: launch.constants,
    grid: given.grid ?? problems * ceilDiv(each, launch.ownRows),
    flops: 2 * products * problems * queries.count * plan.keys * plan.headDim,
  });
}

/** Where the first row of each operand starts, in elements; 0 where a kernel has no such operand. */
type Operand = 'query' | 'key' | 'value' | 'output' | 'log_sum_exp' | 'dquery' | 'dkey' | 'dvalue';
type Offsets = Readonly<Partial<Record<Operand, number>>>;

/** `struct Params` of the naive rungs, or that of problem.wgsl, which counts in vectors. */
function paramsOf(plan: Plan, launch: Launch, { batch, heads }: HeadRange, queries: Range, offsets: Offsets) {
  const { query, key, output } = plan;
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
  return {
    ...sizes,
    heads: heads.count,
    vectors,
    earlier: queries.start,
    all_queries: plan.queries,
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
    log_sum_exp_offset: offsets.log_sum_exp ?? 0,
    log_sum_exp_head: plan.queries,
    kept_width: keptWidth(plan),
    first_listener: hasListeners(plan) ? plan.queries : plan.keys,
  };
}
