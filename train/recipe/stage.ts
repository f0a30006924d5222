import { dispose, type Gpu, type Tensor } from '../../engine/index.ts';
import type { BatchMoments } from '../../model/parts/batch_moments.ts';
import { type GradientOptions, recordGradient, type Sum, type Wire } from './gradient.ts';
import type { Optimizer } from './optimizer/index.ts';
import { learningRate, type Schedule } from './schedule.ts';
import { SharedStep, type Sharing } from './sharing.ts';
import { type StepReport, StepReports } from './step_reports.ts';

/** A stretch of training with one optimiser, one schedule and one loss. */
export interface StageOptions<Batch> {
  readonly gpu: Gpu;
  readonly optimizer: Optimizer;
  readonly schedule: Schedule;
  readonly steps: number;
  /** Steps done before, when resuming. */
  readonly done?: number;
  /** Micro-batches of one step; their mean loss is differentiated. */
  readonly accumulation?: number;
  /** How their gradients are added; as a tree if omitted. */
  readonly sum?: Sum;
  /** How they travel between processes; in f32 if omitted. */
  readonly wire?: Wire;
  /** With other processes, which have micro-batches of each step, too; omitted, this one has them all. */
  readonly sharing?: Sharing;
  /** What batch norms see of the micro-batches, where other processes have some of them. */
  readonly moments?: BatchMoments;
  /** Loads a micro-batch. Called one step ahead, so that it works while the GPU does. */
  readonly prepare: (step: number, micro: number) => Promise<Batch>;
  /** Puts a micro-batch into the tensors that `loss` reads. */
  readonly feed: (batch: Batch, step: number, micro: number) => void;
  /**
   * Records the loss of a micro-batch. It is recorded once and replayed in every step: nothing in it may come from the
   * host.
   */
  readonly loss: (micro: number) => Tensor;
  /** Called while programs are compiled, before the first step; not if there are none to compile. */
  readonly onCompile?: (done: number, total: number) => void;
  /** Called for every step, in order, once its numbers are back; later steps may be under way by then. */
  readonly onStep: (report: StepReport) => void;
  /** Called before every step with the seconds that it waited for its micro-batches. */
  readonly onWait?: (seconds: number) => void;
  /** Asked after every step: whether to wait until nothing is under way, and then to call `onPause`. */
  readonly pausesAfter?: (step: number) => boolean;
  /** Ends the stage by returning false. */
  readonly onPause?: (step: number) => Promise<boolean> | boolean;
  /** Called before an error is thrown that leaves the GPU sound, with the steps that were done: all are reported. */
  readonly onFailure?: (step: number) => Promise<void>;
}

/**
 * Records an optimiser step over the mean loss of its micro-batches. Returns each loss, and what `Optimizer.step`
 * tells.
 */
export function recordStep(optimizer: Optimizer, accumulation: number, loss: (micro: number) => Tensor,
  how: Pick<GradientOptions, 'sum' | 'wire'> = {}): { losses: readonly Tensor[]; control: Tensor } {
  return { losses: recordGradient(optimizer, { accumulation, ...how }, loss), control: optimizer.step() };
}

/** Trains from step `done` to `steps`, or until `onPause` says stop. Returns the steps done. */
export async function trainStage<Batch>(options: StageOptions<Batch>): Promise<number> {
  const { gpu, optimizer, schedule, steps, done = 0, accumulation = 1, sharing, pausesAfter = () => false,
    onPause = () => true } = options;
  const { first, count } = sharing?.share ?? { first: 0, count: accumulation };
  const load = (step: number) => Promise.all(Array.from({ length: count }, (_, i) => options.prepare(step, first + i)));
  using reports = new StepReports(gpu, { accumulation, done, lr: (step) => learningRate(schedule, step),
    onStep: options.onStep, isShared: sharing !== undefined });
  using step = sharing === undefined
    ? wholeStep(options, reports)
    : new SharedStep(gpu, optimizer, { accumulation, sum: options.sum, wire: options.wire, loss: options.loss,
      moments: options.moments, append: (losses, control) => reports.append([losses], control) }, sharing);
  let next = load(done);
  next.catch(() => undefined); // thrown where it is awaited
  let reached = done;
  try {
    // first of all, because a driver may take long over it, and the batch is loaded meanwhile
    const compile = async () => done < steps && gpu.compile(() => step.record(), options.onCompile);
    await (sharing === undefined ? compile() : sharing.ready(compile));
    for (let index = done; index < steps; index++) {
      const begin = performance.now();
      const loaded = await next;
      options.onWait?.((performance.now() - begin) / 1000);
      loaded.forEach((batch, i) => options.feed(batch, index, first + i));
      optimizer.schedule(optimizer.groups.map((group) => learningRate(schedule, index, group.lrScale)));
      await step.run(index + 1);
      reached = index + 1;
      next = reached < steps ? load(reached) : Promise.resolve([]);
      // an error in loading is thrown by the await of the next turn, not as unhandled meanwhile
      next.catch(() => undefined);
      await reports.submitted();
      if (!pausesAfter(reached)) continue;
      await reports.drain();
      if (!(await onPause(reached))) return reached;
    }
    await reports.drain();
  } catch (error) {
    if (isSound(gpu)) {
      await reports.drain().catch(() => undefined); // the first error is the one to throw
      await options.onFailure?.(reached);
    }
    throw error;
  }
  return steps;
}

/** A step of one process, in one captured part. */
function wholeStep<Batch>({ gpu, optimizer, accumulation = 1, loss, sum, wire }: StageOptions<Batch>,
  reports: StepReports) {
  const captured = gpu.capture(() => {
    const { losses, control } = recordStep(optimizer, accumulation, loss, { sum, wire });
    reports.append(losses, control);
  });
  return { record: () => captured.run(), run: async () => captured.run(), [dispose]: () => captured.dispose() };
}

/** Whether what the GPU holds is what the steps computed. */
function isSound(gpu: Gpu): boolean {
  try {
    gpu.check();
    return true;
  } catch {
    return false; // poisoned or closed, whatever the reason
  }
}
