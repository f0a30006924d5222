/** Trains as one rank of test/mpi_training.test.ts and of `npm run ranks`, one job after another. */
import { readFileSync } from 'node:fs';
import { together } from '../../train/cli/together.ts';
import type { World } from '../../mpi/world.ts';
import { evaluate } from '../../train/commands/evaluate.ts';
import { train, type TrainOptions } from '../../train/commands/train.ts';
import type { TrainConfig } from '../../train/run/config_keys.ts';
import { measuring } from './launch.ts';

/** A training. */
export interface TrainingJob extends TrainOptions {
  readonly config: TrainConfig;
  /** The rank that is asked to stop before the first step; none if omitted. */
  readonly asked?: number;
  /** What the last rank has in its configuration in place of `train`. */
  readonly ofLast?: Partial<TrainConfig['train']>;
  /** The rank that is killed when it is about to take part in a collective, and in which one, from 1. */
  readonly killed?: readonly [rank: number, collective: number];
  /** A file for the numbers of the model that `out` holds, which is measured then and not trained. */
  readonly json?: string;
}

/** A world whose rank is killed ahead of a collective. */
function mortal(world: World, last: number): World {
  let left = last;
  return new Proxy(world, { get(real, name) {
    const value: unknown = Reflect.get(real, name, real);
    if (typeof value !== 'function') return value;
    return (...args: unknown[]) => {
      if (['barrier', 'broadcast', 'gather', 'sum'].includes(String(name)) && --left === 0) {
        process.kill(process.pid, 'SIGKILL');
      }
      return Reflect.apply(value, real, args);
    };
  } });
}

const jobs = JSON.parse(readFileSync(process.argv[2], 'utf8')) as readonly TrainingJob[];
process.exitCode = await together(() => ({ run: { collectiveMinutes: 10 } }), async (_, world) => {
  for (const { config, asked, ofLast, killed, json, ...options } of jobs) {
    if (json !== undefined) {
      await evaluate(config, measuring(options.out, json), world);
      continue;
    }
    const isLast = world.rank === world.size - 1;
    const own = { ...config, train: { ...config.train, ...(isLast ? ofLast : {}) } };
    const training = train(own, options, world.rank === killed?.[0] ? mortal(world, killed[1]) : world);
    if (world.rank === asked) process.emit('SIGUSR1', 'SIGUSR1');
    await training;
  }
  return 0;
});
process.exit();
