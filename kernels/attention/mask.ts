/** What is added to logits: masks of windows, made for a few kinds at a time, and where a kernel finds a mask. */
import { bindingBytes, type Context, fitsBinding, Kernel, part, type Range, type Tensor,
  type Texture } from '../../engine/index.ts';
import { kindParams, lastAxes, type WindowKind } from '../shared/partition.ts';
import { ceilDiv, f32Bytes } from '../shared/sizes.ts';
import { axisParams } from '../shared/windows.ts';
import { masksIn, type Plan, type WindowBias } from './plan.ts';
import type { HeadRange } from './ranges.ts';

const windowMask = [await part(import.meta.url, './window_mask.wgsl'),
  await part(import.meta.url, '../shared/quotient.wgsl')];
const ofWindows = {
  memory: new Kernel('window_mask.memory', [...windowMask,
    await part(import.meta.url, './parts/mask_into.memory.wgsl')]),
  texture: new Kernel('window_mask.texture', [], {
    only: { parts: [...windowMask, await part(import.meta.url, './parts/mask_into.texture.wgsl')],
      needs: ['readonly_and_readwrite_storage_textures'] },
  }),
};
const packing = new Kernel('pack_mask', [await part(import.meta.url, './pack_mask.wgsl')]);
export const maskKernels: readonly Kernel[] = [...Object.values(ofWindows), packing];

const WORKGROUP = 64;

/**
 * Masks of windows take at most so many bytes at a time, if those of one kind do: of Video Swin-B's third stage all
 * eight kinds would take 79 MB.
 */
const MASK_BYTES = 2 ** 26;

/** The plan itself; or, of windows with a bias, one plan for the kinds of windows whose masks are there at a time. */
export function turnsOf(plan: Plan): readonly Plan[] {
  if (plan.bias === undefined) return [plan];
  const { table: { gpu }, partition: { pictures, kinds } } = plan.bias;
  const bytes = f32Bytes(plan.heads * plan.queries * plan.keys);
  const most = Math.max(1, Math.floor(Math.min(MASK_BYTES, bindingBytes(gpu)) / bytes));
  return Array.from({ length: ceilDiv(kinds.length, most) }, (_, i) => {
    const some = kinds.slice(i * most, (i + 1) * most);
    const count = some.reduce((sum, { windows }) => sum + pictures * windows, 0);
    return { ...plan, turn: { samples: { start: some[0].first, count }, kinds: some } };
  });
}

/** The plan with masks of windows in memory, if kernels look for them there; they are to be disposed of. */
export function withMask(plan: Plan, isTexture: boolean, like: Tensor): Plan & { readonly made?: Tensor } {
  const { bias, turn, heads, queries: tokens } = plan;
  if (bias === undefined || turn === undefined || isTexture) return plan;
  const mask = like.like([turn.kinds.length, heads, tokens, tokens], 'masks of windows');
  makeMasks(plan, bias, turn.kinds, 'memory', { tensors: { mask } });
  return { ...plan, mask, made: mask };
}

/** Masks of some kinds of windows in a texture, made unless they are there. */
function windowTexels(plan: Plan, bias: WindowBias, kinds: readonly WindowKind[]): Texture {
  const { table, partition: { full, window, shift } } = bias;
  const form = `windows [${full}] [${window}] [${shift}] ${lastAxes(kinds)} ${table.dtype}`;
  const { isFilled, ...mask } = claimed(plan, table, form);
  if (!isFilled) makeMasks(plan, bias, kinds, 'texture', { textures: { mask } });
  return mask;
}

