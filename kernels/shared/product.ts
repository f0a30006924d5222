/** The loops of a product: variants of its kernels, the sizes in which they can be launched, and how each covers C. */
import { type Context, Kernel, part, type Sizes, type Source, type Variant } from '../../engine/index.ts';
import { matricesOf, type Matrices, type MatrixSizes, matrixVariantNames, matrixVariants } from './matrix.ts';
import { type VectorKernels, vectorParts } from './rows.ts';
import { ceilDiv } from './sizes.ts';

const registerTiles = await part(import.meta.url, './product/register_tiles.wgsl');
const swizzle = await part(import.meta.url, './product/swizzle.wgsl');
const tiled = await part(import.meta.url, './product/product.tiled.wgsl');
const subgroup = await part(import.meta.url, './product/product.subgroup.wgsl');
const matrix = await part(import.meta.url, './product/product.matrix.wgsl');

/** What all loops are linked with; and what they are told, where a room has nothing to add. */
export const loops = [
  await part(import.meta.url, './product/problem.wgsl'),
  await part(import.meta.url, './product/result.wgsl'),
];
export const common = [await part(import.meta.url, './product/params.wgsl'), ...loops];
/** Operands as they lie in memory: part of every loop but those that read panels. */
export const inMemory = await part(import.meta.url, './product/operands.wgsl');
const packedOperands = await part(import.meta.url, './product/operands.packed.wgsl');
/** Where elements of plain matrices lie. */
export const placeIn = {
  a: await part(import.meta.url, './product/place_in_a.wgsl'),
  b: await part(import.meta.url, './product/place_in_b.wgsl'),
  y: await part(import.meta.url, './product/place_in_y.wgsl'),
};
/** The epilogue that stores sums as they are. */
export const store = await part(import.meta.url, './product/store.wgsl');

/** How tensors are read and written: element by element, in vectors of four, or read so and written by element. */
export type VectorForm = keyof VectorKernels | 'packed';

/** C = op(A)·op(B), M × K times K × N; which of the operands is stored transposed. */
export interface Layout {
  readonly rows: number;
  readonly columns: number;
  readonly inner: number;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** Four neighbours of a row may lie apart in memory, whatever its length is. */
  readonly isScattered?: boolean;
  /** B is a weight that the way back reads again. */
  readonly isBReadAgain?: boolean;
}

/** How a rung covers C. */
export interface Rung {
  /** What the kernel is built with, and workgroups for `count` matrices C of `rows` × `columns`. */
  launch(gpu: Context, sizes: Sizes, rows: number, columns: number, count: number): {
    readonly constants: Readonly<Record<string, number>>;
    readonly grid: number;
  };
  /** Whether operands are laid into panels before; only large products are worth it. */
  readonly readsPanels?: true;
  /** Rows and columns of C that keep one thread of the machine busy. */
  tile(gpu: Context, sizes: Sizes): readonly [number, number];
}

/** A product: its kernels, and how each variant of them is launched. */
export interface Product extends VectorKernels {
  /** For rows of C that are not made of vectors, while those of the operands are; `scalar` without it. */
  readonly packed?: Kernel;
  readonly rungs: Readonly<Record<string, Rung>>;
  /** Bindings of an epilogue that constants switch off unless a call gives them: any tensor will do. */
  readonly optional?: readonly string[];
  readonly constants?: Readonly<Record<string, boolean>>;
}

/** The variants that all products have, best first. */
export function variantsOf(form: VectorForm): Readonly<Record<string, Variant>> {
  const elements = form === 'packed' ? [vectorParts.scalar, packedOperands] : [vectorParts[form], inMemory];
  return {
    ...matrixVariants([matrix, swizzle, ...elements], shapesFor),
    subgroup: { parts: [subgroup, swizzle, registerTiles, ...elements], needs: ['subgroups'], suits: 'software',
      sizes: sendersOf },
    tiled: { parts: [tiled, swizzle, registerTiles, ...elements], sizes: tilesOf },
  };
}

const subgroupRung: Rung = {
  launch(gpu, { senders }, rows, columns, count) {
    const { least, most } = gpu.report.subgroups;
    const tiles = (size: number) => ceilDiv(rows, 4 * senders) * ceilDiv(columns, 4 * size) * count;
    let grid = 0;
    for (let size = least; size <= most; size *= 2) grid = Math.max(grid, ceilDiv(tiles(size), most / size));
    return { constants: { SENDERS: senders, WORKGROUP: most }, grid };
  },
  tile: () => [32, 32],
};

/** The variant that reads its operands from textures. @param parts register tiles from there */
export function panelVariant(parts: readonly Source[]): Readonly<Record<string, Variant>> {
  return {
    panels: {
      parts: [subgroup, swizzle, ...parts, vectorParts.vec4],
      needs: ['subgroups', 'readonly_and_readwrite_storage_textures'],
      suits: 'software',
      // with subgroups of 16 Mesa 25's llvmpipe crashes where it reads textures so
      sizes: (gpu) => (gpu.report.subgroups.most > 8 ? [] : sendersOf(gpu)),
    },
  };
}

/** Register tiles of plain matrices from panels. */
export const panelTiles = await part(import.meta.url, './product/register_tiles.panels.wgsl');

