import { PRESETS } from '../../model/systems/config.ts';
import type { TrainConfig } from '../run/config_keys.ts';
import { parseConfig } from '../run/config.ts';
import { DEFAULT_SIZES, type MovingShapesSizes } from './files.ts';
import { warmupOf } from './warmup.ts';

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
export const BATCH = 16;

export interface VideoRecipe {
  readonly steps: number;
  /** Where clips and names are, and what else differs from the recipe. */
  readonly data: Partial<TrainConfig['data']>;
  /** The checkpoint to start from: the CLIP of stage 1; undefined: from nothing. */
  readonly clip?: string;
  /** What X-CLIP is left with. */
  readonly parts?: Partial<Pick<TrainConfig['model'], 'messages' | 'integration' | 'prompts'>>;
  /** Of the parts that come from the checkpoint. */
  readonly lr?: number;
  /** From nothing: times lr for a head. */
  readonly headLrScale?: number;
  /** How parts start that differ from those of X-CLIP. */
  readonly init?: Partial<TrainConfig['model']['init']>;
  readonly seed: number;
  readonly precision: TrainConfig['train']['precision'];
}

/** Stage 2 as a configuration, as a user would write it. */
export function videoConfig(system: TrainConfig['model']['system'],
  { steps, data, clip, parts, lr = 1e-3, headLrScale = 1, init, seed, precision }: VideoRecipe): TrainConfig {
  return parseConfig(
    JSON.stringify({
      // the parts that CLIP lacks learn from nothing, so they start with larger weights than the recipe's
      model: { system, ...parts, ...(clip === undefined ? { preset: 'tiny' } : { checkpoint: clip }),
        init: { mitPositions: 1, mitWeights: 0.15, promptWeights: 0.05, ...init } },
      data: { frames: system === 'clip-one' ? 1 : PRESETS.tiny.frames, size: PRESETS.tiny.vision.imageSize, crop: false,
        flip: false, jitter: 0, gray: 0, ...data },
      train: { steps, warmupSteps: warmupOf(steps), batch: BATCH, mixup: 0, cutmix: 0, precision },
      // from nothing all parts are new: one rate for all, but for a head that is said to learn faster
      optim: { lr, minLrRatio: 0, schedule: 'plain', maxGradNorm: 1,
        ...(clip === undefined && { newPartsLrScale: headLrScale, groups: 'recipe' }) },
      run: { seed, logEverySteps: 5 },
    }),
    'moving shapes',
  );
}
