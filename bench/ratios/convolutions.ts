/**
 * Convolutions of ResNet-50 beside linear layers of equal work, M × K times K × N with M windows, and with what may
 * be behind a sum beside without.
 *
 *   npm run bench -- --convolutions
 *   npm run bench -- --convolutions --case "by 2"
 */
import { backward, type Gpu, open, Random, type Shape, sizeOf, Tensor } from '../engine/index.ts';
import { convolution, type ConvolutionOptions } from '../kernels/convolution/index.ts';
import { linear } from '../kernels/matmul/index.ts';
import { tuned } from '../kernels/tuned.ts';
import { digits, markdownTable } from '../train/log/table.ts';
import { elapsed } from './elapsed.ts';

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

const ROUNDS = 12;

/** One side of a comparison: a forward pass, and what it gives a gradient. */
interface Side {
  readonly inputs: readonly Tensor[];
  readonly dy: Tensor;
  run(): Tensor;
}

function random(gpu: Gpu, shape: Shape): Tensor {
  const random = new Random(1, `${shape}`);
  return Tensor.from(gpu, Float32Array.from({ length: sizeOf(shape) }, () => random.normal()), shape);
}

/** Least milliseconds of a forward pass and of the gradients of the inputs, of some sides that take turns. */
async function least(gpu: Gpu, sides: readonly Side[], hasGradient: boolean) {
  const times = sides.map(() => ({ forward: Number.POSITIVE_INFINITY, gradient: Number.POSITIVE_INFINITY }));
  const timed = async (work: () => void) => {
    const start = elapsed(gpu);
    work();
    await gpu.sync();
    return elapsed(gpu) - start;
  };
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [i, { inputs, dy, run }] of sides.entries()) {
      for (const input of inputs) input.requiresGrad = hasGradient;
      let y: Tensor | undefined;
      const forward = await timed(() => void (y = run()));
      const gradient = hasGradient ? await timed(() => backward(y as Tensor, dy)) : 0;
      y?.dispose();
      for (const input of inputs) {
        input.grad?.dispose();
        input.grad = undefined;
      }
      if (round === 0) continue; // compiles
      times[i] = { forward: Math.min(times[i].forward, forward), gradient: Math.min(times[i].gradient, gradient) };
    }
  }
  return times;
}

async function rowOf(gpu: Gpu, { name, frames, size, channels, outputs, kernel, stride }: Shown): Promise<string[]> {
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
    { inputs: [], dy, run: () => convolution(x, weight, options) },
    { inputs: [], dy, run: () => convolution(x, weight, { ...options, bias, residual: dy, relu: true }) },
  ];
  const [own, layer] = await least(gpu, sides, true);
  const [without, withAll] = await least(gpu, behind, false);
  for (const each of [x, weight, dy, bias, rows, matrix, flat]) each.dispose();
  return [name, String(frames), digits(own.forward), digits(own.gradient), (layer.forward / own.forward).toFixed(2),
    (layer.gradient / own.gradient).toFixed(2), (without.forward / withAll.forward).toFixed(2)];
}

/** Measures and prints a table. */
export async function benchConvolutions(part = ''): Promise<number> {
  await using gpu = await open({ tuning: tuned });
  const rows: string[][] = [];
  for (const each of SHOWN.filter(({ name }) => name.includes(part))) rows.push(await rowOf(gpu, each));
  console.log(
    `${gpu.name}. Milliseconds ${
      gpu.kind === 'software' ? 'of the processor, on all cores together' : 'by the clock'
    }, the least of ${ROUNDS}, taken in turn; the gradient is that of x and weight, of the stem that of the weight.
Beside linear: time of a linear layer of equal work over that of the convolution. Behind it: without bias, residual
and ReLU over with them.\n`,
  );
  console.log(
    markdownTable(['convolution', 'frames', 'forward', 'gradient', 'forward beside linear', 'gradient beside linear',
      'all that may be behind it'], rows),
  );
  return 0;
}
