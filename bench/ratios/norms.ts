/** Batch normalisation with ReLU in training, as ResNet-50 has it, beside layer normalisation of the same tensor. */
import type { Gpu, Shape } from '../../engine/index.ts';
import { batchNorm } from '../../kernels/batchnorm/index.ts';
import { layernorm } from '../../kernels/layernorm/index.ts';
import { digits } from '../../train/log/table.ts';
import { type Comparison, least, random, ratio, type Side } from './least.ts';

/** Eight frames: [frames, height, width, C] where blocks of ResNet-50 have it. */
const SHOWN: readonly Shape[] = [[8, 56, 56, 64], [8, 56, 56, 256], [8, 28, 28, 128], [8, 14, 14, 1024], [8, 7, 7,
  2048]];

async function cellsOf(gpu: Gpu, shape: Shape): Promise<readonly string[]> {
  const channels = [shape[shape.length - 1]];
  const [x, dy] = [random(gpu, shape), random(gpu, shape)];
  const [weight, bias, mean, variance] = Array.from({ length: 4 }, () => random(gpu, channels));
  const inputs = [x, weight, bias];
  const running = { mean, variance };
  const sides: readonly Side[] = [
    { inputs, dy, run: () => batchNorm(x, weight, bias, { relu: true, running }) },
    { inputs, dy, run: () => layernorm(x, weight, bias) },
  ];
  const [own, layer] = await least(gpu, sides);
  for (const each of [...inputs, dy, mean, variance]) each.dispose();
  return [digits(own.forward), digits(own.gradient), ratio(layer.forward, own.forward),
    ratio(layer.gradient, own.gradient)];
}

export const norms: Comparison = {
  about: 'Statistics are those of the batch, and running ones follow them. Layer normalisation has the same tensor.',
  head: ['batch norm with ReLU', 'forward', 'gradient', 'forward beside layer norm', 'gradient beside layer norm'],
  rows: SHOWN.map(([frames, size, , channels]) => ({ name: `batch norm at ${frames} × ${size}² × ${channels}`,
    cells: (gpu) => cellsOf(gpu, [frames, size, size, channels]) })
  ),
};
