import { PRESETS } from '../../model/systems/config.ts';
import type { TrainConfig } from '../run/config_keys.ts';
import { parseConfig } from '../run/config.ts';
import { DEFAULT_SIZES, type MovingShapesSizes } from './files.ts';

/** How much of everything. */
export interface Plan {
  readonly sizes: MovingShapesSizes;
  /** Steps of stage 1. */
  readonly clipSteps: number;
  /** Steps of stage 2, of X-CLIP and of CLIP-Mean alike. */
  readonly videoSteps: number;
}

/** Reaches the targets. */
export const FULL: Plan = { sizes: DEFAULT_SIZES, clipSteps: 900, videoSteps: 600 };

/** Shows that every part works, and learns little. */
export const SMOKE: Plan = { sizes: { train: 240, testSeen: 120, testUnseen: 24, stills: 432 }, clipSteps: 30,
  videoSteps: 12 };

/** Clips of one step of stage 2. */
const BATCH = 16;

/**
 * Stage 2 as a configuration, as a user would write it: it starts from the CLIP of stage 1.
 * @param options.data says where clips and names are
 */
export function videoConfig(system: TrainConfig['model']['system'],
  options: { plan: Plan; data: Partial<TrainConfig['data']>; clip: string; seed: number;
    precision: TrainConfig['train']['precision'] }): TrainConfig {
  const { plan, data, clip, seed, precision } = options;
  return parseConfig(
    JSON.stringify({
      // the parts that CLIP lacks learn from nothing, so they start with larger weights than the recipe's
      model: { system, checkpoint: clip, init: { mitPositions: 1, mitWeights: 0.15, promptWeights: 0.05 } },
      data: { ...data, frames: PRESETS.tiny.frames, size: PRESETS.tiny.vision.imageSize, crop: false, flip: false,
        jitter: 0, gray: 0 },
      train: { steps: plan.videoSteps, warmupSteps: Math.min(50, Math.ceil(plan.videoSteps / 10)), batch: BATCH,
        mixup: 0, cutmix: 0, precision },
      optim: { lr: 1e-3, minLrRatio: 0, schedule: 'plain', maxGradNorm: 1 },
      run: { seed, logEverySteps: 5 },
    }),
    'moving shapes',
  );
}
