/** The kernels of this room: their rungs, and how each is laid out. */
import { type Candidate, type Context, Kernel, part, type Source, type Variant } from '../../engine/index.ts';
import { matricesOf, matrixVariants } from '../shared/matrix.ts';
import { type VectorKernels, vectorParts } from '../shared/rows.ts';
import { f32Bytes } from '../shared/sizes.ts';
import { arrangements, constantsOf, fits, measuresOf, STAGING, type Staging } from './matrix.ts';

const read = (file: string) => part(import.meta.url, file);
/** What every kernel is linked with. */
const common = [await read('./problem.wgsl'), await read('./finite.wgsl'), await read('../shared/exp.wgsl')];
const matrix = await read('./matrix.wgsl');
const four = await read('./four.wgsl');

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
  subgroup: { part: await read('./block.subgroup.wgsl'), needs: ['subgroups'], suits: 'software', sizes: () => [{ lanes: 8, block: 8 }, { lanes: 16, block: 8 }, { lanes: 8, block: 4 }] },
  tile: { part: await read('./block.tile.wgsl'), sizes: () => [{ lanes: 64, block: 4 }, { lanes: 32, block: 4 }] },
} as const;

/** The texts of a kernel. */
interface Bodies {
  readonly plain: Source;
  readonly quad: Source;
  readonly onUnits: Source;
  readonly spread?: Source;
  /** What all of them are linked with. */
  readonly shared?: Source;
}

/**
 * The rungs that read rows in vectors, best first. `spread` gives each row several lanes, and reads a block as `tile` does. `quad` gives each lane four queries
 * or keys, and reads a block as `subgroup` does; of the gradient, it leaves weights in memory, or finds them there.
 */
function rungs({ plain, quad, spread }: Bodies, vector: Source): Readonly<Record<string, Variant>> {
  const { subgroup, tile } = BLOCKS;
  return {
    ...(spread && { spread: { parts: [spread, tile.part, vector], suits: 'hardware', sizes: () => [{ lanes: 64, block: 4 }, { lanes: 128, block: 4 }] } }),
    quad: { ...subgroup, parts: [quad, four, subgroup.part, vector], sizes: () => [{ lanes: 8, block: 32 }] },
    subgroup: { ...subgroup, parts: [plain, subgroup.part, vector] },
    tile: { ...tile, parts: [plain, tile.part, vector] },
  };
}

function kernelsOf(name: string, bodies: Bodies, staging: Staging): VectorKernels {
  const parts = bodies.shared === undefined ? common : [bodies.shared, ...common];
  return {
    scalar: new Kernel(`${name}.scalar`, parts, rungs(bodies, vectorParts.scalar)),
    vec4: new Kernel(`${name}.vec4`, parts, { ...matrixVariants([bodies.onUnits, matrix], (gpu, matrices) => arrangements(gpu, matrices, staging)), ...rungs(bodies, vectorParts.vec4) }),
  };
}

export const forward = kernelsOf('attention', {
  plain: await read('./attention.wgsl'), quad: await read('./attention.quad.wgsl'), onUnits: await read('./attention.matrix.wgsl'),
  shared: await read('./seen_sum.wgsl'),
}, STAGING.forward);
export const gradQuery = kernelsOf('attention_grad_query', {
  plain: await read('./attention_grad_query.wgsl'), quad: await read('./attention_grad_query.quad.wgsl'), onUnits: await read('./attention_grad_query.matrix.wgsl'),
}, STAGING.gradient);
export const gradKeyValue = kernelsOf('attention_grad_key_value', {
  plain: await read('./attention_grad_key_value.wgsl'), quad: await read('./attention_grad_key_value.quad.wgsl'), onUnits: await read('./attention_grad_key_value.matrix.wgsl'),
  spread: await read('./attention_grad_key_value.spread.wgsl'), shared: await read('./key_value_grads.wgsl'),
}, STAGING.gradient);

/** Numbers that a lane of the spread rung holds of each of k, v, dk and dv, at most: half of the registers that a lane has. */
const SHARE_WIDTH = 32;
/** Rows of a tile, at most, and bytes of workgroup memory for both tiles: all that every device has, or half of it where lanes exchange sums as well. */
const TILE_ROWS = 16;
const TILE_BYTES = 16384;

type Constants = Readonly<Record<string, number | boolean>>;

/** Sizes that a rung is linked with, and rows of a workgroup. */
export function layOut(gpu: Context, vectors: number, headDim: number, { variant, sizes }: Candidate): { readonly constants: Constants; readonly ownRows: number } {
  const isQuad = variant === 'quad';
  const unrolled = isUnrolled(gpu) && !isQuad;
  const row = { VECTORS: unrolled ? vectors : roomFor(vectors), UNROLLED: unrolled };
  const matrices = matricesOf(gpu, variant);
  if (matrices !== undefined) return { constants: { ...row, ...constantsOf(matrices.sizes, sizes) }, ownRows: measuresOf(matrices.sizes, sizes).rows };
  const { lanes, block } = sizes;
  const common = { ...row, LANES: lanes, BLOCK: block };
  const vectorBytes = f32Bytes(headDim / vectors);
  switch (variant) {
    case 'tile':
      return { constants: { ...common, TILE: tileRows(row.VECTORS * vectorBytes, TILE_BYTES) }, ownRows: lanes };
    case 'spread': {
      const shares = Math.max(2, powerAbove(headDim / SHARE_WIDTH));
      return { constants: { ...common, TILE: tileRows(row.VECTORS * vectorBytes, TILE_BYTES / 2), SHARES: shares }, ownRows: lanes / shares };
    }
    default:
      return { constants: { ...common, WIDTH: widthOf(gpu, block) }, ownRows: lanes * (isQuad ? QUAD : 1) };
  }
}

/** As many rows as two tiles have room for, a power of two. */
function tileRows(rowBytes: number, bytes: number): number {
  return Math.min(TILE_ROWS, 2 ** Math.floor(Math.log2(bytes / (2 * rowBytes))));
}

/** The next power of two, n itself if it is one. */
function powerAbove(n: number): number {
  return 2 ** Math.ceil(Math.log2(n));
}

/** Whether the device has the workgroup memory that a candidate asks for on tensors of so many bytes an element. */
export function hasMemory(gpu: Context, kernels: VectorKernels, vectors: number, { variant, sizes }: Candidate, elementBytes: number): boolean {
  const matrices = matricesOf(gpu, variant);
  const staging = kernels === forward ? STAGING.forward : STAGING.gradient;
  return matrices === undefined || fits(gpu, matrices, sizes, isUnrolled(gpu) ? vectors : roomFor(vectors), staging, elementBytes);
}

/** Rows of a block that a subgroup loads at once: its smallest size may be all that a device promises. */
function widthOf({ subgroupSize }: Context, block: number): number {
  return [block, 8].find((width) => width <= block && width <= subgroupSize) ?? LEAST_SUBGROUP;
}

/** problem.wgsl says why. */
function isUnrolled({ kind }: Context): boolean {
  return kind === 'hardware';
}

/** Room for the vectors of a row where their number is no constant: the next power of two, at least 16, so that few programs serve all head widths. */
function roomFor(vectors: number): number {
  return Math.max(16, powerAbove(vectors));
}
