import { ConfigError } from '../../engine/errors.ts';

/** How learning rates may run. */
export const SCHEDULES = ['recipe', 'plain', 'epoch-cosine', 'milestones'] as const;

/**
 * Learning rates over a run: a linear warm-up, then half a cosine, or steps at milestones.
 * Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5, with one cycle and no restart.
 */
export interface Schedule {
  /**
   * `recipe`: as the official code steps timm's CosineLRScheduler. Its clock is the micro-batch; it ticks after an
   * optimiser step, so that the first two steps have rate 0 (the base rate if there is no warm-up, as timm has it); the
   * cosine runs over all of the run, warm-up included. `plain`: its clock is the optimiser step; the first step has
   * 1/warm-up of the rate, and the cosine starts at the warm-up's end.
   *
   * `epoch-cosine` and `milestones`: as MMAction2 runs them with mmengine. The rate is constant within an epoch: a
   * cosine of the number of epochs done, all of the run, warm-up included; or times a factor from each milestone on.
   * The warm-up is a factor on it. Their clock is the micro-batch; a step has the rate of its last one.
   */
  readonly form: (typeof SCHEDULES)[number];
  /** Rate of the base group at the end of the warm-up. */
  readonly baseLr: number;
  /** Rate at the end, the same for every group, however much its own base rate is scaled. */
  readonly minLr: number;
  /** Length of the warm-up: optimiser steps for `plain`, micro-batches for the others. */
  readonly warmup: number;
  /** Length of the run, in the same unit as `warmup`. */
  readonly total: number;
  /**
   * Micro-batches of one epoch; those left over after the last whole optimiser step of an epoch are dropped. Not for
   * `plain`.
   */
  readonly batchesPerEpoch?: number;
  /** Micro-batches of one optimiser step, 1 if omitted. Not for `plain`. */
  readonly accumulation?: number;
  /** Of `epoch-cosine` and `milestones`. */
  readonly epochs?: EpochSchedule;
}

/** What schedules have that change from epoch to epoch. */
export interface EpochSchedule {
  /** What the warm-up rises with. */
  readonly warmupBy: 'batch' | 'epoch';
  /** The share of the rate that it begins with. */
  readonly warmupStart: number;
  /** Of `milestones`: the rate is multiplied by `factor` from each of these epochs on, counted from 0. */
  readonly milestones: readonly number[];
  readonly factor: number;
}

/**
 * The learning rate of an optimiser step.
 * @param step counts from 0  @param scale multiplies the base rate of a group (the recipe's new parts have 10), not the
 * floor
 */
export function learningRate(schedule: Schedule, step: number, scale = 1): number {
  const baseLr = schedule.baseLr * scale;
  const { minLr, warmup, total } = schedule;
  if (schedule.form === 'plain') {
    if (step < warmup) return (baseLr * (step + 1)) / warmup;
    return halfCosine(baseLr, minLr, (step - warmup) / Math.max(1, total - warmup));
  }
  if (schedule.epochs !== undefined) return epochRate(schedule, schedule.epochs, step, baseLr);
  if (step === 0) return warmup === 0 ? baseLr : 0;
  const tick = tickAfter(schedule, step - 1);
  if (tick < warmup) return (baseLr * tick) / warmup;
  return halfCosine(baseLr, minLr, tick / total);
}

/** The rate of a step of `epoch-cosine` or `milestones`. */
function epochRate(schedule: Schedule, { warmupBy, warmupStart, milestones, factor }: EpochSchedule, step: number,
  baseLr: number): number {
  const { form, minLr, warmup, total, batchesPerEpoch = 1 } = schedule;
  const tick = tickAfter(schedule, step);
  const epoch = Math.floor(tick / batchesPerEpoch);
  const base = form === 'milestones'
    ? baseLr * factor ** milestones.filter((milestone) => milestone <= epoch).length
    : halfCosine(baseLr, minLr, epoch / (total / batchesPerEpoch));
  // mmengine's LinearLR over e epochs, or batches, rises in e − 1 steps: the last of them has the whole rate
  const [done, length] = warmupBy === 'epoch' ? [epoch, warmup / batchesPerEpoch] : [tick, Math.floor(warmup)];
  return done >= length - 1 ? base : base * (warmupStart + ((1 - warmupStart) * done) / (length - 1));
}

