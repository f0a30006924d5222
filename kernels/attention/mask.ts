/** What is added to logits: masks of windows, made for a few kinds of them at a time, and where a kernel finds a mask. */
import { bindingBytes, type Context, fitsBinding, Kernel, part, type Range, type Tensor, type Texture } from '../../engine/index.ts';
import { kindParams, lastAxes, placesPart, type WindowKind } from '../shared/partition.ts';
import { ceilDiv } from '../shared/sizes.ts';
import { axisParams } from '../shared/windows.ts';
import { masksIn, type Plan, type WindowBias } from './plan.ts';
import type { HeadRange } from './ranges.ts';

const ofWindows = new Kernel('window_mask', [await part(import.meta.url, './window_mask.wgsl'), placesPart]);
const packing = new Kernel('pack_mask', [await part(import.meta.url, './pack_mask.wgsl')]);
export const maskKernels: readonly Kernel[] = [ofWindows, packing];

const WORKGROUP = 64;

/**
 * Masks of windows take at most so many bytes at a time, if those of one kind do: of Video Swin-B's third stage all
 * eight kinds would take 79 MB.
 */
const MASK_BYTES = 2 ** 25;

/** The plan itself; or, of windows with a bias, one plan for the kinds of windows whose masks are there at a time. */
export function* turnsOf(plan: Plan, like: Tensor): Generator<Plan> {
  if (plan.bias === undefined) {
    yield plan;
    return;
  }
  const { pictures, kinds } = plan.bias.partition;
  const bytes = plan.heads * plan.queries * plan.keys * like.elementBytes;
  const most = Math.max(1, Math.floor(Math.min(MASK_BYTES, bindingBytes(like.gpu)) / bytes));
  for (let i = 0; i < kinds.length; i += most) {
    const some = kinds.slice(i, i + most);
    const count = some.reduce((sum, { windows }) => sum + pictures * windows, 0);
    using mask = windowMask(plan, plan.bias, some, like);
    yield { ...plan, mask, turn: { samples: { start: some[0].first, count }, kinds: some } };
  }
}

/** The masks [kinds, H, N, N] of some kinds of windows, stored as `like`. */
function windowMask({ heads, queries: tokens }: Plan, { table, partition }: WindowBias,
  kinds: readonly WindowKind[], like: Tensor): Tensor {
  const { full, window, shift } = partition;
  const mask = like.like([kinds.length, heads, tokens, tokens], 'masks of windows');
  ofWindows.run(table.gpu, {
    tensors: { table, mask },
    params: { tokens, heads, kinds: kinds.length, last_axes: lastAxes(kinds), ...axisParams({ full, window, shift }) },
    constants: { WORKGROUP },
    grid: ceilDiv(tokens * tokens, WORKGROUP),
  });
  return mask;
}

/** Rows of a layer of a texture that has masks, texels of a row, and queries of a texel. */
export const HEIGHT = 8192;
const [TEXELS, OWN] = [8, 4];

const rowsOf = ({ queries, keys }: Plan) => ceilDiv(queries, TEXELS * OWN) * keys;

/** Whether there is a mask, and a texture can hold it. */
export function canBeTexture({ limits }: Context, plan: Plan): boolean {
  if (plan.bias !== undefined) return true; // there are few at a time
  if (plan.mask === undefined || !fitsBinding(plan.mask)) return false;
  return masksIn(plan.mask).count * rowsOf(plan) <= HEIGHT * limits.maxTextureArrayLayers;
}

/** A mask in a texture, packed unless it is there. */
function packed(plan: Plan, mask: Tensor): Texture {
  const { queries, keys } = plan;
  const rows = masksIn(mask).count * rowsOf(plan);
  const { gpu, storage, byteOffset: offset, bytes, dtype } = mask;
  const size = [TEXELS, Math.min(rows, HEIGHT), ceilDiv(rows, HEIGHT)] as const;
  const [{ isFilled, ...texels }] = gpu.textures.claim([{ storage, offset, bytes,
    form: `mask ${dtype} ${queries} ${keys}`, size }]);
  if (!isFilled) {
    packing.run(gpu, {
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
  const { mask, turn } = plan;
  if (mask === undefined) return { tensors: { mask: instead }, params: NO_MASK };
  const { batch: ofBatch, head: ofHead } = masksIn(mask);
  const size = isTexture ? rowsOf(plan) : plan.queries * plan.keys;
  const first = (turn === undefined ? batch.start * ofBatch : 0) + heads.start * ofHead;
  const params = { mask_size: size, mask_batch: ofBatch, mask_head: ofHead, by_kind: turn === undefined ? 0 : 1,
    ...kindParams(turn?.kinds ?? [], batch.start) };
  if (isTexture) return { textures: { mask: packed(plan, mask) }, params: { ...params, mask_offset: first * size } };
  const whole = { tensor: mask, offset: first * size + queries.start * plan.keys };
  const { tensor, offset } = bound ?? whole;
  return { tensors: { mask: tensor }, params: { ...params, mask_offset: offset } };
}

const NO_MASK = { mask_offset: 0, mask_size: 0, mask_batch: 0, mask_head: 0, by_kind: 0, ...kindParams([]) };
