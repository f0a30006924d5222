import { z } from 'zod';
import { shown } from '../../engine/shown.ts';
import { learningRate } from '../recipe/schedule.ts';
import { type CheckResult, Comparison } from './comparison.ts';
import type { FixtureFile } from './fixture.ts';

/** What the description must hold. */
export const schema = z.object({ cases: z.array(
  z.object({ base_lr: z.number(), epochs: z.number(), iters_per_epoch: z.number(), warmup_epochs: z.number(),
    lr_min: z.number(), groups: z.array(z.string()), lr_used_at_iteration: z.array(z.array(z.number())) }),
) });

/** Factors on the base rate by the fixture's group names. */
const SCALES: Readonly<Record<string, number>> = { base: 1, x10: 10 };

/** The learning rate of every iteration, to 1e-12 of its value. */
export function verifySchedule(file: FixtureFile): CheckResult[] {
  return file.described(schema).cases.map((item, i) => {
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
      const scale = Object.hasOwn(SCALES, group) ? SCALES[group] : undefined;
      if (scale === undefined) return comparison.fail(`unknown group "${shown(group)}"`);
      const want = item.lr_used_at_iteration.map((row) => row[column]);
      const got = want.map((_, step) => learningRate(schedule, step, scale));
      comparison.compare(group, got, want, 1e-12 * want.reduce((most, rate) => Math.max(most, rate), 0));
    });
    return comparison.result();
  });
}