/** How they are launched. */
export const rungs: Readonly<Record<string, Rung>> = {
  ...Object.fromEntries(matrixVariantNames.map((variant) => [variant, matrixRung(variant)])),
  panels: { ...subgroupRung, readsPanels: true },
  subgroup: subgroupRung,
  tiled: {
    launch(_gpu, { tile }, rows, columns, count) {
      return { constants: { TILE: tile }, grid: tilesIn(rows, columns, tile) * count };
    },
    tile: (_gpu, { tile }) => [tile, tile],
  },
};

/** A product of one kernel text: places of a, b and y, and an epilogue. */
export function product(name: string, parts: readonly Source[]): Product {
  const build = (form: VectorForm) => new Kernel(`${name}.${form}`, [...common, ...parts], variantsOf(form));
  return { scalar: build('scalar'), vec4: build('vec4'), rungs };
}

function tilesIn(rows: number, columns: number, tile: number): number {
  return ceilDiv(rows, tile) * ceilDiv(columns, tile);
}

/**
 * Lanes that show their register tile of op(A): as many as the smallest subgroup has, up to 8; or 4, for lower tiles.
 */
function sendersOf(gpu: Context): { readonly senders: number }[] {
  return gpu.report.subgroups.least < 8 ? [{ senders: 4 }] : [{ senders: 8 }, { senders: 4 }];
}

/**
 * Tiles of the second rung. The large one needs half as many loads per product, and tiles enough for all of a card; on
 * a software adapter it gains nothing.
 */
function tilesOf({ kind, limits }: Context): readonly Sizes[] {
  const { maxComputeInvocationsPerWorkgroup: lanes, maxComputeWorkgroupStorageSize: bytes } = limits;
  const fits = 2 * LARGE_TILE <= lanes && 128 * LARGE_TILE <= bytes;
  return kind === 'hardware' && fits ? [{ tile: LARGE_TILE }, { tile: 64 }] : [{ tile: 64 }];
}
const LARGE_TILE = 128;

/** A variant on matrices; it is launched where the device has them. */
function matrixRung(variant: string): Rung {
  const sizeOf = (gpu: Context) => matricesOf(gpu, variant)?.sizes as MatrixSizes;
  const tileOf = (gpu: Context, sizes: Sizes) => measuresOf(sizeOf(gpu), sizes).tile;
  return {
    launch(gpu, sizes, rows, columns, count) {
      return { constants: constantsOf(sizeOf(gpu), sizes), grid: tilesIn(rows, columns, tileOf(gpu, sizes)) * count };
    },
    tile: (gpu, sizes) => [tileOf(gpu, sizes), tileOf(gpu, sizes)],
  };
}

/** Small matrices of a register tile, and register tiles of a workgroup: [DOWN, ACROSS, GROUPS_DOWN, GROUPS_ACROSS]. */
const SHAPES = [
  [4, 2, 2, 4],
  [4, 4, 2, 2],
  [4, 4, 2, 4],
  [2, 2, 2, 2],
  [2, 2, 2, 4],
  [4, 4, 4, 2],
  [4, 2, 2, 2],
] as const;

/** Elements of a vector, vectors of an operand that a lane fetches for a step, and vectors between lines of a step. */
const [VECTOR, FETCHED, PADDING] = [4, 4, 2];
const [HALF_BYTES, WIDE_BYTES] = [2, 4];

/** The numbers that follow from a shape, with matrices of so many bytes an element. */
export function measuresOf(
  { M, N, K, SUBGROUP }: MatrixSizes,
  { down, across, groupsDown, groupsAcross }: Sizes,
  elementBytes = HALF_BYTES,
) {
  const [rows, columns] = [groupsDown * down * M, groupsAcross * across * N];
  const lanes = groupsDown * groupsAcross * SUBGROUP;
  const step = (VECTOR * FETCHED * lanes) / rows;
  const linesAlong = (lines: number, length: number) => lines * (length / VECTOR + PADDING);
  // of operands, in the layout that takes most
  const vectors = 2 * Math.max(linesAlong(rows, step), linesAlong(step, columns));
  const sums = groupsDown * M * (columns / VECTOR + 1); // vectors of f32
  const bytes = vectors * VECTOR * elementBytes + sums * 16;
  return { tile: rows, isSquare: rows === columns, lanes, step, isWhole: step % K === 0, bytes };
}

/** The shapes that these matrices and the limits of the device allow. */
export function shapesFor({ limits }: Pick<Context, 'limits'>, { sizes, isWide }: Matrices): readonly Sizes[] {
  const all = SHAPES.map(([down, across, groupsDown, groupsAcross]) => ({ down, across, groupsDown, groupsAcross }));
  return all.filter((shape) => {
    const { isSquare, isWhole, lanes, bytes } = measuresOf(sizes, shape, isWide ? WIDE_BYTES : HALF_BYTES);
    const fits = lanes <= limits.maxComputeInvocationsPerWorkgroup && bytes <= limits.maxComputeWorkgroupStorageSize;
    return isSquare && isWhole && fits;
  });
}

/** What product.matrix.wgsl and the matrices are linked with. */
export function constantsOf(matrices: MatrixSizes, sizes: Sizes): Readonly<Record<string, number>> {
  const { down, across, groupsDown, groupsAcross } = sizes;
  const { tile, lanes, step } = measuresOf(matrices, sizes);
  return {
    ...matrices,
    DOWN: down,
    ACROSS: across,
    GROUPS_DOWN: groupsDown,
    GROUPS_ACROSS: groupsAcross,
    TILE: tile,
    LANES: lanes,
    STEP: step,
    PADDING,
  };
}
