/** What is measured on both sides, by the names that it has in PyTorch's file (reference.py) and in ours. */
import { headsName, productName, rowsName } from '../../kernels/shared/shape_name.ts';
import type { Direction } from '../kernels/prepared.ts';
import type { StepShape } from '../training_step.ts';

/** Work of both sides, counted alike. */
interface Counted {
  readonly what: string;
  /** How the work is counted, in words. */
  readonly counted: string;
  /** Rows of PyTorch's file, whose times add up. */
  readonly torch: readonly string[];
}

/** A kernel. */
export interface KernelPair extends Counted {
  readonly unit: 'TFLOP/s' | 'GB/s';
  readonly room: string;
  readonly case: string;
  /** Of ours, whose times add up. */
  readonly directions: readonly Direction[];
  /** Operations, or elements of a tensor that is read or written, on either side. */
  readonly work: { readonly torch: number; readonly ours: number };
  /** Elements are f32 on both sides, however the parameters are stored. */
  readonly isWide?: boolean;
}

/** A pass of X-CLIP with 400 texts. */
export interface StepPair extends Counted, Pick<StepShape, 'preset' | 'batch' | 'trainText'> {
  readonly pass: 'forward' | 'training step';
}

const same = (work: number) => ({ torch: work, ours: work });

/** @param model what stands before the shape in the name of our workload */
function matmulPairs(model: string, [rows, inner, columns]: readonly [number, number, number]): readonly KernelPair[] {
  const product = productName(rows, inner, columns);
  const torch = `matmul ${product}`;
  const flops = 2 * rows * inner * columns;
  const pair = { unit: 'TFLOP/s', room: 'matmul', case: `${model}${product}` } as const;
  return [
    { ...pair, what: `matmul ${product}`, counted: '2MNK', torch: [`${torch} Y=XW`], directions: ['forward'],
      work: same(flops) },
    { ...pair, what: `matmul ${product}, both gradients`, counted: '4MNK',
      torch: [`${torch} dX=dY.Wt`, `${torch} dW=Xt.dY`], directions: ['gradient'], work: same(2 * flops) },
  ];
}

function attentionPairs(heads: number, tokens: number): readonly KernelPair[] {
  const products = heads * tokens * tokens * 64;
  const pair = { unit: 'TFLOP/s', room: 'attention', case: headsName(heads, tokens, 64) } as const;
  const torch = `sdpa ${pair.case}`;
  return [
    { ...pair, what: `attention, ${pair.case}`, counted: '4·BH·S²·D', torch: [`${torch} fwd`], directions: ['forward'],
      work: same(4 * products) },
    { ...pair, what: `attention, ${pair.case}, with gradient`, counted: '14·BH·S²·D', torch: [`${torch} fwd+bwd`],
      directions: ['forward', 'gradient'], work: same(14 * products) },
  ];
}

/** An operation that memory bounds: `forward` tensors of its size pass through it, `both` with the gradient. */
function streamPairs(room: string, name: string, torch: string, elements: number, forward: number,
  both: number): readonly KernelPair[] {
  const pair = { unit: 'GB/s', room, case: name } as const;
  return [
    { ...pair, what: `${room}, ${name}`, counted: `${forward} tensors`, torch: [`${torch} fwd`],
      directions: ['forward'], work: same(forward * elements) },
    { ...pair, what: `${room}, ${name}, with gradient`, counted: `${both} tensors`, torch: [`${torch} fwd+bwd`],
      directions: ['forward', 'gradient'], work: same(both * elements) },
  ];
}

/** A convolution of ResNet-50, [outputs, 3, 3, channels] over so many pixels of y. */
function convolutionPairs(name: string, pixels: number, channels: number, outputs: number): readonly KernelPair[] {
  const products = pixels * channels * outputs * 9;
  const pair = { unit: 'TFLOP/s', room: 'convolution', case: name } as const;
  return [
    { ...pair, what: `convolution, ${name}`, counted: '2·pixels·weights', torch: [`convolution ${name} fwd`],
      directions: ['forward'], work: same(2 * products) },
    { ...pair, what: `convolution, ${name}, with gradient`, counted: '6·pixels·weights',
      torch: [`convolution ${name} fwd+bwd`], directions: ['forward', 'gradient'], work: same(6 * products) },
  ];
}

