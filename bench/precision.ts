/**
 * Times every kernel with its tensors stored as f32 and as f16, forward and gradient, at sizes of X-CLIP B/32, each in the variant that
 * the adapter would choose. The two take turns within a round; what counts are ratios within one run.
 *
 *   node engine/setup/run.mjs bench/precision.ts
 */
import { type FloatType, open } from '../engine/index.ts';
import { inputsOf, measured } from './shapes.ts';
import { median, timed, type Times, total } from './timing.ts';

const ROUNDS = 15;
const TYPES = ['f32', 'f16'] as const satisfies FloatType[];

await using gpu = await open();
gpu.requireType('f16');
console.log(`${gpu.name}, median of ${ROUNDS} rounds\n`);
console.log('| kernel | shape | f32 forward | f16 | f32 gradient | f16 | f32 over f16 |\n|---|---|---|---|---|---|---|');
for (const item of measured) {
  const inputs = { f32: inputsOf(gpu, item), f16: inputsOf(gpu, item, 'f16') };
  // their gradients are sums over the batch
  for (const [name, tensor] of Object.entries(inputs.f16)) if (name !== 'x') tensor.hasWideGradient = true;
  const times: Record<FloatType, Times> = { f32: { forward: [], gradient: [] }, f16: { forward: [], gradient: [] } };
  for (let round = -1; round < ROUNDS; round++) {
    for (const type of TYPES) {
      const { forward, gradient } = await timed(gpu, item, inputs[type]);
      if (round < 0) continue; // compiles
      times[type].forward.push(forward);
      times[type].gradient.push(gradient);
    }
  }
  const cells = [times.f32.forward, times.f16.forward, times.f32.gradient, times.f16.gradient].map((values) => `${median(values).toFixed(2)} ms`);
  console.log(`| ${item.room} | ${item.shape} | ${cells.join(' | ')} | ${(total(times.f32) / total(times.f16)).toFixed(2)} × |`);
  for (const tensor of TYPES.flatMap((type) => Object.values(inputs[type]))) tensor.dispose();
}
