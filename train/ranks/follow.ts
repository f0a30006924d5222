import type { Gpu } from '../../engine/index.ts';
import type { World } from '../../mpi/world.ts';
import { SILENT } from '../log/recorder.ts';
import type { TrainConfig } from '../run/config_keys.ts';
import { type FitOptions, fit } from '../run/fit.ts';
import type { StopRequest } from '../run/stop.ts';
import { receiveCheckpoint } from './sent_checkpoint.ts';

interface FollowOptions extends Required<Pick<FitOptions, 'data' | 'folder' | 'fellows'>> {
  readonly gpu: Gpu;
  readonly world: World;
  readonly config: TrainConfig;
  readonly stop: StopRequest;
  readonly validation?: FitOptions['validation'];
}

/**
 * Trains as a rank other than 0, which alone decides where the run begins, tells how it goes and leaves a folder.
 * Returns the exit status.
 */
export async function follow({ world, ...options }: FollowOptions): Promise<number> {
  await using received = await receiveCheckpoint(world);
  const { config, stop } = options;
  const { system, isDone } = await fit({ ...options, stage: config.model.system, recorder: SILENT,
    resumed: received.saved });
  system.model.dispose();
  return isDone ? 0 : (stop.code ?? 1);
}