export const KERNEL_PAIRS: readonly KernelPair[] = [
  { what: `matmul ${productName(4096, 4096, 4096)}`, counted: '2MNK', unit: 'TFLOP/s',
    torch: [`roof matmul ${productName(4096, 4096, 4096)}`], room: 'matmul', case: productName(4096, 4096, 4096),
    directions: ['forward'], work: same(2 * 4096 ** 3) },
  ...matmulPairs('', [2048, 2048, 2048]),
  ...matmulPairs('B/32, 32 clips: ', [1600, 768, 3072]),
  ...matmulPairs('B/16, 8 clips: ', [12608, 768, 2304]),
  ...matmulPairs('B/16, 8 clips: ', [12608, 768, 3072]),
  ...attentionPairs(384, 50),
  ...attentionPairs(96, 197),
  ...attentionPairs(16, 1569),
  ...convolutionPairs('ResNet-50: 3 × 3 at 56² × 64, 64 frames', 64 * 56 ** 2, 64, 64),
  ...convolutionPairs('ResNet-50, 4 frames: 3 × 3 at 14² × 256', 4 * 14 ** 2, 256, 256),
  ...convolutionPairs('ResNet-50, 2 frames: 3 × 3 by 2 at 28² × 256', 2 * 14 ** 2, 256, 256),
  ...streamPairs('layernorm', rowsName(65536, 768), `layer_norm ${rowsName(65536, 768)}`, 65536 * 768, 2, 5),
  ...streamPairs('gelu', `quick_gelu: ${rowsName(12608, 3072)}`, `quickgelu ${rowsName(12608, 3072)}`, 12608 * 3072, 2,
    5),
  ...streamPairs('cross_entropy', `${rowsName(4096, 400)}, soft`, `softmax-CE soft labels ${rowsName(4096, 400)}`,
    4096 * 400, 2, 3),
  ...streamPairs('batchnorm', '256 × 56² × 256, ReLU', 'batchnorm 256 × 56² × 256, ReLU', 256 * 56 ** 2 * 256, 2, 5),
  ...streamPairs('batchnorm', 'ResNet-50: 8 × 14² × 1024', 'batchnorm ResNet-50: 8 × 14² × 1024', 8 * 14 ** 2 * 1024, 2,
    5),
  { what: 'AdamW', counted: '7 tensors', unit: 'GB/s', torch: ['AdamW 196.6 M params, 1 tensors'], room: 'adamw',
    case: '50 M parameters', directions: ['forward'], work: { torch: 7 * 196_585_729, ours: 7 * 50_000_000 },
    isWide: true },
];

function stepPairs(preset: 'B/32' | 'B/16', batch: number): readonly StepPair[] {
  const torch = `X-CLIP-${preset} 8f`;
  const clips = `${preset}, ${batch} clips`;
  return [
    { what: `forward, ${clips}`, counted: 'text features given', torch: [`${torch} forward, cached text B=${batch}`],
      preset, batch, trainText: false, pass: 'forward' },
    { what: `training step, ${clips}`, counted: 'text features given',
      torch: [`${torch} step, text frozen and cached B=${batch}`], preset, batch, trainText: false,
      pass: 'training step' },
    { what: `training step, ${clips}, text learns`, counted: '400 texts in each step',
      torch: [`${torch} step, text tower trained B=${batch}`], preset, batch, trainText: true, pass: 'training step' },
  ];
}

export const STEP_PAIRS: readonly StepPair[] = [...stepPairs('B/32', 8), ...stepPairs('B/16', 4)];
