/** The kernels of this room: loops of ../shared/product that find their pixels themselves, and the formula itself. */
import { flat, Kernel, part, type Source, type Variant } from '../../engine/index.ts';
import { loops, panelVariant, placeIn, type Product, rungs, store, variantsOf } from '../shared/product.ts';
import { type VectorKernels, vectorParts } from '../shared/rows.ts';
import { windowPart } from '../shared/windows.ts';

const places = [await part(import.meta.url, '../shared/quotient.wgsl'),
  await part(import.meta.url, './parts/places.wgsl')];
const textures = await part(import.meta.url, './parts/textures.wgsl');
const special = await part(import.meta.url, '../shared/special.wgsl');
const channels = await part(import.meta.url, './parts/channels.wgsl');

/** Texts of an operation: what all loops are linked with, where its operands lie, and the formula as it stands. */
interface Texts {
  readonly common: readonly Source[];
  readonly memory: readonly Source[];
  readonly textures: Source;
  readonly naive: readonly Source[];
}

/** The variants, best first. Textures hold vectors of four, and so they serve channels that are made of those. */
function variants({ common, memory, textures: tiles, naive }: Texts,
  form: keyof VectorKernels): Readonly<Record<string, Variant>> {
  const inMemory = Object.entries(variantsOf(form)).map(([name, variant]) =>
    [name, { ...variant, parts: [...variant.parts, ...memory, ...loops, ...common] }] as const
  );
  return {
    ...(form === 'vec4' && panelVariant([tiles, textures, ...loops, ...common])),
    ...Object.fromEntries(inMemory),
    naive: { parts: [...naive, channels, windowPart, flat, vectorParts[form]] },
  };
}

function product(name: string, texts: Texts): Product {
  const build = (form: keyof VectorKernels) => new Kernel(`${name}.${form}`, [], variants(texts, form));
  return { scalar: build('scalar'), vec4: build('vec4'), rungs };
}

const gather = {
  common: [
    await part(import.meta.url, './convolution.wgsl'),
    await part(import.meta.url, './parts/result_pixels.wgsl'),
    await part(import.meta.url, './parts/picture_epilogue.wgsl'),
    special,
    ...places,
  ],
  memory: [await part(import.meta.url, './parts/gather.memory.wgsl')],
  textures: await part(import.meta.url, './parts/gather.textures.wgsl'),
};

/** y from x. */
export const forward = product('convolution', {
  ...gather,
  naive: [await part(import.meta.url, './convolution.naive.wgsl'), special],
});
/** dx from dy: the same product, of one residue of the stride. */
export const ofPixels = product('convolution_pixels_grad', {
  ...gather,
  naive: [await part(import.meta.url, './convolution_pixels_grad.naive.wgsl')],
});
/** dweight from dy and x. */
export const ofWeight = product('convolution_weight_grad', {
  common: [await part(import.meta.url, './convolution_weight_grad.wgsl'), placeIn.y, store, ...places],
  memory: [await part(import.meta.url, './parts/weight.memory.wgsl'), placeIn.a],
  textures: await part(import.meta.url, './parts/weight.textures.wgsl'),
  naive: [await part(import.meta.url, './convolution_weight_grad.naive.wgsl')],
});
