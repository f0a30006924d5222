import { flat, flatTiles, type FloatType, inRanges, Kernel, part, ShapeError, Tensor } from '../../engine/index.ts';
import { refuseGradient } from '../shared/data.ts';
import { type Normalisation, normalisationParams } from '../shared/normalisation.ts';
import { rowLaunch, rowVariants } from '../shared/rows.ts';
import { ceilDiv } from '../shared/sizes.ts';
import { steps, TABLE_COLUMNS } from './pack.ts';

export { cost } from './cost.ts';
export { type Colouring, type Jitter, type Step, STEPS } from './colouring.ts';
export { packColourings, TABLE_COLUMNS } from './pack.ts';

const common = [steps, await part(import.meta.url, '../shared/special.wgsl')];
const means = new Kernel('colour_mean', [],
  rowVariants([await part(import.meta.url, './colour_mean.wgsl'), ...common]));
const kernel = new Kernel('colour', [await part(import.meta.url, './colour.wgsl'), flat, ...common]);

/** Pixels of a partial sum: few enough for f32, and 13 of them are a frame of 224 × 224. */
const SPLIT = 4096;

/** How frames are normalised and stored afterwards. */
export interface ColourOptions extends Normalisation {
  /** How pixels are stored; f32 if omitted. */
  readonly type?: FloatType;
}

/**
 * Colour jitter and grayscale of frames, then (rgb − mean) / std. The steps are those of torchvision's ColorJitter on
 * pictures of Pillow, each in [0, 255], without rounding to whole numbers:
 *
 *     brightness   v ← b · v
 *     contrast     v ← m + c · (v − m), with m the mean gray of the frame as it is then
 *     saturation   v ← g + s · (v − g), with g the gray of the pixel
 *     hue          v ← v turned by h on the colour circle of HSV
 *     gray         v ← g
 *
 * What is drawn comes in a table. A frame with neither steps nor gray is only normalised, with the bits of `frames`
 * itself. A pixel that is not finite is NaN, and with contrast its whole frame. Not differentiated.
 *
 * @param rgb [F, 3, side, side] f32, what `frames` makes with mean 0 and std 1
 * @param table [F, TABLE_COLUMNS], of `packColourings`
 * @param into where the pixels go, of `type`; a new tensor if omitted
 * @returns [F, 3, side, side]
 */
export function colour(rgb: Tensor, table: Tensor<'u32'>, options: ColourOptions, into?: Tensor): Tensor {
  const { type = 'f32' } = options;
  const [count, channels, height, width] = rgb.shape;
  if (rgb.shape.length !== 4 || channels !== 3 || rgb.dtype !== 'f32') {
    throw new ShapeError('colour', `rgb must be [F, 3, side, side] of f32, got [${rgb.shape}] of ${rgb.dtype}`);
  }
  if (table.size !== count * TABLE_COLUMNS) {
    const message = `the table of ${count} frames must be [${count}, ${TABLE_COLUMNS}], got [${table.shape}]`;
    throw new ShapeError('colour', message, 'pass what packColourings() returned, a colouring for each frame');
  }
  refuseGradient('colour', { rgb });
  const normalisation = normalisationParams('colour', options);
  const { gpu } = rgb;
  const y = into ?? Tensor.empty(gpu, rgb.shape, type, 'coloured frames');
  if (y.size !== rgb.size || y.dtype !== type) {
    throw new ShapeError('colour', `[${rgb.shape}] of ${type} do not go into [${y.shape}] of ${y.dtype}`);
  }
  const area = height * width;
  const splits = ceilDiv(area, SPLIT);
  inRanges(gpu, count, { rgb, y }, (some, frames, first) => {
    const rows = frames * splits;
    const partial = Tensor.empty(gpu, [rows], 'f32', 'sums of gray');
    const shape = { area, splits, first };
    means.run(gpu, { tensors: { rgb: some.rgb, table, partial }, params: { rows, ...shape },
      ...rowLaunch(gpu, means, rows, { SPLIT }) });
    const n = frames * area;
    const { tile, grid } = flatTiles(gpu, n);
    kernel.run(gpu, { tensors: { ...some, table, partial }, params: { n, tile, ...shape, ...normalisation }, grid });
    partial.dispose();
  });
  return y;
}

/** All kernels of the room, for checks and tuning. */
export const kernels = [means, kernel];