/** minLr + (baseLr − minLr)·(1 + cos(π·progress))/2, and minLr from progress 1 on. */
function halfCosine(baseLr: number, minLr: number, progress: number): number {
  if (progress >= 1) return minLr;
  return minLr + 0.5 * (baseLr - minLr) * (1 + Math.cos(Math.PI * progress));
}

/** The micro-batch, counted over the whole run, at whose end an optimiser step happened. */
function tickAfter(clock: Pick<Schedule, 'batchesPerEpoch' | 'accumulation'>, step: number): number {
  return microBatchesOf(clock, step) + (clock.accumulation ?? 1) - 1;
}

/**
 * Micro-batches that have gone by when an optimiser step begins, those that epochs leave over included: the clock of
 * `recipe`.
 */
export function microBatchesOf(
  { batchesPerEpoch, accumulation = 1 }: Pick<Schedule, 'batchesPerEpoch' | 'accumulation'>,
  steps: number,
): number {
  if (batchesPerEpoch === undefined) return steps * accumulation;
  const stepsPerEpoch = Math.max(1, Math.floor(batchesPerEpoch / accumulation));
  return Math.floor(steps / stepsPerEpoch) * batchesPerEpoch + (steps % stepsPerEpoch) * accumulation;
}

/** What a configuration says of the schedule. */
export interface ScheduleOptions {
  readonly train: {
    readonly epochs: number;
    /** Null: 5, or a sixth of the run if that is less. */
    readonly warmupEpochs: number | null;
    /** Optimiser steps instead of epochs. */
    readonly steps: number | null;
    /** Optimiser steps instead of `warmupEpochs`. */
    readonly warmupSteps: number | null;
    /** Micro-batches of an optimiser step. */
    readonly accumulation: number;
  };
  readonly optim: {
    readonly lr: number;
    /** The rate at the end, as a share of `lr`. */
    readonly minLrRatio: number;
    readonly schedule: Schedule['form'];
    readonly warmupBy: EpochSchedule['warmupBy'];
    readonly warmupStart: number;
    readonly milestones: readonly number[];
    readonly milestoneFactor: number;
  };
}

/**
 * The learning-rate schedule of a run over a list that makes `batchesPerEpoch` micro-batches.
 * @throws ConfigError if the warm-up is as long as the run
 */
export function scheduleOf(config: ScheduleOptions, batchesPerEpoch: number): Schedule {
  const { epochs, warmupEpochs, steps, warmupSteps, accumulation } = config.train;
  const { lr, minLrRatio, schedule: form, warmupBy, warmupStart, milestones, milestoneFactor: factor } = config.optim;
  // The plain form counts optimiser steps, the others micro-batches.
  const isPlain = form === 'plain';
  const perEpoch = isPlain ? Math.floor(batchesPerEpoch / accumulation) : batchesPerEpoch;
  const ofSteps = (count: number) => (isPlain ? count : microBatchesOf({ batchesPerEpoch, accumulation }, count));
  const total = steps === null ? epochs * perEpoch : ofSteps(steps);
  const usual = Math.min(RECIPE.warmupEpochs * perEpoch, (total * RECIPE.warmupEpochs) / RECIPE.epochs);
  const warmup = warmupSteps !== null ? ofSteps(warmupSteps) : warmupEpochs !== null ? warmupEpochs * perEpoch : usual;
  if (warmup >= total) {
    const unit = isPlain ? 'optimiser steps' : 'micro-batches';
    const key = warmupSteps === null ? `train.warmupEpochs=${warmupEpochs}` : `train.warmupSteps=${warmupSteps}`;
    throw new ConfigError(key, [
      `the warm-up takes ${warmup} of the run's ${total} ${unit}, so the learning rate would never fall`,
    ], 'make the warm-up shorter than the run, or leave it out: it is a sixth of the run then, 5 epochs at most');
  }
  const isByEpoch = form === 'milestones' || form === 'epoch-cosine';
  return { form, baseLr: lr, minLr: lr * minLrRatio, warmup, total, batchesPerEpoch, accumulation,
    ...(isByEpoch && { epochs: { warmupBy, warmupStart, milestones, factor } }) };
}

/** What the official recipe has. */
const RECIPE = { epochs: 30, warmupEpochs: 5 };
