import { learningRate } from '../recipe/schedule.ts';
import { type CheckResult, Comparison } from './comparison.ts';
import type { FixtureFile } from './fixture.ts';

interface ScheduleCase {
  readonly base_lr: number;
  readonly epochs: number;
  readonly iters_per_epoch: number;
  readonly warmup_epochs: number;
  readonly lr_min: number;
  readonly groups: readonly string[];
  readonly lr_used_at_iteration: readonly (readonly number[])[];
}

/** Factors on the base rate by the fixture's group names. */
const SCALES: Readonly<Record<string, number>> = { base: 1, x10: 10 };

/** The learning rate of every iteration, to 1e-12 of its value. */
export function verifySchedule(file: FixtureFile): CheckResult[] {
  return (file.json.cases as readonly ScheduleCase[]).map((item, i) => {
    const comparison = new Comparison(file.name, `schedule ${i}: ${item.epochs} epochs of ${item.iters_per_epoch}`);
    const schedule = {
      form: 'recipe' as const,
      baseLr: item.base_lr,
      minLr: item.lr_min,
      warmup: item.warmup_epochs * item.iters_per_epoch,
      total: item.epochs * item.iters_per_epoch,
      batchesPerEpoch: item.iters_per_epoch,
    };
    item.groups.forEach((group, column) => {
      const scale = SCALES[group];
      if (scale === undefined) return comparison.fail(`unknown group "${group}"`);
      const want = item.lr_used_at_iteration.map((row) => row[column]);
      const got = want.map((_, step) => learningRate(schedule, step, scale));
      comparison.compare(group, got, want, 1e-12 * Math.max(...want));
    });
    return comparison.result();
  });
}
