// Run as a child by resume.test.ts: trains until a step, and then gives the GPU work that never ends.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Gpu, Kernel, open, Tensor } from '../engine/index.ts';
import { CheckpointStore } from '../train/checkpoint/store.ts';
import { exitCodeOf, explain } from '../train/cli/failure.ts';
import type { TrainConfig } from '../train/run/config_keys.ts';
import { fit, STORE_FOLDER } from '../train/run/fit.ts';
import { Progress } from '../train/log/progress.ts';
import { RunRecorder } from '../train/log/recorder.ts';
import { StopRequest } from '../train/run/stop.ts';

const SPIN = `@group(0) @binding(0) var<storage, read_write> flag: array<atomic<u32>>;
@compute @workgroup_size(1) fn spin() { loop { if (atomicLoad(&flag[0]) == 1u) { break; } } }`;

/** Seconds that a wait may take: while programs are compiled, and once it is known that the GPU hangs. */
const watchdog = { seconds: 300 };

class Hanging extends Progress {
  readonly #gpu: Gpu;
  readonly #at: number;

  constructor(gpu: Gpu, at: number) {
    super({ quiet: true });
    this.#gpu = gpu;
    this.#at = at;
  }

  override update(...call: Parameters<Progress['update']>): void {
    super.update(...call);
    if (call[0] !== this.#at) return;
    watchdog.seconds = 2;
    const flag = this.#gpu.keep(Tensor.from(this.#gpu, new Uint32Array(1)));
    new Kernel('spin', [{ file: 'spin.wgsl', text: SPIN }]).run(this.#gpu, { tensors: { flag }, grid: 1 });
    this.#gpu.recorder.flush();
  }
}

const { config, folder, hangsAfter } = JSON.parse(readFileSync(process.argv[2], 'utf8')) as { config: TrainConfig;
  folder: string; hangsAfter: number };
try {
  await using gpu = await open({ watchdog });
  const store = await CheckpointStore.open(join(folder, STORE_FOLDER));
  try {
    using stop = new StopRequest();
    const recorder = new RunRecorder(folder, { progress: new Hanging(gpu, hangsAfter) });
    await fit({ gpu, config, folder, stage: 'xclip', recorder, stop, store });
  } finally {
    await store.close();
  }
} catch (error) {
  process.stderr.write(explain(error, false));
  process.exit(exitCodeOf(error));
}
process.exit(0);
