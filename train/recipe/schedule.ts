import { ConfigError } from '../../engine/errors.ts';

/**
 * Learning rates over a run: linear warm-up from zero, then half a cosine.
 * Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5, with one cycle and no restart.
 */
export interface Schedule {
  /**
   * `recipe`: as the official code steps timm's CosineLRScheduler. Its clock is the micro-batch; it ticks after an
   * optimiser step, so that the first two steps have rate 0 (the base rate if there is no warm-up, as timm has it); the
   * cosine runs over all of the run, warm-up included. `plain`: its clock is the optimiser step; the first step has
   * 1/warm-up of the rate, and the cosine starts at the warm-up's end.
   */
  readonly form: 'recipe' | 'plain';
  /** Rate of the base group at the end of the warm-up. */
  readonly baseLr: number;
  /** Rate at the end, the same for every group, however much its own base rate is scaled. */
  readonly minLr: number;
  /** Length of the warm-up: micro-batches for `recipe`, optimiser steps for `plain`. */
  readonly warmup: number;
  /** Length of the run, in the same unit as `warmup`. */
  readonly total: number;
  /**
   * Micro-batches of one epoch; those left over after the last whole optimiser step of an epoch are dropped. `recipe`
   * only.
   */
  readonly batchesPerEpoch?: number;
  /** Micro-batches of one optimiser step, 1 if omitted. `recipe` only. */
  readonly accumulation?: number;
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
  if (step === 0) return warmup === 0 ? baseLr : 0;
  const tick = tickAfter(schedule, step - 1);
  if (tick < warmup) return (baseLr * tick) / warmup;
  return halfCosine(baseLr, minLr, tick / total);
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
  };
}

/**
 * The learning-rate schedule of a run over a list that makes `batchesPerEpoch` micro-batches.
 * @throws ConfigError if the warm-up is as long as the run
 */
export function scheduleOf(config: ScheduleOptions, batchesPerEpoch: number): Schedule {
  const { epochs, warmupEpochs, steps, warmupSteps, accumulation } = config.train;
  const { lr, minLrRatio, schedule: form } = config.optim;
  // The recipe counts micro-batches, the plain form optimiser steps.
  const perEpoch = form === 'recipe' ? batchesPerEpoch : Math.floor(batchesPerEpoch / accumulation);
  const ofSteps = (
    count: number,
  ) => (form === 'recipe' ? microBatchesOf({ batchesPerEpoch, accumulation }, count) : count);
  const total = steps === null ? epochs * perEpoch : ofSteps(steps);
  const usual = Math.min(RECIPE.warmupEpochs * perEpoch, (total * RECIPE.warmupEpochs) / RECIPE.epochs);
  const warmup = warmupSteps !== null ? ofSteps(warmupSteps) : warmupEpochs !== null ? warmupEpochs * perEpoch : usual;
  if (warmup >= total) {
    const unit = form === 'recipe' ? 'micro-batches' : 'optimiser steps';
    const key = warmupSteps === null ? `train.warmupEpochs=${warmupEpochs}` : `train.warmupSteps=${warmupSteps}`;
    throw new ConfigError(key, [
      `the warm-up takes ${warmup} of the run's ${total} ${unit}, so the learning rate would never fall`,
    ], 'make the warm-up shorter than the run, or leave it out: it is a sixth of the run then, 5 epochs at most');
  }
  return { form, baseLr: lr, minLr: lr * minLrRatio, warmup, total, batchesPerEpoch, accumulation };
}

/** What the official recipe has. */
const RECIPE = { epochs: 30, warmupEpochs: 5 };
