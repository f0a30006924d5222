/**
 * The kernels of this room: loops of ../shared/product and a naive one, an epilogue, an activation, and what is kept.
 */
import { Kernel, part, type Source, type Variant } from '../../engine/index.ts';
import { ACTIVATIONS, type Activation, kernelByActivation } from '../shared/activation.ts';
import { common, inMemory, panelVariant, placeIn, type Product, type Rung, rungs, variantsOf,
  type VectorForm } from '../shared/product.ts';
import { vectorParts } from '../shared/rows.ts';
import { ceilDiv } from '../shared/sizes.ts';

const naive = await part(import.meta.url, './matmul.naive.wgsl');
const identity = await part(import.meta.url, './parts/identity.wgsl');
const parts = [...common, placeIn.a, placeIn.b, placeIn.y, await part(import.meta.url, './parts/epilogue.wgsl')];
const keep = {
  nothing: await part(import.meta.url, './parts/keep.none.wgsl'),
  rowSums: await part(import.meta.url, './parts/keep.row_sums.wgsl'),
  derivative: await part(import.meta.url, './parts/keep.derivative.wgsl'),
};

/** Lanes of a workgroup of the naive rung, each with one element of C. */
const WORKGROUP = 64;

const naiveRung: Rung = {
  launch(_gpu, _sizes, rows, columns, count) {
    return { constants: { WORKGROUP }, grid: ceilDiv(rows * columns * count, WORKGROUP) };
  },
  tile: () => [8, 8],
};

/** What all kernels of this room may do without. */
const OPTIONAL = {
  rungs: { ...rungs, naive: naiveRung },
  optional: ['bias', 'other'],
  constants: { BIAS: false, RESIDUAL: false, DERIVATIVE: false },
};

/** The rungs, best first. The naive one takes single elements always. */
function variants(form: VectorForm): Readonly<Record<string, Variant>> {
  return { ...(form === 'vec4' && panelVariant), ...variantsOf(form),
    naive: { parts: [naive, vectorParts.scalar, inMemory] } };
}

function plain(name: string, kept: Source): Product {
  const build = (form: VectorForm) => new Kernel(`${name}.${form}`, [...parts, kept, identity], variants(form));
  return { scalar: build('scalar'), vec4: build('vec4'), ...OPTIONAL };
}

function activated(name: string, kept: Source): Readonly<Record<Activation, Product>> {
  const build = (form: VectorForm) => kernelByActivation(`${name}.${form}`, [...parts, kept], variants(form));
  const [scalar, vec4] = [build('scalar'), build('vec4')];
  const both = (activation: Activation) => ({ scalar: scalar[activation], vec4: vec4[activation], ...OPTIONAL });
  return { quick_gelu: both('quick_gelu'), gelu: both('gelu'), gelu_tanh: both('gelu_tanh') };
}

const withoutActivation = plain('matmul', keep.nothing);
const withActivation = activated('matmul', keep.nothing);
const withDerivative = activated('matmul_derivative', keep.derivative);

/** The product that also sums the rows of op(A). */
export const withRowSums = plain('matmul_row_sums', keep.rowSums);

/** The product with an activation behind it, which keeps its derivative or does not. */
export function productWith(activation?: Activation, keepsDerivative = false): Product {
  if (activation === undefined) return withoutActivation;
  return (keepsDerivative ? withDerivative : withActivation)[activation];
}

const products = [
  withoutActivation,
  withRowSums,
  ...ACTIVATIONS.map((name) => withActivation[name]),
  ...ACTIVATIONS.map((name) => withDerivative[name]),
];

/** The kernels of these products. */
export const productKernels: readonly Kernel[] = products.flatMap(({ scalar, vec4 }) => [scalar, vec4]);
