/** The kernels of this room: their variants, best first, and the sizes that each is linked with. */
import { type Candidate, type Context, Kernel, part, type Sizes, type Source, type Tensor,
  type Variant } from '../../engine/index.ts';
import { matricesOf, matrixVariants } from '../shared/matrix.ts';
import { type VectorKernels, vectorKernels, vectorParts, vectorsOf } from '../shared/rows.ts';
import { f32Bytes } from '../shared/sizes.ts';
import { arrangements, constantsOf, fits, measuresOf, STAGING, type Staging } from './matrix.ts';
import { kindsPart } from '../shared/partition.ts';
import { biasKernels } from './bias.ts';
import { canBeTexture, HEIGHT, maskKernels } from './mask.ts';
import { areHeadsApart, isMasked, masksOf, MAX_HEAD_DIM, type Plan } from './plan.ts';

/** What every rung after the first is linked with. */
const common = [
  await part(import.meta.url, './parts/problem.wgsl'),
  await part(import.meta.url, './parts/finite.wgsl'),
  await part(import.meta.url, '../shared/exp.wgsl'),
  kindsPart,
];
/** Where a mask is found. */
const maskIn = {
  memory: await part(import.meta.url, './parts/mask.memory.wgsl'),
  texture: await part(import.meta.url, './parts/mask.texture.wgsl'),
};
const matrix = await part(import.meta.url, './parts/matrix.wgsl');
const registerTile = await part(import.meta.url, './parts/register_tile.wgsl');

/** Queries or keys of a lane of the quad rungs: the elements of a vec4. */
const OWN = 4;
/** No subgroup of WebGPU is smaller. */
const LEAST_SUBGROUP = 4;

/**
 * How a tile of rows comes to the lanes that need it.
 *
 * lanes: rows of a workgroup, one for each lane; as many as a software adapter's vector has lanes, or enough to share
 * what is staged.
 * tile: rows that come at a time, their logits in registers; the loop over them is unrolled, and staged that is long
 * code.
 */
const TILES = {
  subgroup: {
    part: await part(import.meta.url, './parts/tile.subgroup.wgsl'),
    needs: ['subgroups'],
    suits: 'software',
    sizes: () => [{ lanes: 8, tile: 8 }, { lanes: 16, tile: 8 }, { lanes: 8, tile: 4 }],
  },
  workgroup: {
    part: await part(import.meta.url, './parts/tile.workgroup.wgsl'),
    sizes: () => [{ lanes: 64, tile: 4 }, { lanes: 32, tile: 4 }],
  },
} as const;

/** The texts of a kernel. */
interface Texts {
  /** The first rung, if it can run what the kernel is for. */
  readonly naive?: Source;
  readonly online: Source;
  readonly quad: Source;
  readonly matrix: Source;
  readonly spread?: Source;
  /** Whether the quad rung looks at the mask. */
  readonly readsMask: boolean;
  /** What all of them are linked with. */
  readonly shared?: readonly Source[];
}

/**
 * The rungs that need no matrix units, best first. `spread` gives each row several lanes, and reads a tile as `tile`
 * does. `quad` gives each lane four queries or keys, and reads a tile as `subgroup` does; of the gradient, it leaves
 * weights in memory, or finds them there. `quad_texture` is the same with a mask in a texture. `naive` is whole, and
 * runs where it is asked for.
 */
function rungs(texts: Texts, vector: Source): Readonly<Record<string, Variant>> {
  const { naive, online, quad, spread, readsMask, shared = [] } = texts;
  const { subgroup, workgroup } = TILES;
  const withoutMask = [...shared, ...common, vector];
  const linked = [...withoutMask, maskIn.memory];
  return {
    ...(spread && {
      spread: {
        parts: [spread, workgroup.part, ...linked],
        suits: 'hardware',
        sizes: () => [{ lanes: 64, tile: 4 }, { lanes: 128, tile: 4 }],
      },
    }),
    ...(readsMask && vector === vectorParts.vec4 && {
      quad_texture: {
        ...subgroup,
        parts: [quad, registerTile, subgroup.part, ...withoutMask, maskIn.texture],
        needs: [...subgroup.needs, 'readonly_and_readwrite_storage_textures'],
        // with subgroups of 16 Mesa 25's llvmpipe crashes where it reads textures so
        sizes: (gpu: Context) => (gpu.report.subgroups.most > 8 ? [] : [{ lanes: 8, tile: 32 }]),
      },
    }),
    quad: { ...subgroup, parts: [quad, registerTile, subgroup.part, ...linked], sizes: () => [{ lanes: 8, tile: 32 }] },
    subgroup: { ...subgroup, parts: [online, subgroup.part, ...linked] },
    tile: { ...workgroup, parts: [online, workgroup.part, ...linked] },
    ...(naive && { naive: { parts: [naive], sizes: () => [{ lanes: 64 }] } }),
  };
}

