import { type Gpu, noGrad, Tensor } from '../../engine/index.ts';
import { matmul } from '../../kernels/matmul/index.ts';
import type { Plan } from './plan.ts';

/** From here on a person is asked to choose. */
const TOO_SLOW_SECONDS = 3600;

/** Whether a run of so many seconds is to be asked for once more. @param patient it was */
export const isTooSlow = (seconds: number, patient: boolean): boolean => seconds > TOO_SLOW_SECONDS && !patient;

/** Side of the product that tells how fast an adapter is. */
const PROBE = 384;
const PROBES = 4;
/**
 * Floating-point operations of a step, counted as in `cost` of the rooms (a backward pass is two forward passes):
 * stage 1, X-CLIP, CLIP-Mean.
 */
export const STEP = { clip: 1.4e9, xclip: 3.4e9, clipMean: 2.1e9 };
/** Share of the product's speed that a whole step reaches on small layers. */
const SHARE = 0.5;

/** Floating-point operations of all steps of a run. */
export const workOf = ({ clipSteps, videoSteps }: Pick<Plan, 'clipSteps' | 'videoSteps'>): number =>
  clipSteps * STEP.clip + videoSteps * (STEP.xclip + STEP.clipMean);

/** How long the run will take. */
export const expectedSeconds = (gpu: Gpu, plan: Plan): Promise<number> => secondsOf(gpu, workOf(plan));

/** How long steps of tiny models take, from the speed of a matrix product on this adapter. */
export async function secondsOf(gpu: Gpu, flops: number): Promise<number> {
  using x = Tensor.from(gpu, new Float32Array(PROBE * PROBE).fill(1 / PROBE), [PROBE, PROBE]);
  const multiply = (times: number) =>
    gpu.scope(() =>
      noGrad(() => {
        for (let i = 0; i < times; i++) matmul(x, x);
      })
    );
  multiply(1); // compiles
  await gpu.sync();
  const start = performance.now();
  multiply(PROBES);
  await gpu.sync();
  const flopsPerSecond = (PROBES * 2 * PROBE ** 3) / ((performance.now() - start) / 1000);
  return flops / (SHARE * flopsPerSecond);
}
