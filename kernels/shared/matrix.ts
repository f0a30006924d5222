/** Matrix units: which of an adapter's are used, and the variants of a kernel that stand on them. */
import { type AdapterReport, type Context, type FloatType, type MatrixConfig, onlySize, part, type Sizes, type Source,
  type Variant } from '../../engine/index.ts';

/**
 * WGSL that declares matrices held by a subgroup, and their products: by the adapter's matrix units, or in plain WGSL.
 */
const products = {
  units: await part(import.meta.url, './matrix/units.wgsl'),
  emulated: await part(import.meta.url, './matrix/emulated.wgsl'),
};
/** What matrices are multiplied as. */
const elements = {
  stored: await part(import.meta.url, './matrix/elem.stored.wgsl'),
  wide: await part(import.meta.url, './matrix/elem.wide.wgsl'),
};
/** Entries of a kernel that declares `LANES` and `run`. */
export const entries = {
  one: await part(import.meta.url, './matrix/entry.wgsl'),
  sized: await part(import.meta.url, './matrix/entry.sized.wgsl'),
};

/** Constants that all parts are linked with: M × K times K × N, held by the lanes of a subgroup. */
export interface MatrixSizes extends Readonly<Record<string, number>> {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly SUBGROUP: number;
}

/** How the matrix units of an adapter are used. */
export interface MatrixUnits {
  readonly sizes: MatrixSizes;
  /** What they multiply. f32 is exact for tensors of f16, too, and takes twice the workgroup memory. */
  readonly multiplies: FloatType;
  /** The device may form subgroups of other sizes: SUBGROUP is asked for by an attribute. */
  readonly isAskedFor: boolean;
}

/** What came of looking for matrix units, and why, for people. */
export interface MatrixFinding {
  readonly units?: MatrixUnits;
  readonly why: string;
}

const [UNITS, SIZE_CONTROL] = ['chromium-experimental-subgroup-matrix', 'subgroup-size-control'] as const;

/** Features that a variant on matrix units needs, whose subgroups have one size, or are asked for. */
export const NEEDS = { one: ['subgroups', UNITS], sized: ['subgroups', UNITS, SIZE_CONTROL] } as const;

/**
 * Lanes of a subgroup: what NVIDIA's and Apple's have, AMD's RDNA is made for, and Intel's driver for Linux takes for
 * matrices where nobody asks.
 */
const USUAL_SUBGROUP = 32;

const found = new WeakMap<AdapterReport, MatrixFinding>();

/** The units of this adapter as they are used, or why none are; by what it reports, whoever made it. */
export function findUnits(report: AdapterReport): MatrixFinding {
  let finding = found.get(report);
  if (finding === undefined) found.set(report, finding = search(report));
  return finding;
}

function search({ features, subgroups, matrices }: AdapterReport): MatrixFinding {
  if (!features.has(UNITS)) return { why: `WebGPU offers none here (${UNITS})` };
  if (!features.has('subgroups')) return { why: 'the device has no subgroups, whose lanes hold the matrices' };
  const only = onlySize(subgroups);
  if (only === 0 && !features.has(SIZE_CONTROL)) {
    const sizes = `subgroups have ${subgroups.least} to ${subgroups.most} lanes`;
    const why = `and the device takes no wish (${SIZE_CONTROL}): nobody knows how many of them a workgroup has`;
    return { why: `${sizes}, ${why}` };
  }
  // half as much memory, and on most units many times the speed; f32 where that is what sums are made of in f32
  const config = largest(matrices, 'f16') ?? largest(matrices, 'f32');
  if (config === undefined) return { why: whyNoSums(matrices) };
  const { M, N, K, componentType } = config;
  const SUBGROUP = only || Math.min(Math.max(USUAL_SUBGROUP, subgroups.least), subgroups.most);
  const asked = only === 0 ? `, asked for among ${subgroups.least} to ${subgroups.most}` : '';
  return {
    units: { sizes: { M, N, K, SUBGROUP }, multiplies: componentType as FloatType, isAskedFor: only === 0 },
    why: `${M} × ${N} × ${K} of ${componentType} with sums in f32, held by subgroups of ${SUBGROUP} lanes${asked}`,
  };
}

/** The largest matrices of a type whose products are added up in f32. */
function largest(matrices: readonly MatrixConfig[], type: FloatType): MatrixConfig | undefined {
  const suitable = matrices.filter((config) => config.componentType === type && config.resultComponentType === 'f32');
  return suitable.sort((a, b) => b.M * b.N * b.K - a.M * a.N * a.K)[0];
}