function kernelsOf(name: string, texts: Texts, staging: Staging): VectorKernels {
  const onMatrices = matrixVariants(
    [texts.matrix, matrix, ...(texts.shared ?? []), ...common, maskIn.memory],
    (gpu, matrices) => arrangements(gpu, matrices, staging),
  );
  return {
    scalar: new Kernel(`${name}.scalar`, [], rungs(texts, vectorParts.scalar)),
    vec4: new Kernel(`${name}.vec4`, [], { ...onMatrices, ...rungs(texts, vectorParts.vec4) }),
  };
}

export const attention = kernelsOf('attention', {
  naive: await part(import.meta.url, './attention.naive.wgsl'),
  online: await part(import.meta.url, './attention.online.wgsl'),
  quad: await part(import.meta.url, './attention.quad.wgsl'),
  matrix: await part(import.meta.url, './attention.matrix.wgsl'),
  readsMask: true,
  shared: [await part(import.meta.url, './parts/seen_sum.wgsl')],
}, STAGING.forward);

/** One text for the gradient: of the queries, or of keys and values. */
const naiveGradient = await part(import.meta.url, './attention_grad.naive.wgsl');

export const gradQuery = kernelsOf('attention_grad_query', {
  naive: naiveGradient,
  online: await part(import.meta.url, './attention_grad_query.online.wgsl'),
  quad: await part(import.meta.url, './attention_grad_query.quad.wgsl'),
  matrix: await part(import.meta.url, './attention_grad_query.matrix.wgsl'),
  readsMask: true,
}, STAGING.gradient);

export const gradKeyValue = kernelsOf('attention_grad_key_value', {
  naive: naiveGradient,
  online: await part(import.meta.url, './attention_grad_key_value.online.wgsl'),
  quad: await part(import.meta.url, './attention_grad_key_value.quad.wgsl'),
  matrix: await part(import.meta.url, './attention_grad_key_value.matrix.wgsl'),
  spread: await part(import.meta.url, './attention_grad_key_value.spread.wgsl'),
  readsMask: false,
  shared: [await part(import.meta.url, './parts/key_value_grads.wgsl')],
}, STAGING.gradient);

/** The gradient of a bias, where no dlogits were kept. */
export const gradBias = vectorKernels('attention_grad_bias', [
  await part(import.meta.url, './attention_grad_bias.wgsl'),
  ...common,
  maskIn.memory,
]);

const all = [attention, gradQuery, gradKeyValue, gradBias];
/** All kernels of the room, for checks and tuning. */
export const kernels = all.flatMap(({ scalar, vec4 }) => [scalar, vec4]).concat(maskKernels, biasKernels);

/**
 * With so few keys, most lanes of the quad rungs would be idle; and the spread rung would leave a rest where the
 * gradient is
 * 0: if all of a query's weight lies on one key, dweight − delta is 0 only where both kernels add up in one order.
 */
const FEW_KEYS = 8;
/** The widest heads of the quad rungs: four wider rows of two sums are more than WGSL promises a function room for. */
const QUAD_HEAD_DIM = 128;
/** Up to this width a lane has the registers for a whole key, with its value and both gradients. */
const NARROW_HEAD_DIM = 32;

/** Whether lanes have four queries or keys: the rung, wherever it finds its mask. */
export const isQuad = (variant: string | undefined): boolean => variant === 'quad' || variant === 'quad_texture';

/** A kernel as it is launched for a plan. */
export interface Launch {
  readonly kernel: Kernel;
  readonly variant: string;
  /** Texts of the naive rung are whole, with params and bindings of their own. */
  readonly isNaive: boolean;
  readonly constants: Constants;
  /** Rows of a workgroup. */
  readonly ownRows: number;
  /** Vectors of a head's row, and elements of one. */
  readonly vectors: number;
  readonly perVector: number;
}
type Constants = Readonly<Record<string, number | boolean>>;

/**
 * How a call on tensors like `like` is launched. No candidates are the quad rungs for heads that are too wide for them,
 * the spread rung for few keys, and arrangements of matrices that want more memory than there is. Rungs whose lanes
 * would be idle come last. The naive rung is for those who ask for it, and for tensors of dense heads.
 *
 * @param options.isWhole whether the tensors are bound whole
 * @param options.mayKeep whether a binding holds what the quad rungs of the gradient keep
 */
