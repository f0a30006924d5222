// Run as a child: trains, and perhaps gives the GPU work that never ends, behind a step.
import { readFileSync } from 'node:fs';
import { type Gpu, Kernel, open, Tensor } from '../../engine/index.ts';
import { exitCodeOf, explain } from '../../train/cli/failure.ts';
import type { TrainConfig } from '../../train/run/config_keys.ts';
import { Progress } from '../../train/log/progress.ts';
import { train } from './scene.ts';

/** What the child is to do. */
export interface Job {
  readonly config: TrainConfig;
  readonly folder: string;
  readonly resume?: boolean;
  /** The step that the GPU hangs behind. */
  readonly hangsAfter?: number;
}

const SPIN = `@group(0) @binding(0) var<storage, read_write> flag: array<atomic<u32>>;
@compute @workgroup_size(1) fn spin() { loop { if (atomicLoad(&flag[0]) == 1u) { break; } } }`;

/** Seconds that a wait may take: while programs are compiled, and once it is known that the GPU hangs. */
const watchdog = { seconds: 300 };

/** Tells of each step as it is done. */
class Telling extends Progress {
  readonly #gpu: Gpu;
  readonly #hangsAfter: number | undefined;

  constructor(gpu: Gpu, hangsAfter: number | undefined) {
    super({ quiet: true });
    this.#gpu = gpu;
    this.#hangsAfter = hangsAfter;
  }

  override update(...call: Parameters<Progress['update']>): void {
    super.update(...call);
    process.stdout.write(`step ${call[0]}\n`);
    if (call[0] !== this.#hangsAfter) return;
    watchdog.seconds = 2;
    const flag = this.#gpu.keep(Tensor.from(this.#gpu, new Uint32Array(1)));
    new Kernel('spin', [{ file: 'spin.wgsl', text: SPIN }]).run(this.#gpu, { tensors: { flag }, grid: 1 });
    this.#gpu.recorder.flush();
  }
}

const { config, folder, resume, hangsAfter } = JSON.parse(readFileSync(process.argv[2], 'utf8')) as Job;
try {
  await using gpu = await open({ watchdog });
  await train(gpu, config, folder, { resume, progress: new Telling(gpu, hangsAfter) });
} catch (error) {
  process.stderr.write(explain(error, false));
  process.exit(exitCodeOf(error));
}
process.exit(0);
