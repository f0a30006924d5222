import { inRanges, Kernel, part, ShapeError, Tensor } from '../../engine/index.ts';
import { BLOCK, LEAST, RECORD, TOP } from './format.ts';

export { cost } from './cost.ts';
export { addPacked, BLOCK, RECORD } from './format.ts';

const packing = new Kernel('wire_pack', [await part(import.meta.url, './wire.pack.wgsl')]);
const unpacking = new Kernel('wire_unpack', [await part(import.meta.url, './wire.unpack.wgsl')]);

/** All kernels of the room, for checks and tuning. */
export const kernels = [packing, unpacking];

/** A tensor for so many numbers, packed. */
export function packedLike(x: Tensor, numbers = x.size): Tensor<'u32'> {
  return Tensor.empty(x.gpu, [numbers / BLOCK, RECORD], 'u32', `packed ${x.label}`);
}

/**
 * Rounds numbers to f16, with one power of two for each BLOCK of them, as they go to other processes.
 *
 * @param x f32, a multiple of BLOCK of numbers  @param packed [blocks, RECORD]  @param first the block of `packed` that
 * x begins with
 */
export function pack(x: Tensor, packed: Tensor<'u32'>, first = 0): void {
  overBlocks('pack', x, packed, first,
    (some, blocks, start) =>
      packing.run(x.gpu, { tensors: { x: some, packed }, params: { first: start },
        constants: { BLOCK, TOP, LEAST, RECORD }, grid: blocks }));
}

/** The numbers that `pack` left, as f32; those of a block with a NaN or an infinity are NaN. */
export function unpack(packed: Tensor<'u32'>, x: Tensor, first = 0): void {
  overBlocks('unpack', x, packed, first,
    (some, blocks, start) =>
      unpacking.run(x.gpu, { tensors: { x: some, packed }, params: { first: start }, constants: { BLOCK, TOP, RECORD },
        grid: blocks }));
}

/** Rounds numbers in place to what `pack` keeps of them. */
export function roundAsPacked(x: Tensor): void {
  using packed = packedLike(x);
  pack(x, packed);
  unpack(packed, x);
}

function overBlocks(op: string, x: Tensor, packed: Tensor<'u32'>, first: number,
  run: (some: Tensor, blocks: number, first: number) => void): void {
  const blocks = x.size / BLOCK;
  if (!Number.isInteger(blocks) || first + blocks > packed.size / RECORD) {
    throw new ShapeError(op, `[${x.shape}] from block ${first} on does not fit [${packed.shape}]`,
      `numbers come in blocks of ${BLOCK}`);
  }
  inRanges(x.gpu, blocks, { x }, ({ x: some }, count, start) => run(some, count, first + start));
}
