/** Attention of windows, with bias and shift, beside plain attention of the same tokens. */
import { type Gpu, type Shape, sizeOf } from '../../engine/index.ts';
import { selfAttention, windowAttention } from '../../kernels/attention/index.ts';
import { partitionOf, type WindowSize } from '../../kernels/shared/partition.ts';
import { digits } from '../../train/log/table.ts';
import { type Comparison, least, random, ratio, type Side } from './least.ts';

/** Tokens of a picture, and how they are cut. */
interface Shown extends WindowSize {
  readonly tokens: Shape;
}

const [FLAT, SHORT, LONG] = [{ window: [7, 7], shift: [3, 3] }, { window: [2, 7, 7], shift: [1, 3, 3] }, {
  window: [8, 7, 7],
  shift: [4, 3, 3],
}];
/** The last of each window has as many kinds as windows, so that no two share a mask. */
const SHOWN: readonly Shown[] = [
  { tokens: [1, 56, 56], ...FLAT },
  { tokens: [1, 14, 14], ...FLAT },
  { tokens: [1, 4, 28, 28], ...SHORT },
  { tokens: [1, 4, 14, 14], ...SHORT },
  { tokens: [1, 16, 28, 28], ...LONG },
  { tokens: [1, 16, 14, 14], ...LONG },
];

/** Heads of 32. */
const [HEADS, WIDTH] = [4, 128];

const partitionFor = ({ tokens, ...size }: Shown) => partitionOf([...tokens, WIDTH], size);

async function cellsOf(gpu: Gpu, shown: Shown): Promise<readonly string[]> {
  const partition = partitionFor(shown);
  const { windows, tokens, full } = partition;
  const [qkv, dy] = [random(gpu, [windows, tokens, 3 * WIDTH]), random(gpu, [windows, tokens, WIDTH])];
  const table = random(gpu, [sizeOf(full.map((size) => 2 * size - 1)), HEADS]);
  const numbers = await table.read();
  const sides: readonly Side[] = [
    // as if an optimiser had changed the table, so that masks of the round before are not taken
    { inputs: [qkv, table], dy, before: () => table.write(numbers),
      run: () => windowAttention(qkv, table, HEADS, partition) },
    { inputs: [qkv], dy, run: () => selfAttention(qkv, HEADS) },
  ];
  const [own, plain] = await least(gpu, sides);
  for (const each of [qkv, dy, table]) each.dispose();
  return [digits(own.forward), digits(own.gradient), ratio(plain.forward, own.forward),
    ratio(plain.gradient, own.gradient)];
}

export const windows: Comparison = {
  about: `${HEADS} heads of ${WIDTH / HEADS}, with a bias of relative positions and shifted windows. Masks are made in
each forward pass, and the gradient is that of q, k, v and the table. Plain attention has the same tokens, and no mask.`,
  head: ['attention of windows', 'forward', 'gradient', 'forward beside plain', 'gradient beside plain'],
  rows: SHOWN.map((each) => {
    const { windows, kinds, tokens } = partitionFor(each);
    return { name: `${windows} windows of ${kinds.length} kinds, ${tokens} tokens`,
      cells: (gpu) => cellsOf(gpu, each) };
  }),
};
