/** How rows of windows, or of patches, are launched: all at once, or kind by kind in ranges of pictures. */
import { dispose, part, sizeOf, type Tensor } from '../../engine/index.ts';
import { boundOf, mostOf } from '../shared/boxes.ts';
import { kindParams, kindsPart, lastAxes, type Partition, placesPart } from '../shared/partition.ts';
import { axisParams } from '../shared/windows.ts';
import { type VectorKernels, vectorKernels, vectorsOf } from '../shared/rows.ts';
import { ceilDiv } from '../shared/sizes.ts';

const text = await part(import.meta.url, './windows.wgsl');
const inWindow = await part(import.meta.url, './parts/token_in_window.wgsl');
const ofWindows = vectorKernels('windows', [text, inWindow, kindsPart, placesPart]);
const ofPatches = vectorKernels('windows.patches', [text, await part(import.meta.url, './parts/token_in_patch.wgsl')]);
/** All kernels of the room, for checks and tuning. */
export const kernels = [ofWindows, ofPatches].flatMap(({ scalar, vec4 }) => [scalar, vec4]);

/** As in windows.wgsl. */
const ROWS = 64;

type Params = Readonly<Record<string, number>>;

/** Rows that a token has its place in, group by group, of a group picture by picture. */
export interface Order {
  readonly kernels: VectorKernels;
  readonly pictures: number;
  /** Tokens of a picture. */
  readonly tokens: number;
  readonly params: Params;
  readonly groups: readonly Group[];
}

interface Group {
  /** Its first row, and the rows that it has of a picture. */
  readonly first: number;
  readonly rows: number;
  /** What `params` is where this group comes alone. */
  readonly params: Params;
}

/** Tokens window by window. */
export function windowOrder(partition: Partition): Order {
  const { pictures, extents, window, shift, counts, kinds, tokens } = partition;
  const sizes = axisParams({ extent: extents, window, shift, count: counts });
  const groups = kinds.map((kind) => ({ first: kind.first * tokens, rows: kind.windows * tokens,
    params: { ...kindParams([]), last_axes: kind.last } })
  );
  const params = { ...sizes, ...kindParams(kinds), last_axes: lastAxes(kinds) };
  return { kernels: ofWindows, pictures, tokens: sizeOf(extents), params, groups };
}

/** Tokens patch by patch, each of two by two. */
export function patchOrder(pictures: number, height: number, width: number): Order {
  const rows = 4 * ceilDiv(height, 2) * ceilDiv(width, 2);
  return { kernels: ofPatches, pictures, tokens: height * width, params: { height, width },
    groups: [{ first: 0, rows, params: {} }] };
}

/** rows[row] = tokens[token of row], or 0. */
export function intoRows(order: Order, tokens: Tensor, rows: Tensor): void {
  move(order, { tokens, rows }, ({ tokens, rows }) => ({ x: tokens, residual: tokens, y: rows }), { BACK: false,
    RESIDUAL: false });
}

/** tokens[token of row] = rows[row], plus what `residual` has at that token. */
export function intoTokens(order: Order, rows: Tensor, tokens: Tensor, residual?: Tensor): void {
  move(order, { rows, tokens, ...(residual && { residual }) },
    ({ tokens, rows, residual }) => ({ x: rows, residual: residual ?? rows, y: tokens }), { BACK: true,
    RESIDUAL: residual !== undefined });
}

/** Tensors in the order of tokens, but for one in that of rows. */
interface Operands {
  readonly tokens: Tensor;
  readonly rows: Tensor;
  readonly residual?: Tensor;
}

function move(order: Order, operands: Operands, bindings: (operands: Operands) => Readonly<Record<string, Tensor>>,
  constants: Readonly<Record<string, boolean>>): void {
  const { pictures, groups } = order;
  const { tokens, rows } = operands;
  const channels = tokens.size / (pictures * order.tokens);
  const { kernel, vectors } = vectorsOf(order.kernels, channels);
  const { gpu } = tokens;
  const run = (bound: Operands, count: number, params: Params) => {
    kernel.run(gpu, { tensors: bindings(bound), params: { ...order.params, ...params, rows: count, channels: vectors },
      constants, grid: ceilDiv(count, ROWS) });
  };
  const vector = channels / vectors;
  const most = { tokens: mostOf(tokens, vector), rows: mostOf(rows, vector) };
  if (Number.isFinite(Math.min(most.tokens, most.rows))) { for (const group of groups) inPictures(group); }
  else {
    const all = groups.reduce((sum, group) => sum + pictures * group.rows, 0);
    run(operands, all, { row_origin: 0, token_origin: 0 });
  }

  /** One group, in ranges of as many pictures as bindings hold. */
  function inPictures(group: Group): void {
    const fitting = Math.min(most.tokens / (order.tokens * vectors), most.rows / (group.rows * vectors));
    const step = Math.max(1, Math.floor(fitting)); // where one is too large, binding it names the tensor and the limit
    for (let from = 0; from < pictures; from += step) {
      const count = Math.min(step, pictures - from);
      const firstToken = from * order.tokens * vectors;
      const firstRow = (group.first + from * group.rows) * vectors;
      const ofTokens = (tensor: Tensor) =>
        boundOf(tensor, vector, firstToken, firstToken + count * order.tokens * vectors);
      const [boundTokens, boundRows] = [ofTokens(tokens),
        boundOf(rows, vector, firstRow, firstRow + count * group.rows * vectors)];
      const boundResidual = operands.residual && ofTokens(operands.residual);
      run({ tokens: boundTokens.tensor as Tensor, rows: boundRows.tensor as Tensor,
        residual: boundResidual?.tensor as Tensor | undefined }, count * group.rows, { ...group.params,
        row_origin: firstRow - boundRows.origin, token_origin: firstToken - boundTokens.origin });
      for (const bound of [boundTokens, boundRows, boundResidual]) bound?.[dispose]();
    }
  }
}
