import { backward, type Gpu, NonFiniteError, type Tensor } from '../engine/index.ts';
import { scale } from '../kernels/elementwise/index.ts';
import type { AdamW } from './optimizer.ts';
import { learningRate, type Schedule } from './schedule.ts';

/** Steps in a row that may be skipped for a gradient that is not finite. */
const MAX_SKIPPED = 20;

/** What one optimiser step did. */
export interface StepReport {
  /** Optimiser steps done, this one included. */
  readonly step: number;
  /** Mean over the micro-batches. */
  readonly loss: number;
  /** Norm of the gradient before clipping. */
  readonly gradNorm: number;
  /** Learning rate of the base group. */
  readonly lr: number;
  /** The gradient was not finite and nothing was changed. */
  readonly skipped: boolean;
}

/** A stretch of training with one optimiser, one schedule and one loss. */
export interface StageOptions<Batch> {
  readonly gpu: Gpu;
  readonly optimizer: AdamW;
  readonly schedule: Schedule;
  readonly steps: number;
  /** Steps done before, when resuming. */
  readonly done?: number;
  /** Micro-batches of one step; their mean loss is differentiated. */
  readonly accumulation?: number;
  /** Loads a micro-batch. Called one step ahead, so that it works while the GPU does. */
  readonly prepare: (step: number, micro: number) => Promise<Batch>;
  /** Records the loss of a micro-batch. */
  readonly loss: (batch: Batch, step: number, micro: number) => Tensor;
  /** Called after every step; stops the stage by returning false. */
  readonly onStep: (report: StepReport) => Promise<boolean> | boolean;
}

/** Trains from step `done` to `steps`, or until `onStep` says stop. Returns the steps done. */
export async function trainStage<Batch>(options: StageOptions<Batch>): Promise<number> {
  const { gpu, optimizer, schedule, steps, done = 0, accumulation = 1 } = options;
  const load = (step: number) => Promise.all(Array.from({ length: accumulation }, (_, micro) => options.prepare(step, micro)));
  let skipped = 0;
  let next = load(done);
  for (let step = done; step < steps; step++) {
    const batches = await next;
    const lrs = optimizer.groups.map((group) => learningRate(schedule, step, group.lrScale));
    optimizer.zeroGrad();
    optimizer.schedule(lrs);
    const recorded = gpu.scope(() => {
      const losses = batches.map((batch, micro) => gpu.scope(() => {
        const loss = options.loss(batch, step, micro);
        backward(accumulation === 1 ? loss : scale(loss, 1 / accumulation));
        return loss.detach();
      }));
      return [...losses, optimizer.step()];
    });
    next = step + 1 < steps ? load(step + 1) : Promise.resolve([]);
    next.catch(() => undefined); // an error in loading is thrown by the await of the next turn, not as unhandled meanwhile
    const results = (await gpu.read(recorded)) as Float32Array[];
    for (const tensor of recorded) tensor.dispose();
    const [gradNorm, , notFinite] = results[results.length - 1];
    const loss = results.slice(0, -1).reduce((sum, [value]) => sum + value, 0) / accumulation;
    if (notFinite !== 0) {
      optimizer.undoCount();
      if (++skipped >= MAX_SKIPPED) throw new NonFiniteError(`the gradient of ${skipped} steps in a row`, step + 1);
    } else {
      skipped = 0;
    }
    const goOn = await options.onStep({ step: step + 1, loss, gradNorm, lr: learningRate(schedule, step), skipped: notFinite !== 0 });
    if (!goOn) return step + 1;
  }
  return steps;
}
