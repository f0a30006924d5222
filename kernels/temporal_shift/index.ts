import { FirstlightError, flat, flatTiles, inRanges, part, record, ShapeError, sizeOf,
  type Tensor } from '../../engine/index.ts';
import { vectorKernels } from '../shared/rows.ts';

export { cost, gradientCost } from './cost.ts';

const shifting = vectorKernels('temporal_shift', [await part(import.meta.url, './temporal_shift.wgsl'), flat]);
/** All kernels of the room, for checks and tuning. */
export const kernels = [shifting.scalar, shifting.vec4];

/** How channels are shifted. */
export interface Shift {
  /** Frames of a clip. */
  readonly frames: number;
  /** One part in so many of the channels comes from the next frame, and one from the frame before, rounded down. */
  readonly divisor?: number;
}

/**
 * Shifts channels along time: of each pixel the first ⌊C / divisor⌋ channels become those of the next frame, as many
 * behind them those of the frame before, with zeros at the ends of a clip. Lin, Gan, Han 2019, arXiv:1811.08383,
 * section 3.
 *
 * @param x [clips · frames, …, C]  @returns the shape of `x`
 */
export function temporalShift(x: Tensor, { frames, divisor = 8 }: Shift): Tensor {
  if (!Number.isInteger(divisor) || divisor < 2) {
    throw new FirstlightError('FL_RANGE', `temporalShift: divisor is ${divisor}, expected a whole number of 2 or more`,
      { divisor });
  }
  const [all, channels] = [x.shape[0], x.shape[x.shape.length - 1]];
  if (x.shape.length < 2 || !Number.isInteger(frames) || frames < 1 || all % frames !== 0) {
    throw new ShapeError('temporalShift',
      `x [${x.shape}] must be [clips · frames, …, C], whole clips of ${frames} frames`);
  }
  const fold = Math.floor(channels / divisor);
  const y = x.like();
  shift(x, y, { frames, fold, turned: false });
  return record(
    y,
    [x],
    (dy) => {
      const dx = x.gradLike();
      shift(dy, dx, { frames, fold, turned: true });
      return [dx];
    },
    [],
  );
}

function shift(x: Tensor, y: Tensor,
  { frames, fold, turned }: { frames: number; fold: number; turned: boolean }): void {
  const channels = x.shape[x.shape.length - 1];
  const width = channels % 4 === 0 && fold % 4 === 0 ? 4 : 1;
  const kernel = width === 4 ? shifting.vec4 : shifting.scalar;
  const frame = sizeOf(x.shape.slice(1)) / width;
  const params = { channels: channels / width, fold: fold / width, frame, frames, turned: Number(turned) };
  inRanges(x.gpu, x.shape[0] / frames, { x, y }, (tensors, clips) => {
    const n = clips * frames * frame;
    const { tile, grid } = flatTiles(x.gpu, n);
    kernel.run(x.gpu, { tensors, params: { ...params, n, tile }, grid });
  });
}
