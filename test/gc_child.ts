// Run as a child by engine_errors.test.ts: collects garbage between dispatches. Dawn dies here if its instance is not
// pinned.
import { open, Tensor } from '../engine/index.ts';
import { gelu } from '../kernels/gelu/index.ts';

const gpu = await open();
let alive = 0;
for (let i = 0; i < 20; i++) {
  for (let block = 0; block < 4; block++) new ArrayBuffer(64 << 20);
  globalThis.gc?.();
  using x = Tensor.from(gpu, Float32Array.of(i));
  using y = gelu(x, 'gelu');
  await y.read();
  alive++;
}
console.log(`alive ${alive}`);
await gpu.close();
process.exit(0);
