/** Pictures as products find their pixels in them: with zeros around them, in memory or in textures. */
import { type Context, Kernel, part, sizeOf, type Tensor, type Texture } from '../../engine/index.ts';
import { vectorKernels, vectorParts, vectorsOf } from '../shared/rows.ts';
import { ceilDiv } from '../shared/sizes.ts';
import type { Triple } from '../shared/windows.ts';

/** Frames with channels last on three axes, or every so many pixels of them, and zeros thought of around each. */
export interface Picture {
  readonly frames: number;
  readonly channels: number;
  /** Of the tensor; the picture has every `step`-th pixel, from the first on. */
  readonly extents: Triple;
  readonly step: Triple;
  readonly before: Triple;
  readonly after: Triple;
}

const parts = [await part(import.meta.url, '../shared/quotient.wgsl'),
  await part(import.meta.url, './parts/padded.wgsl')];
const padding = vectorKernels('pad_picture', [await part(import.meta.url, './pad_picture.wgsl'), ...parts]);
const packing = new Kernel('pack_picture', [await part(import.meta.url, './pack_picture.wgsl'), ...parts,
  vectorParts.vec4]);
/** The kernels that lay pictures out. */
export const pictureKernels: readonly Kernel[] = [...Object.values(padding), packing];

const WORKGROUP = 64;
/** Texels of four that a line of a texture has, and lines of a layer: as many as every device allows. */
const TEXELS = 8;
const LINES = 8192;

/** Extents with the zeros on both sides. */
export const paddedExtents = ({ extents, step, before, after }: Picture): Triple =>
  [0, 1, 2].map((axis) => before[axis] + ceilDiv(extents[axis], step[axis]) + after[axis]) as unknown as Triple;

/** Pixels of all frames, those of zeros among them. */
export const pixelsOf = (picture: Picture): number => picture.frames * sizeOf(paddedExtents(picture));

/** How a picture lies in a texture. */
export function panelsOf(picture: Picture) {
  const vectors = ceilDiv(picture.channels, 4);
  const texels = Math.min(TEXELS, vectors);
  const lines = ceilDiv((pixelsOf(picture) + 1) * texels, TEXELS); // and a pixel of zeros behind the last
  const layers = ceilDiv(lines, LINES);
  return { texels, panels: ceilDiv(vectors, TEXELS), layers, height: Math.min(lines, LINES),
    isWide: texels === TEXELS && layers === 1 };
}

/** Whether a picture can be laid into a texture: one frame into several layers, several into one. */
export function fitsTexture({ limits }: Context, picture: Picture): boolean {
  const { panels, layers } = panelsOf(picture);
  return picture.frames === 1 || layers === 1 ? panels * layers <= limits.maxTextureArrayLayers : false;
}

/** What texts that read both operands from textures are built with. */
export const wideConstants = (a: Picture, b: Picture) => ({ LINES, A_WIDE: panelsOf(a).isWide,
  B_WIDE: panelsOf(b).isWide });

/** What pictures are laid into, each packed unless it is there. */
export function texturesOf(gpu: Context,
  operands: readonly { readonly tensor: Tensor; readonly picture: Picture; readonly isKept?: boolean }[]
): Readonly<Record<'a' | 'b', Texture>> {
  const claimed = gpu.textures.claim(operands.map(({ tensor, picture, isKept }) => {
    const { storage, byteOffset: offset, bytes, dtype } = tensor;
    const { panels, layers, height } = panelsOf(picture);
    const { frames, channels, extents, step, before, after } = picture;
    const form = [frames, channels, extents, step, before, after].join(' ');
    return { storage, offset, bytes, form: `${dtype} picture ${form}`, size: [TEXELS, height, panels * layers] as const,
      isKept };
  }));
  for (const [i, { isFilled, ...panels }] of claimed.entries()) {
    if (isFilled) continue;
    const { tensor, picture } = operands[i];
    const { height, layers, panels: count } = panelsOf(picture);
    packing.run(gpu, { tensors: { picture: tensor }, textures: { panels }, params: paramsOf(picture),
      constants: { WORKGROUP, LINES }, grid: [ceilDiv(TEXELS * height, WORKGROUP), layers * count, 1] });
  }
  return { a: claimed[0], b: claimed[1] };
}

/** The picture with its zeros in memory: itself where there are none. */
export function paddedInMemory(tensor: Tensor, picture: Picture): Tensor {
  const { frames, channels } = picture;
  const extents = paddedExtents(picture);
  if (sizeOf(extents) === sizeOf(picture.extents)) return tensor;
  const padded = tensor.like([frames, ...extents, channels], 'padded');
  const { kernel, vectors } = vectorsOf(padding, channels);
  kernel.run(tensor.gpu, { tensors: { picture: tensor, padded }, params: paramsOf(picture), constants: { WORKGROUP },
    grid: ceilDiv(pixelsOf(picture) * vectors, WORKGROUP) });
  return padded;
}

function paramsOf(picture: Picture): Readonly<Record<string, number>> {
  const padded = paddedExtents(picture);
  const { texels, layers, height } = panelsOf(picture);
  const of = (name: string, values: readonly number[]) =>
    Object.fromEntries(values.map((value, axis) => [`${name}${axis}`, value]));
  const { frames, channels, extents, step, before } = picture;
  return { frames, channels, texels, per_texel: 1 / texels, layers, height, ...of('x', extents), ...of('step', step),
    ...of('before', before), ...of('padded', padded), ...of('per_padded', padded.map((extent) => 1 / extent)) };
}