/** Why none of these matrices will do. */
function whyNoSums(matrices: readonly MatrixConfig[]): string {
  const floats = matrices.filter(({ componentType }) => componentType.startsWith('f'));
  if (floats.length === 0) return 'they multiply no floating point';
  const texts = floats.map(({ M, N, K, componentType, resultComponentType }) => {
    return `${M} × ${N} × ${K} of ${componentType} with sums in ${resultComponentType}`;
  });
  const why = 'sums in f16 lose too many digits, as kernels/matmul/README.md shows';
  return `of floating point only ${texts.join(', ')}: ${why}`;
}

export function matrixUnits({ report }: Pick<Context, 'report'>): MatrixUnits | undefined {
  return findUnits(report).units;
}

/** Matrices for the emulation, as small as units have them: larger ones take software adapters longer to compile. */
export function emulatedMatrices({ subgroupSize }: Pick<Context, 'subgroupSize'>): MatrixSizes {
  // as many rows as lanes, at most, so that a lane can share one; small otherwise, since software adapters unroll all
  // M · N · K products of each use, and unlike M, so that sides which were mixed up show
  return { M: Math.min(8, subgroupSize), N: 4, K: 4, SUBGROUP: subgroupSize };
}

/** The matrices that a variant is linked with. */
export interface Matrices {
  readonly sizes: MatrixSizes;
  /** They are f32 in workgroup memory, however tensors are stored. */
  readonly isWide: boolean;
}

/** What a variant is linked with. */
interface Links {
  readonly products: keyof typeof products;
  readonly elements: keyof typeof elements;
  readonly entry: keyof typeof entries;
}

/** The variants on matrices: at most one on units suits an adapter. The emulated ones are for tests and readers. */
const LINKS: Readonly<Record<string, Links>> = {
  matrix: { products: 'units', elements: 'stored', entry: 'one' },
  matrix_sized: { products: 'units', elements: 'stored', entry: 'sized' },
  matrix_wide: { products: 'units', elements: 'wide', entry: 'one' },
  matrix_wide_sized: { products: 'units', elements: 'wide', entry: 'sized' },
  emulated: { products: 'emulated', elements: 'stored', entry: 'one' },
  emulated_wide_sized: { products: 'emulated', elements: 'wide', entry: 'sized' },
};
export const matrixVariantNames = Object.keys(LINKS);

/** The matrices of a variant here; undefined for other variants, and for those that do not suit the adapter's units. */
export function matricesOf(gpu: Pick<Context, 'report' | 'subgroupSize'>, variant: string): Matrices | undefined {
  const links = LINKS[variant];
  if (links === undefined) return undefined;
  const isWide = links.elements === 'wide';
  if (links.products === 'emulated') return { sizes: emulatedMatrices(gpu), isWide };
  const units = matrixUnits(gpu);
  if (units === undefined || isWide !== (units.multiplies === 'f32')) return undefined;
  return (links.entry === 'sized') === units.isAskedFor ? { sizes: units.sizes, isWide } : undefined;
}

/**
 * The variants of a kernel whose text is written once, for matrices however they are multiplied.
 *
 * @param parts which declare LANES and `run`
 * @param sizes those in which it can be launched with such matrices
 */
export function matrixVariants(
  parts: readonly Source[],
  sizes: (gpu: Context, matrices: Matrices) => readonly Sizes[],
): Readonly<Record<string, Variant>> {
  const variantOf = (name: string, links: Links): Variant => {
    const all = [...parts, products[links.products], elements[links.elements], entries[links.entry]];
    if (links.products === 'emulated') {
      return { parts: all, needs: ['subgroups', ...(links.entry === 'sized' ? [SIZE_CONTROL] : [])], onRequest: true };
    }
    const launched = (gpu: Context) => {
      const matrices = matricesOf(gpu, name);
      return matrices === undefined ? [] : sizes(gpu, matrices);
    };
    // units that multiply f16 would round f32
    const takes = links.elements === 'stored' ? { takes: 'f16' as const } : {};
    return { parts: all, needs: NEEDS[links.entry], suits: 'hardware', ...takes, sizes: launched };
  };
  return Object.fromEntries(Object.entries(LINKS).map(([name, links]) => [name, variantOf(name, links)]));
}
