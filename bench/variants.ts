/**
 * Times every variant that this adapter can run, forward and gradient, at sizes of X-CLIP B/32. Variants take turns within
 * a round, so that a machine that slows down slows all of them; what counts are ratios within one run.
 *
 *   node engine/setup/run.mjs bench/variants.ts
 */
import { backward, type Gpu, noGrad, open, Tensor } from '../engine/index.ts';
import { rooms } from '../kernels/index.ts';
import type { Cost, Room } from '../kernels/shared/room.ts';
import { inputsOf, type Measured, measured } from './shapes.ts';

const ROUNDS = 9;

/** Names of variants that some kernel of a room has here. The others of its kernels run as they would by themselves. */
function variantsOf(gpu: Gpu, room: Room): string[] {
  return [...new Set(room.kernels.flatMap((kernel) => kernel.variants(gpu)))].filter((name) => name !== 'only');
}

function prefer(gpu: Gpu, room: Room, variant: string): void {
  gpu.preferences.clear();
  for (const kernel of room.kernels) if (kernel.variants(gpu).includes(variant)) gpu.preferences.set(kernel.name, variant);
}

/** Milliseconds on the GPU. */
async function time(gpu: Gpu, work: () => void): Promise<number> {
  const kernels = await gpu.profile(work);
  return kernels.reduce((sum, { nanoseconds }) => sum + nanoseconds, 0) / 1e6;
}

interface Times {
  readonly forward: number[];
  readonly gradient: number[];
}

async function once(gpu: Gpu, item: Measured, inputs: Readonly<Record<string, Tensor>>): Promise<{ forward: number; gradient: number }> {
  const forward = await time(gpu, () => gpu.scope(() => noGrad(() => void item.run(inputs))));
  const y = item.run(inputs);
  using dy = Tensor.from(gpu, new Float32Array(y.size).fill(1), y.shape, 'dy');
  await gpu.sync();
  const gradient = await time(gpu, () => gpu.scope(() => backward(y, dy)));
  for (const tensor of Object.values(inputs)) {
    tensor.grad?.dispose();
    tensor.grad = undefined;
  }
  y.dispose();
  return { forward, gradient };
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1];

/** Arithmetic for what is bound by it, memory for the rest. */
function rate({ flops, bytesRead, bytesWritten }: Cost, milliseconds: number): string {
  const bytes = bytesRead + bytesWritten;
  return flops / bytes > 8 ? `${(flops / milliseconds / 1e6).toFixed(1)} GFLOP/s` : `${(bytes / milliseconds / 1e6).toFixed(2)} GB/s`;
}

async function main(): Promise<void> {
  await using gpu = await open();
  console.log(`${gpu.name}, median of ${ROUNDS} rounds\n`);
  console.log('| kernel | shape | variant | forward | | gradient | | speed-up |\n|---|---|---|---|---|---|---|---|');
  for (const item of measured) {
    const room = rooms.find(({ name }) => name === item.room) as Room;
    const inputs = inputsOf(gpu, item);
    const variants = variantsOf(gpu, room).reverse();
    const times = new Map<string, Times>(variants.map((variant) => [variant, { forward: [], gradient: [] }]));
    for (let round = -1; round < ROUNDS; round++) {
      for (const variant of variants) {
        prefer(gpu, room, variant);
        const { forward, gradient } = await once(gpu, item, inputs);
        if (round < 0) continue; // compiles
        times.get(variant)?.forward.push(forward);
        times.get(variant)?.gradient.push(gradient);
      }
    }
    const [base] = times.values();
    const total = ({ forward, gradient }: Times) => median(forward) + median(gradient);
    for (const [variant, own] of times) {
      const [forward, gradient] = [median(own.forward), median(own.gradient)];
      console.log(`| ${item.room} | ${item.shape} | ${variant} | ${forward.toFixed(2)} ms | ${rate(item.cost, forward)} | ${gradient.toFixed(2)} ms | ${rate(item.gradientCost, gradient)} | ${(total(base) / total(own)).toFixed(1)} × |`);
    }
    for (const tensor of Object.values(inputs)) tensor.dispose();
  }
}

await main();
