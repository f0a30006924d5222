/**
 * The kernels of this room: loops of ../shared/product and a naive one, an epilogue, an activation, and what is kept.
 */
import { Kernel, part, type Source, type Variant } from '../../engine/index.ts';
import { ACTIVATIONS, type Activation, kernelByActivation } from '../shared/activation.ts';
import { common, inMemory, panelTiles, panelVariant, placeIn, type Product, type Rung, rungs, variantsOf,
  type VectorForm } from '../shared/product.ts';
import { vectorParts } from '../shared/rows.ts';
import { ceilDiv } from '../shared/sizes.ts';

const naive = await part(import.meta.url, './matmul.naive.wgsl');
const identity = await part(import.meta.url, './parts/identity.wgsl');
const places = [...common, placeIn.a, placeIn.b, placeIn.y];
const parts = [...places, await part(import.meta.url, './parts/epilogue.wgsl')];
const gradientParts = [...places, await part(import.meta.url, './parts/epilogue_grad.wgsl')];
const keep = {
  nothing: await part(import.meta.url, './parts/keep.none.wgsl'),
  rowSums: await part(import.meta.url, './parts/keep.row_sums.wgsl'),
  pre: await part(import.meta.url, './parts/keep.pre.wgsl'),
};

/** Lanes of a workgroup of the naive rung, each with one element of C. */
const WORKGROUP = 64;

const naiveRung: Rung = {
  launch(_gpu, _sizes, rows, columns, count) {
    return { constants: { WORKGROUP }, grid: ceilDiv(rows * columns * count, WORKGROUP) };
  },
  tile: () => [8, 8],
};

const allRungs = { ...rungs, naive: naiveRung };
/** What products may do without, forward. */
const OPTIONAL = { optional: ['bias', 'residual'], constants: { BIAS: false, RESIDUAL: false } };

/** The rungs, best first. The naive one takes single elements always. */
function variants(form: VectorForm): Readonly<Record<string, Variant>> {
  return { ...(form === 'vec4' && panelVariant([panelTiles])), ...variantsOf(form),
    naive: { parts: [naive, vectorParts.scalar, inMemory] } };
}

function plainKernel(name: string, kept: Source, form: VectorForm): Kernel {
  return new Kernel(`${name}.${form}`, [...parts, kept, identity], variants(form));
}

function plain(name: string, kept: Source): Product {
  const [scalar, vec4] = [plainKernel(name, kept, 'scalar'), plainKernel(name, kept, 'vec4')];
  return { scalar, vec4, rungs: allRungs, ...OPTIONAL };
}

function activated(name: string, parts: readonly Source[],
  optional?: typeof OPTIONAL): Readonly<Record<Activation, Product>> {
  const build = (form: VectorForm) => kernelByActivation(`${name}.${form}`, parts, variants(form));
  const [scalar, vec4] = [build('scalar'), build('vec4')];
  const both = (activation: Activation) => ({ scalar: scalar[activation], vec4: vec4[activation], rungs: allRungs,
    ...optional });
  return { quick_gelu: both('quick_gelu'), gelu: both('gelu'), gelu_tanh: both('gelu_tanh') };
}

const withoutActivation = { ...plain('matmul', keep.nothing), packed: plainKernel('matmul', keep.nothing, 'packed') };
const withActivation = activated('matmul', [...parts, keep.nothing], OPTIONAL);
const withPre = activated('matmul_pre', [...parts, keep.pre], OPTIONAL);

/** The product that also sums the rows of op(A). */
export const withRowSums = plain('matmul_row_sums', keep.rowSums);

/** The product on the way back through an activation: times its derivative, and what came out of it once more. */
export const throughActivation = activated('matmul_activation_grad', gradientParts);

/** The product with an activation behind it, which keeps what goes into it or does not. */
export function productWith(activation?: Activation, keepsPre = false): Product {
  if (activation === undefined) return withoutActivation;
  return (keepsPre ? withPre : withActivation)[activation];
}

const products = [
  withoutActivation,
  withRowSums,
  ...[withActivation, withPre, throughActivation].flatMap((by) => ACTIVATIONS.map((name) => by[name])),
];

/** The kernels of these products. */
export const productKernels: readonly Kernel[] = [withoutActivation.packed,
  ...products.flatMap(({ scalar, vec4 }) => [scalar, vec4])];