function makeMasks({ heads, queries: tokens }: Plan, { table, partition }: WindowBias, kinds: readonly WindowKind[],
  into: keyof typeof ofWindows, { tensors, textures }: Omit<FoundMask, 'params'>): void {
  const { full, window, shift } = partition;
  ofWindows[into].run(table.gpu, {
    tensors: { table, ...tensors },
    textures,
    params: { tokens, heads, kinds: kinds.length, last_axes: lastAxes(kinds), ...axisParams({ full, window, shift }) },
    constants: { WORKGROUP, ...(into === 'texture' && { HEIGHT }) },
    grid: ceilDiv(ceilDiv(tokens, TEXELS * OWN) * TEXELS * tokens, WORKGROUP),
  });
}

/** Rows of a layer of a texture that has masks, texels of a row, and queries of a texel. */
export const HEIGHT = 8192;
const [TEXELS, OWN] = [8, 4];

const rowsOf = ({ queries, keys }: Plan) => ceilDiv(queries, TEXELS * OWN) * keys;

/** Whether there is a mask, and a texture can hold it. */
export function canBeTexture({ limits }: Context, plan: Plan): boolean {
  if (plan.bias !== undefined) return true; // there are few at a time
  if (plan.mask === undefined || !fitsBinding(plan.mask)) return false;
  return masksIn(plan).count * rowsOf(plan) <= HEIGHT * limits.maxTextureArrayLayers;
}

/** The texture of the masks of a plan, and whether they are there: made of a tensor, in this form. */
function claimed(plan: Plan, { gpu, storage, byteOffset: offset, bytes }: Tensor, form: string) {
  const rows = masksIn(plan).count * rowsOf(plan);
  const size = [TEXELS, Math.min(rows, HEIGHT), ceilDiv(rows, HEIGHT)] as const;
  return gpu.textures.claim([{ storage, offset, bytes, form, size }])[0];
}

/** A mask in a texture, packed unless it is there. */
function packed(plan: Plan, mask: Tensor): Texture {
  const { queries, keys } = plan;
  const { isFilled, ...texels } = claimed(plan, mask, `mask ${mask.dtype} ${queries} ${keys}`);
  const rows = masksIn(plan).count * rowsOf(plan);
  if (!isFilled) {
    packing.run(mask.gpu, {
      tensors: { mask },
      textures: { texels },
      params: { rows, queries, keys },
      constants: { WORKGROUP, HEIGHT },
      grid: ceilDiv(rows * TEXELS, WORKGROUP),
    });
  }
  return texels;
}

/** How a dispatch finds the mask. */
export interface FoundMask {
  readonly tensors?: Readonly<Record<string, Tensor>>;
  readonly textures?: Readonly<Record<string, Texture>>;
  readonly params: Readonly<Record<string, number>>;
}

/**
 * The mask of some heads and queries, for a kernel that finds it in a texture or in memory.
 *
 * @param bound what is bound of a mask of samples, and where its first row lies
 * @param instead any tensor: a binding wants one where there is no mask
 */
export function maskFor(plan: Plan, isTexture: boolean, { batch, heads }: HeadRange, queries: Range,
  { bound, instead }: { bound?: { tensor: Tensor; offset: number }; instead: Tensor }): FoundMask {
  const { mask, bias, turn } = plan;
  const { batch: ofBatch, head: ofHead } = masksIn(plan);
  const size = isTexture ? rowsOf(plan) : plan.queries * plan.keys;
  const first = (turn === undefined ? batch.start * ofBatch : 0) + heads.start * ofHead;
  const params = { mask_size: size, mask_batch: ofBatch, mask_head: ofHead, by_kind: turn === undefined ? 0 : 1,
    ...kindParams(turn?.kinds ?? [], batch.start), mask_offset: first * size };
  if (isTexture) {
    const texels = bias && turn ? windowTexels(plan, bias, turn.kinds) : packed(plan, mask as Tensor);
    return { textures: { mask: texels }, params };
  }
  if (bound !== undefined) return { tensors: { mask: bound.tensor }, params: { ...params, mask_offset: bound.offset } };
  const offset = first * size + queries.start * plan.keys;
  return { tensors: { mask: mask ?? instead }, params: { ...params, mask_offset: offset } };
}
