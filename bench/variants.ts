/**
 * Times every variant that this adapter can run, forward and gradient, at sizes of X-CLIP B/32. Variants take turns within
 * a round, so that a machine that slows down slows all of them; what counts are ratios within one run.
 *
 *   node engine/setup/run.mjs bench/variants.ts
 */
import { type Gpu, open } from '../engine/index.ts';
import { rooms } from '../kernels/index.ts';
import type { Room } from '../kernels/shared/room.ts';
import { inputsOf, measured } from './shapes.ts';
import { median, rate, timed, type Times, total } from './timing.ts';

const ROUNDS = 9;

/** Names of variants that some kernel of a room has here. The others of its kernels run as they would by themselves. */
function variantsOf(gpu: Gpu, room: Room): string[] {
  return [...new Set(room.kernels.flatMap((kernel) => kernel.variants(gpu)))].filter((name) => name !== 'only');
}

function prefer(gpu: Gpu, room: Room, variant: string): void {
  gpu.choices.clear();
  for (const kernel of room.kernels) {
    const choice = kernel.candidates(gpu).find((candidate) => candidate.variant === variant);
    if (choice !== undefined) gpu.choices.prefer(kernel.name, choice);
  }
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
        const { forward, gradient } = await timed(gpu, item, inputs);
        if (round < 0) continue; // compiles
        times.get(variant)?.forward.push(forward);
        times.get(variant)?.gradient.push(gradient);
      }
    }
    const [base] = times.values();
    for (const [variant, own] of times) {
      const [forward, gradient] = [median(own.forward), median(own.gradient)];
      console.log(`| ${item.room} | ${item.shape} | ${variant} | ${forward.toFixed(2)} ms | ${rate(item.cost, forward)} | ${gradient.toFixed(2)} ms | ${rate(item.gradientCost, gradient)} | ${(total(base) / total(own)).toFixed(1)} × |`);
    }
    for (const tensor of Object.values(inputs)) tensor.dispose();
  }
}

await main();
