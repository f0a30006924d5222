/** The kernels of this room: their rungs, and how each is laid out. */
import { type Choice, type Context, Kernel, part, type Source, type Variant } from '../../engine/index.ts';
import { matricesOf, matrixVariants } from '../shared/matrix.ts';
import { type PackedKernels, packParts } from '../shared/rows.ts';
import { arrangements, constantsOf, fits, measuresOf, STAGING, type Staging } from './matrix.ts';

const problem = await part(import.meta.url, './problem.wgsl');
const exp = await part(import.meta.url, '../shared/exp.wgsl');
const matrix = await part(import.meta.url, './matrix.wgsl');

/** Queries or keys of a lane of the quad rungs. */
const QUAD = 4;
/** No subgroup of WebGPU is smaller. */
const LEAST_SUBGROUP = 4;

/**
 * How a block of rows comes to the lanes that need it.
 *
 * lanes: rows of a workgroup, one for each lane; as many as a processor's vector has lanes, or enough to share a tile.
 * block: rows that come at a time, their logits in registers; the loop over them is unrolled, and in a tile that is long code.
 */
const BLOCKS = {
  subgroup: { part: await part(import.meta.url, './block.subgroup.wgsl'), needs: ['subgroups'], suits: 'software', sizes: () => [{ lanes: 8, block: 8 }, { lanes: 16, block: 8 }, { lanes: 8, block: 4 }] },
  tile: { part: await part(import.meta.url, './block.tile.wgsl'), sizes: () => [{ lanes: 64, block: 4 }, { lanes: 32, block: 4 }] },
} as const;

const read = (file: string) => part(import.meta.url, file);
const four = await read('./four.wgsl');

/** The texts of a kernel. */
interface Bodies {
  readonly plain: Source;
  readonly quad: Source;
  readonly onUnits: Source;
}

/**
 * The rungs that read rows in packs, best first. `quad` gives each lane four queries or keys, and reads a block as `subgroup` does; of the
 * gradient, it leaves weights in memory, or finds them there.
 */
function rungs({ plain, quad }: Bodies, pack: Source): Readonly<Record<string, Variant>> {
  const { subgroup, tile } = BLOCKS;
  return {
    quad: { ...subgroup, parts: [quad, four, subgroup.part, pack], sizes: () => [{ lanes: 8, block: 32 }] },
    subgroup: { ...subgroup, parts: [plain, subgroup.part, pack] },
    tile: { ...tile, parts: [plain, tile.part, pack] },
  };
}

function kernelsOf(name: string, bodies: Bodies, staging: Staging): PackedKernels {
  return {
    scalar: new Kernel(`${name}.scalar`, [problem, exp], rungs(bodies, packParts.scalar)),
    vec4: new Kernel(`${name}.vec4`, [problem, exp], { ...matrixVariants([bodies.onUnits, matrix], (gpu, matrices) => arrangements(gpu, matrices, staging)), ...rungs(bodies, packParts.vec4) }),
  };
}

export const forward = kernelsOf('attention', {
  plain: await read('./attention.wgsl'), quad: await read('./attention.quad.wgsl'), onUnits: await read('./attention.matrix.wgsl'),
}, STAGING.forward);
export const gradQuery = kernelsOf('attention_grad_query', {
  plain: await read('./attention_grad_query.wgsl'), quad: await read('./attention_grad_query.quad.wgsl'), onUnits: await read('./attention_grad_query.matrix.wgsl'),
}, STAGING.gradient);
export const gradKeyValue = kernelsOf('attention_grad_key_value', {
  plain: await read('./attention_grad_key_value.wgsl'), quad: await read('./attention_grad_key_value.quad.wgsl'), onUnits: await read('./attention_grad_key_value.matrix.wgsl'),
}, STAGING.gradient);

/** Sizes that a rung is linked with, and rows of a workgroup. */
export function layOut(gpu: Context, packs: number, { variant, sizes }: Choice): { readonly constants: Readonly<Record<string, number | boolean>>; readonly ownRows: number } {
  const isQuad = variant === 'quad';
  const unrolled = isUnrolled(gpu) && !isQuad;
  const row = { PACKS: unrolled ? packs : roomFor(packs), UNROLLED: unrolled };
  const matrices = matricesOf(gpu, variant);
  if (matrices !== undefined) return { constants: { ...row, ...constantsOf(matrices.sizes, sizes) }, ownRows: measuresOf(matrices.sizes, sizes).rows };
  const { lanes, block } = sizes;
  return { constants: { ...row, LANES: lanes, BLOCK: block, WIDTH: widthOf(gpu, block) }, ownRows: lanes * (isQuad ? QUAD : 1) };
}

/** Whether the device has the workgroup memory that a choice asks for on tensors of so many bytes an element. */
export function hasMemory(gpu: Context, kernels: PackedKernels, packs: number, { variant, sizes }: Choice, elementBytes: number): boolean {
  const matrices = matricesOf(gpu, variant);
  const staging = kernels === forward ? STAGING.forward : STAGING.gradient;
  return matrices === undefined || fits(gpu, matrices, sizes, isUnrolled(gpu) ? packs : roomFor(packs), staging, elementBytes);
}

/** Rows of a block that a subgroup loads at once: its smallest size may be all that a device promises. */
function widthOf({ subgroupSize }: Context, block: number): number {
  return [block, 8].find((width) => width <= block && width <= subgroupSize) ?? LEAST_SUBGROUP;
}

/** problem.wgsl says why. */
function isUnrolled({ kind }: Context): boolean {
  return kind === 'hardware';
}

/** Room for the packs of a row where their number is no constant: the next power of two, at least 16, so that few programs serve all head widths. */
function roomFor(packs: number): number {
  return Math.max(16, 2 ** Math.ceil(Math.log2(packs)));
}
