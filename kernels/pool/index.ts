import { FirstlightError, record, type Tensor } from '../../engine/index.ts';
import { average, averageGradient, maximum, maximumGradient } from './launch.ts';
import { type Window, type Windows, windowsOf } from '../shared/windows.ts';

export { cost, gradientCost } from './cost.ts';
export { kernels } from './launch.ts';
export type { PerAxis, Window } from '../shared/windows.ts';

/**
 * The largest number of each window, channel by channel: torch.nn.MaxPool1d, 2d and 3d, channels last. Pixels of the
 * padding are never the largest. NaN counts as larger than any number. The first of several that are equally large, the
 * last axis fastest, has the whole gradient.
 *
 * @param x [frames, …, C] with one to three axes between
 * @returns [frames, …, C] with ⌊(extent + 2 · padding − kernel) / stride⌋ + 1 windows on each axis
 */
export function maxPool(x: Tensor, window: Window): Tensor {
  const windows = poolWindows('maxPool', x, window);
  const { y, taps } = maximum(x, windows);
  return record(y, [x], (dy) => [maximumGradient(dy, taps, x, windows)], [taps]);
}

/**
 * The mean of each window, channel by channel: torch.nn.AvgPool1d, 2d and 3d, channels last. Pixels of the padding
 * count as zeros.
 *
 * @param x [frames, …, C] with one to three axes between
 * @returns [frames, …, C] with ⌊(extent + 2 · padding − kernel) / stride⌋ + 1 windows on each axis
 */
export function averagePool(x: Tensor, window: Window): Tensor {
  return averageOf(x, poolWindows('averagePool', x, window));
}

/**
 * The mean over all pixels of a picture, channel by channel: torch.nn.AdaptiveAvgPool1d, 2d and 3d to 1, channels last.
 *
 * @param x [frames, …, C]  @returns [frames, C]
 */
export function globalAveragePool(x: Tensor): Tensor {
  const extents = x.shape.slice(1, -1);
  const windows = windowsOf('globalAveragePool', x.shape, { kernel: extents });
  return averageOf(x, { ...windows, shape: [windows.frames, windows.channels] });
}

/** The windows of a call, each of which covers a pixel at least. */
function poolWindows(op: string, x: Tensor, window: Window): Windows {
  const windows = windowsOf(op, x.shape, window);
  const { kernel, padding } = windows;
  const axis = padding.findIndex((each, i) => each > kernel[i] / 2);
  if (axis >= 0) {
    const most = Math.floor(kernel[axis] / 2);
    throw new FirstlightError('FL_RANGE',
      `${op}: padding is ${padding[axis]} for a kernel of ${kernel[axis]}, expected at most half of it, ${most}`, {
      padding: padding[axis],
      kernel: kernel[axis],
    });
  }
  return windows;
}

function averageOf(x: Tensor, windows: Windows): Tensor {
  return record(average(x, windows), [x], (dy) => [averageGradient(dy, x, windows)], []);
}
