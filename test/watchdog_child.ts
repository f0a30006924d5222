// Run as a child by watchdog.test.ts, because work that does not end can only be left with its process. Ends as a
// command of Firstlight does.
import { Kernel, open, Tensor } from '../engine/index.ts';
import { exitCodeOf, explain } from '../train/cli/failure.ts';

const SPIN = `@group(0) @binding(0) var<storage, read_write> flag: array<atomic<u32>>;
@compute @workgroup_size(1) fn spin() { loop { if (atomicLoad(&flag[0]) == 1u) { break; } } }`;
const COUNT = `struct Params { turns: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> flag: array<atomic<u32>>;
@compute @workgroup_size(1) fn count() { for (var i = 0u; i < params.turns; i++) { atomicAdd(&flag[1], 1u); } }`;

const spin = new Kernel('spin', [{ file: 'spin.wgsl', text: SPIN }]);
const count = new Kernel('count', [{ file: 'count.wgsl', text: COUNT }]);

const WAYS: Readonly<Record<string, () => Promise<void>>> = {
  /** Waits for work that never ends. */
  async wait() {
    await using gpu = await open({ watchdog: { seconds: 1 } });
    using flag = Tensor.from(gpu, new Uint32Array(2));
    count.run(gpu, { tensors: { flag }, params: { turns: 1 }, grid: 1 });
    gpu.recorder.flush();
    spin.run(gpu, { tensors: { flag }, grid: [3, 2, 1] });
    await flag.read();
  },
  /** Leaves while such work is under way. */
  async leave() {
    await using gpu = await open({ watchdog: { seconds: 1 } });
    const flag = gpu.keep(Tensor.from(gpu, new Uint32Array(2)));
    spin.run(gpu, { tensors: { flag }, grid: 1 });
    gpu.recorder.flush();
  },
  /** Has a handler of its own, and goes on after it. */
  async handle() {
    const gpu = await open({ watchdog: { seconds: 1, onTimeout: ({ code }) => console.log(`handled ${code}`) } });
    const flag = gpu.keep(Tensor.from(gpu, new Uint32Array(2)));
    spin.run(gpu, { tensors: { flag }, grid: 1 });
    await flag.read().catch(({ name }: Error) => console.log(`thrown ${name}`));
    try {
      flag.write(new Uint32Array(2));
    } catch (error) {
      console.log(`refused ${(error as Error).name}`);
    }
    await gpu.close();
    console.log('closed');
  },
  /** Waits for long work that ends. */
  async finish() {
    await using gpu = await open({ watchdog: { seconds: 30 } });
    using flag = Tensor.from(gpu, new Uint32Array(2));
    for (let i = 0; i < 4; i++) {
      count.run(gpu, { tensors: { flag }, params: { turns: 20_000_000 + i }, grid: 1 });
      gpu.recorder.flush();
    }
    const [, total] = await flag.read();
    console.log(`counted ${total}`);
  },
};

try {
  await WAYS[process.argv[2]]();
  process.exit(0);
} catch (error) {
  process.stderr.write(explain(error, false));
  process.exit(exitCodeOf(error));
}
