/** Matrices laid into panels, textures that loops of products read: packed when they are needed, and not twice. */
import { type Context, type Kernel, part, type Tensor, type Texture } from '../../engine/index.ts';
import type { Layout } from './product.ts';
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
interface Side {
  readonly rows: number;
  readonly columns: number;
  readonly height: number;
}

/**
 * Both operands of a product. Their panels are padded alike, so that a matrix which two products read is packed once.
 *
 * @param padded what is summed over, with zeros up to the end of the last split
 */
function sidesOf({ rows, columns, inner, transposeA = false, transposeB = false }: Layout, padded: number) {
  const whole = (height: number) => 4 * ceilDiv(height, 4);
  const side = (length: number, isAcross: boolean): Side =>
    isAcross
      ? { rows: inner, columns: length, height: whole(padded) }
      : { rows: length, columns: inner, height: whole(length) };
  return [side(rows, transposeA), side(columns, !transposeB)] as const;
}

const panelCount = ({ columns }: Side) => ceilDiv(columns, COLUMNS);

/** Whether both operands fit textures. */
export function canBePanels({ limits }: Context, layout: Layout, padded: number): boolean {
  return sidesOf(layout, padded).every((side) =>
    side.height <= limits.maxTextureDimension2D && panelCount(side) <= limits.maxTextureArrayLayers
  );
}

/**
 * From here on, packing costs little beside the product. An element is packed in some 1.3 ns and a product is some
 * 0.02 ns faster, on the adapter that this was measured on, so there must be 65 products for each; a few more, for
 * packing takes a dispatch.
 */
const WORTH = 80;
export const isWorthPacking = (elements: number, products: number): boolean => products > WORTH * elements;

/** Whether it costs little beside a product of plain matrices. */
export const isWorthPanels = ({ rows, columns, inner }: Layout): boolean =>
  isWorthPacking((rows + columns) * inner, rows * columns * inner);

/**
 * With fewer rows of C than this, a weight's panels stay until the way back, for as much memory as the weight itself
 * takes: packing it twice would be more than a hundredth of its three products.
 */
export const KEPT_BELOW = 1024;

/** The panels of both operands, packed unless they are there. */
export function panelsFor(a: Tensor, b: Tensor, layout: Layout, padded: number): Readonly<Record<'a' | 'b', Texture>> {
  const sides = sidesOf(layout, padded);
  const tensors = [a, b];
  const panels = a.gpu.textures.claim(sides.map((side, i) => {
    const { storage, byteOffset: offset, bytes, dtype } = tensors[i];
    const { rows, columns, height } = side;
    const isKept = i === 1 && layout.isBReadAgain === true && layout.rows < KEPT_BELOW;
    return { storage, offset, bytes, form: `${dtype} ${rows} ${columns} ${height}`,
      size: [TEXELS, height, panelCount(side)], isKept };
  }));
  for (const [i, { isFilled, ...texture }] of panels.entries()) if (!isFilled) pack(tensors[i], sides[i], texture);
  return { a: panels[0], b: panels[1] };
}

function pack(matrix: Tensor, side: Side, panels: Texture): void {
  const { rows, columns, height } = side;
  vectorsOf(packing, columns).kernel.run(matrix.gpu, {
    tensors: { matrix },
    textures: { panels },
    params: { rows, columns, height },
    constants: { WORKGROUP },
    grid: ceilDiv(height * TEXELS * panelCount(side), WORKGROUP),
  });
}
