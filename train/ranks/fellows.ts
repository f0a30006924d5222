import type { Gpu } from '../../engine/index.ts';
import type { World } from '../../mpi/world.ts';
import type { TrainConfig } from '../run/config_keys.ts';
import type { Described } from '../run/changes.ts';
import type { Fellows } from '../run/fit.ts';
import type { StopRequest } from '../run/stop.ts';
import { compareRuns, compareWeights } from './digest.ts';
import { sendWeights } from './sent_weights.ts';
import { shareOf } from './share.ts';

/** Long enough for the full speed of a line, short enough to set off while much of a backward pass is to come. */
export const BUCKET_BYTES = 16 << 20;

interface FellowsOptions {
  readonly gpu: Gpu;
  readonly config: TrainConfig;
  /** The run as this rank has it. */
  readonly now: Described;
  /** Made with `isShared`: it is granted in the exchange of a step, so that all ranks end after the same one. */
  readonly stop: StopRequest;
}

/** A rank's view of the others; undefined for one that is alone. */
export function fellowsOf(world: World, { gpu, config: { train, run }, now, stop }: FellowsOptions):
  | Fellows
  | undefined {
  const { rank, size } = world;
  if (size === 1) return undefined;
  const sum = train.sum === 'tree' ? world.sum.bind(world) : world.sumAnyhow.bind(world);
  /** Loading and compiling may take any time, and one rank much longer than another. */
  const met = () => world.barrier(Number.POSITIVE_INFINITY);
  const isFirstOfHost = world.host.rank === 0;
  let hasBegun = false;
  return {
    rank,
    size,
    onHost: world.host.size,
    gather: (value) => world.gather(value),
    share: shareOf(train.accumulation, world),
    bucketBytes: BUCKET_BYTES,
    ready: async (compile) => {
      if (isFirstOfHost) await compile();
      await met();
      if (!isFirstOfHost) await compile();
      await met();
    },
    numbers: (count, unit) => world.numbers(count, unit),
    sum: (numbers, into, step, add) => sum(numbers, { into, add, what: `the gradients of step ${step}` }),
    tell: () => stop.asked ?? 0,
    hear: (told) => {
      const code = told.find((each) => each !== 0);
      if (code !== undefined) stop.grant(code);
    },
    compareEvery: run.compareEverySteps,
    compare: async ({ model }, step) => {
      const isFirst = !hasBegun;
      if (isFirst) {
        hasBegun = true;
        await met();
        await compareRuns(world, gpu, { ...now, isMixed: run.mixedAdapters });
      }
      if (run.mixedAdapters) await sendWeights(world, gpu, model);
      else await compareWeights(world, gpu, model, isFirst ? 'at the start' : `after step ${step}`);
    },
  };
}
