/** Matrices laid into panels, textures that loops of products read: packed when they are needed, and not twice. */
import { type Context, type Kernel, part, type Tensor, type Texture } from '../../engine/index.ts';
import { vectorKernels, vectorsOf } from './rows.ts';
import { ceilDiv } from './sizes.ts';

const packing = vectorKernels('pack_panels', [await part(import.meta.url, './product/pack_panels.wgsl')]);
/** The kernels that lay a matrix into panels. */
export const packingKernels: readonly Kernel[] = Object.values(packing);

const WORKGROUP = 64;
/** Columns of a panel, and texels of four that a row of it has. */
const COLUMNS = 32;
const TEXELS = COLUMNS / 4;

/** A matrix as it is stored, and the rows that its panels have: zeros behind its own. */
export interface Stored {
  readonly tensor: Tensor;
  readonly rows: number;
  readonly columns: number;
  readonly height: number;
}

/** Whether panels of a matrix fit a texture. */
export function fitsPanels({ limits }: Context, { columns, height }: Omit<Stored, 'tensor'>): boolean {
  return height <= limits.maxTextureDimension2D && ceilDiv(columns, COLUMNS) <= limits.maxTextureArrayLayers;
}

/** The panels of matrices that a program is to be given together. */
export function panelsOf(gpu: Context, matrices: readonly Stored[]): readonly Texture[] {
  const claimed = gpu.textures.claim(matrices.map(({ tensor, rows, columns, height }) => {
    const { storage, byteOffset: offset, bytes, dtype } = tensor;
    return { storage, offset, bytes, form: `${dtype} ${rows} ${columns} ${height}`,
      size: [TEXELS, height, ceilDiv(columns, COLUMNS)] };
  }));
  for (const [i, { isFilled, ...panels }] of claimed.entries()) if (!isFilled) pack(gpu, matrices[i], panels);
  return claimed;
}

function pack(gpu: Context, { tensor: matrix, rows, columns, height }: Stored, panels: Texture): void {
  const { kernel } = vectorsOf(packing, columns);
  kernel.run(gpu, {
    tensors: { matrix },
    textures: { panels },
    params: { rows, columns, height },
    constants: { WORKGROUP },
    grid: ceilDiv(height * TEXELS * ceilDiv(columns, COLUMNS), WORKGROUP),
  });
}
