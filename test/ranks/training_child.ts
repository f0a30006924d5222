/** Trains as one rank of test/mpi_training.test.ts and of `npm run ranks`, one job after another. */
import { readFileSync, writeFileSync } from 'node:fs';
import { together } from '../../train/cli/together.ts';
import { evaluate } from '../../train/commands/evaluate.ts';
import { train, type TrainOptions } from '../../train/commands/train.ts';
import type { TrainConfig } from '../../train/run/config_keys.ts';
import { type Death, prepare } from './deaths.ts';
import { measuring } from './launch.ts';
import { Stopwatch } from './stopwatch.ts';

/** A training. */
export interface TrainingJob extends TrainOptions {
  readonly config: TrainConfig;
  /** The rank that is asked to stop before the first step; none if omitted. */
  readonly asked?: number;
  /** What the last rank has in its configuration in place of `train`. */
  readonly ofLast?: Partial<TrainConfig['train']>;
  /** What befalls a rank. */
  readonly death?: Death;
  /** A file for what rank 0 spends its time on. */
  readonly timed?: string;
  /** A file for the numbers of the model that `out` holds, which is measured then and not trained. */
  readonly json?: string;
}

const jobs = JSON.parse(readFileSync(process.argv[2], 'utf8')) as readonly TrainingJob[];
process.exitCode = await together(() => jobs[0].config, async (_, world) => {
  let code = 0;
  for (const { config, asked, ofLast, death, timed, json, ...options } of jobs) {
    if (json !== undefined) {
      await evaluate(config, measuring(options.out, json), world);
      continue;
    }
    const isLast = world.rank === world.size - 1;
    const own = { ...config, train: { ...config.train, ...(isLast ? ofLast : {}) } };
    if (world.rank === death?.rank) prepare(death, world);
    const stopwatch = timed === undefined || world.rank > 0 ? undefined : new Stopwatch(world);
    const training = train(own, options, world);
    if (world.rank === asked) process.emit('SIGUSR1', 'SIGUSR1');
    code = await training;
    if (stopwatch !== undefined) writeFileSync(timed as string, JSON.stringify(stopwatch.times));
  }
  return code;
});
process.exit();
