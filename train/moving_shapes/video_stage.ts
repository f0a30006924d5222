import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Gpu } from '../../engine/index.ts';
import { writeText } from '../../model/checkpoint/files.node.ts';
import { CheckpointStore, hasCheckpoint } from '../checkpoint/store.ts';
import { RunRecorder } from '../log/recorder.ts';
import { formatConfig } from '../run/config.ts';
import type { TrainConfig } from '../run/config_keys.ts';
import { fit, type Fitted, STORE_FOLDER } from '../run/fit.ts';
import { runOneStep } from '../run/memory.ts';
import { beginningOf, CONFIG_FILE } from '../run/resuming.ts';
import { readRunData } from '../run/run_data.ts';
import type { StopRequest } from '../run/stop.ts';
import { modelConfigOf } from '../run/system.ts';
import { textsOf } from '../run/texts.ts';
import { type VideoRecipe, videoConfig } from './plan.ts';
import { CLASS_NAMES } from './scenes.ts';

export interface VideoStage {
  readonly gpu: Gpu;
  readonly config: TrainConfig;
  /** Run folder; made if it is not there. */
  readonly folder: string;
  /** What the log calls it. */
  readonly stage: string;
  /** One that other stages share; else the folder gets a log of its own. */
  readonly recorder?: RunRecorder;
  readonly stop: StopRequest;
}

/** What a step of a stage runs, for `Gpu.warm`: known before there is a CLIP to start from. */
export async function videoWork(gpu: Gpu, system: TrainConfig['model']['system'],
  { seed, precision }: Pick<VideoRecipe, 'seed' | 'precision'>): Promise<() => void> {
  const data = { train: 'train.txt', labels: 'labels.csv' }; // not read
  const config = videoConfig(system, { steps: 10, data, seed, precision });
  const model = await modelConfigOf(config, CLASS_NAMES);
  const texts = await textsOf(config, model, CLASS_NAMES);
  return () => void runOneStep(gpu, config, model, texts);
}

/**
 * Stage 2: expands a CLIP to video, as a configuration says, or trains from nothing; from where it was left, if it was.
 * @throws InterruptedError if it was asked to stop, which it does after a step that it saves
 */
export async function trainVideo({ gpu, config, folder, stage, recorder, stop }: VideoStage): Promise<Fitted> {
  mkdirSync(folder, { recursive: true });
  const data = readRunData(config);
  const now = { config: formatConfig(config, folder), data: data.identity };
  const storeFolder = join(folder, STORE_FOLDER);
  const resume = await hasCheckpoint(storeFolder);
  const store = await CheckpointStore.open(storeFolder);
  try {
    const { resumed } = await beginningOf(store, folder, { now, resume, allowed: [] });
    await writeText(join(folder, CONFIG_FILE), now.config);
    const own = recorder ?? new RunRecorder(folder, { resumeAfter: resumed?.state.step });
    try {
      const fitted = await fit({ gpu, config, data, folder, stage, recorder: own, stop, store, resumed });
      if (stop.code !== undefined) fitted.system.model.dispose();
      stop.throwIfRequested(`training of ${stage}`);
      return fitted;
    } finally {
      if (recorder === undefined) own.finish();
    }
  } finally {
    await store.close();
  }
}