export function launchOf(
  kernels: VectorKernels,
  plan: Plan,
  like: Tensor,
  { isWhole, mayKeep = true }: { isWhole: boolean; mayKeep?: boolean },
): Launch {
  const { gpu, dtype, elementBytes } = like;
  const { headDim, keys, queries, batch, heads, causal } = plan;
  const { kernel, vectors } = vectorsOf(kernels, headDim);
  const canRun = (candidate: Candidate) => {
    if (candidate.variant === 'naive') return isWhole && areHeadsApart(plan) && masksOf(plan) !== undefined;
    if (candidate.variant === 'spread') return keys > FEW_KEYS;
    if (candidate.variant === 'quad_texture' && !canBeTexture(gpu, plan)) return false;
    if (isQuad(candidate.variant)) return mayKeep && headDim <= QUAD_HEAD_DIM;
    return hasMemory(gpu, kernels, vectors, candidate, elementBytes);
  };
  const isIdle = ({ variant }: Candidate) =>
    isQuad(variant) ? keys <= FEW_KEYS : variant === 'spread' && headDim <= NARROW_HEAD_DIM;
  const able = kernel.candidates(gpu, dtype).filter((candidate) => candidate.variant !== 'naive' && canRun(candidate));
  const candidates = [...able.filter((candidate) => !isIdle(candidate)), ...able.filter(isIdle)];
  const wanted = kernel.choose(gpu, { problems: batch * heads, queries, keys, headDim, causal }, dtype, candidates);
  const { variant, sizes } = canRun(wanted) ? wanted : candidates[0]; // tests prefer what cannot run everywhere
  if (variant === 'naive') {
    const side: Constants = kernels === attention ? {} : { OF_KEYS: kernels === gradKeyValue };
    const constants = { LANES: sizes.lanes, MAX_WIDTH: MAX_HEAD_DIM, ...side };
    return { kernel, variant, isNaive: true, constants, ownRows: sizes.lanes, vectors: headDim, perVector: 1 };
  }
  const { constants, ownRows } = sizesOf(gpu, vectors, headDim, variant, sizes);
  const all = { ...constants, MASKED: isMasked(plan), ...(variant === 'quad_texture' && { HEIGHT }) };
  return { kernel, variant, isNaive: false, constants: all, ownRows, vectors, perVector: headDim / vectors };
}

/**
 * Numbers that a lane of the spread rung holds of each of k, v, dk and dv, at most: half of the registers that it has.
 */
const SHARE_WIDTH = 32;
/**
 * Rows that are staged at a time, at most, and bytes of workgroup memory for those of both operands: all that every
 * device has, or half of it where lanes exchange sums as well.
 */
const STAGED_ROWS = 16;
const STAGED_BYTES = 16384;

/** Sizes that a variant is linked with, and rows of a workgroup. */
function sizesOf(
  gpu: Context,
  vectors: number,
  headDim: number,
  variant: string,
  sizes: Sizes,
): Pick<Launch, 'constants' | 'ownRows'> {
  const unrolled = isUnrolled(gpu) && !isQuad(variant);
  const row = { VECTORS: unrolled ? vectors : roomFor(vectors), UNROLLED: unrolled };
  const matrices = matricesOf(gpu, variant);
  if (matrices !== undefined) {
    const constants = { ...row, ...constantsOf(matrices.sizes, sizes) };
    return { constants, ownRows: measuresOf(matrices.sizes, sizes).rows };
  }
  const { lanes, tile } = sizes;
  const common = { ...row, LANES: lanes, TILE: tile };
  const rowBytes = row.VECTORS * f32Bytes(headDim / vectors);
  switch (variant) {
    case 'tile':
      return { constants: { ...common, STAGED: stagedRows(rowBytes, STAGED_BYTES) }, ownRows: lanes };
    case 'spread': {
      const shares = Math.max(2, powerAbove(headDim / SHARE_WIDTH));
      const constants = { ...common, STAGED: stagedRows(rowBytes, STAGED_BYTES / 2), SHARES: shares };
      return { constants, ownRows: lanes / shares };
    }
    case 'quad':
    case 'quad_texture':
      return { constants: { ...common, WIDTH: widthOf(gpu, tile), OWN }, ownRows: lanes * OWN };
    default:
      return { constants: { ...common, WIDTH: widthOf(gpu, tile) }, ownRows: lanes };
  }
}

/** As many rows of two operands as there is room for, a power of two. */
function stagedRows(rowBytes: number, bytes: number): number {
  return Math.min(STAGED_ROWS, 2 ** Math.floor(Math.log2(bytes / (2 * rowBytes))));
}

/** The next power of two, n itself if it is one. */
function powerAbove(n: number): number {
  return 2 ** Math.ceil(Math.log2(n));
}

/** Whether the device has the workgroup memory that a candidate asks for on tensors of so many bytes an element. */
function hasMemory(
  gpu: Context,
  kernels: VectorKernels,
  vectors: number,
  { variant, sizes }: Candidate,
  elementBytes: number,
): boolean {
  const matrices = matricesOf(gpu, variant);
  const staging = kernels === attention ? STAGING.forward : STAGING.gradient;
  const room = isUnrolled(gpu) ? vectors : roomFor(vectors);
  return matrices === undefined || fits(gpu, matrices, sizes, room, staging, elementBytes);
}

/** Rows of a tile that a subgroup loads at once: its smallest size may be all that a device promises. */
function widthOf({ subgroupSize }: Context, tile: number): number {
  return [tile, 8].find((width) => width <= tile && width <= subgroupSize) ?? LEAST_SUBGROUP;
}

/** problem.wgsl says why. */
function isUnrolled({ kind }: Context): boolean {
  return kind === 'hardware';
}

/**
 * Room for the vectors of a row where their number is no constant: the next power of two, at least 16, so that few
 * programs serve all head widths.
 */
function roomFor(vectors: number): number {
  return Math.max(16, powerAbove(vectors));
}
