/**
 * Convolutions of ResNet-50 beside linear layers of equal work, M × K times K × N with M windows, and with what may
 * be behind a sum beside without.
 */
import type { Gpu } from '../../engine/index.ts';
import { convolution, type ConvolutionOptions } from '../../kernels/convolution/index.ts';
import { linear } from '../../kernels/matmul/index.ts';
import { digits } from '../../train/log/table.ts';
import { type Comparison, least, random, ratio, type Side } from './least.ts';

/** A convolution of so many frames, square in all that it has. */
interface Shown {
  readonly name: string;
  readonly frames: number;
  readonly size: number;
  readonly channels: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly stride: number;
}

const shown = (name: string, frames: number, size: number, channels: number, outputs: number, kernel: number,
  stride: number): Shown => ({ name, frames, size, channels, outputs, kernel, stride });

/** Frames are as many as make some 0.25 to 1 Gflop. */
const SHOWN = [
  shown('3 × 3 at 56² × 64', 1, 56, 64, 64, 3, 1),
  shown('3 × 3 at 28² × 128', 2, 28, 128, 128, 3, 1),
  shown('3 × 3 at 14² × 256', 4, 14, 256, 256, 3, 1),
  shown('3 × 3 at 7² × 512', 8, 7, 512, 512, 3, 1),
  shown('3 × 3 by 2 at 56² × 128', 1, 56, 128, 128, 3, 2),
  shown('3 × 3 by 2 at 28² × 256', 2, 28, 256, 256, 3, 2),
  shown('3 × 3 by 2 at 14² × 512', 4, 14, 512, 512, 3, 2),
  shown('1 × 1 at 56², 64 → 256', 1, 56, 64, 256, 1, 1),
  shown('1 × 1 at 14², 1024 → 256', 4, 14, 1024, 256, 1, 1),
  shown('1 × 1 by 2 at 56², 256 → 512', 1, 56, 256, 512, 1, 2),
  shown('stem, 7 × 7 by 2 at 224² × 4', 1, 224, 4, 64, 7, 2),
];

async function cellsOf(gpu: Gpu,
  { frames, size, channels, outputs, kernel, stride }: Shown): Promise<readonly string[]> {
  const options: ConvolutionOptions = { stride, padding: (kernel - 1) / 2 };
  const windows = Math.ceil(size / stride);
  const isStem = channels < 8; // whose pixels get no gradient
  const x = random(gpu, [frames, size, size, channels]);
  const weight = random(gpu, [outputs, kernel, kernel, channels]);
  const dy = random(gpu, [frames, windows, windows, outputs]);
  const bias = random(gpu, [outputs]);
  const rows = random(gpu, [frames * windows ** 2, kernel ** 2 * channels]);
  const matrix = random(gpu, [outputs, kernel ** 2 * channels]);
  const flat = dy.reshape([-1, outputs]);
  const sides: readonly Side[] = [
    { inputs: isStem ? [weight] : [x, weight], dy, run: () => convolution(x, weight, options) },
    { inputs: isStem ? [matrix] : [rows, matrix], dy: flat, run: () => linear(rows, matrix) },
  ];
  const behind: readonly Side[] = [
    { inputs: [], run: () => convolution(x, weight, options) },
    { inputs: [], run: () => convolution(x, weight, { ...options, bias, residual: dy, relu: true }) },
  ];
  const [own, layer] = await least(gpu, sides);
  const [without, withAll] = await least(gpu, behind);
  for (const each of [x, weight, dy, bias, rows, matrix, flat]) each.dispose();
  return [String(frames), digits(own.forward), digits(own.gradient), ratio(layer.forward, own.forward),
    ratio(layer.gradient, own.gradient), ratio(without.forward, withAll.forward)];
}

export const convolutions: Comparison = {
  about:
    `A linear layer has equal work; the gradient is that of x and weight, of the stem that of the weight. Behind it:
without bias, residual and ReLU over with them.`,
  head: ['convolution', 'frames', 'forward', 'gradient', 'forward beside linear', 'gradient beside linear',
    'all that may be behind it'],
  rows: SHOWN.map((each) => ({ name: each.name, cells: (gpu) => cellsOf(gpu, each) })),
};
