/** A training as small as may be, in which everything draws at random or keeps a state that can. */
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Gpu } from '../../engine/index.ts';
import { sentences } from '../../model/templates.ts';
import { CheckpointStore } from '../../train/checkpoint/store.ts';
import type { Files } from '../../model/checkpoint/files.node.ts';
import { Progress } from '../../train/log/progress.ts';
import { RunRecorder } from '../../train/log/recorder.ts';
import { readRunLog } from '../../train/log/run_log.ts';
import { writeMovingShapes } from '../../train/moving_shapes/files.ts';
import { parseConfig } from '../../train/run/config.ts';
import type { TrainConfig } from '../../train/run/config_keys.ts';
import { fit, type Fitted, STORE_FOLDER } from '../../train/run/fit.ts';
import { StopRequest } from '../../train/run/stop.ts';
import { writeTiny } from '../tiny_checkpoint.ts';

/**
 * Writes clips, one of which cannot be decoded, and a checkpoint to start from. Order of clips, frames, crops, flips,
 * colours, mixes, templates, dropped paths, accumulation and text: all of them draw.
 */
export async function writeScene(gpu: Gpu, folder: string): Promise<TrainConfig> {
  const data = await writeMovingShapes(join(folder, 'data'), 5, { train: 6, testSeen: 1, testUnseen: 1, stills: 1 });
  const [list, labels] = [join(folder, 'train.txt'), join(folder, 'labels.csv')];
  writeFileSync(list, readFileSync(data.lists.train, 'utf8').replace(/ (\d+)$/gm, (_, label) => ` ${label % 3}`));
  // it is replaced by others
  writeFileSync(join(data.folder, 'broken.mp4'), 'nonsense');
  appendFileSync(list, 'broken.mp4 1\n');
  writeFileSync(labels, 'id,name\n0,up\n1,down\n2,away\n');
  const start = join(folder, 'tiny');
  await writeTiny(gpu, start, { texts: sentences('paper', ['up', 'down', 'away']), frames: 4 });
  return parseConfig(
    JSON.stringify({
      model: { checkpoint: start, dropPath: 0.3 },
      data: { train: list, labels, root: data.folder, frames: 4, size: 32, templates: 'paper', maxBadShare: 0.2 },
      train: { steps: 6, warmupSteps: 1, batch: 2, accumulation: 2, tune: 'both', recompute: true },
      optim: { lr: 1e-3 },
      run: { seed: 9, logEverySteps: 1, checkpointEverySteps: 100 },
    }),
    'scene.yaml',
  );
}

export interface TrainOptions {
  /** Goes on from the last checkpoint, if there is one. */
  readonly resume?: boolean | undefined;
  readonly files?: Files | undefined;
  readonly progress?: Progress | undefined;
}

/** What a training came to. */
export type Trained = Pick<Fitted, 'step' | 'isDone' | 'isSaved'> & { readonly exitCode: number | undefined };

/** Trains in a folder, which keeps what a run keeps. */
export async function train(gpu: Gpu, config: TrainConfig, folder: string,
  { resume, files, progress }: TrainOptions = {}): Promise<Trained> {
  using stop = new StopRequest();
  const store = await CheckpointStore.open(join(folder, STORE_FOLDER), files);
  try {
    const resumed = resume ? await store.latest() : undefined;
    const recorder = new RunRecorder(folder, { progress: progress ?? new Progress({ quiet: true }),
      resumeAfter: resumed?.state.step });
    try {
      const { system, step, isDone, isSaved } = await fit({ gpu, config, folder, stage: 'xclip', recorder, stop, store,
        resumed });
      system.model.dispose();
      return { step, isDone, isSaved, exitCode: stop.code };
    } finally {
      recorder.finish();
    }
  } finally {
    await store.close();
  }
}

/** Files of a run whose bytes are the same however often it was stopped. */
const SAME = /\.safetensors$|^config\.json$/;

/** Each process writes one, called after the time. */
const EACH_ITS_OWN = /^tensorboard/;

/** What a run logs that does not tell the time. */
const losses = (run: string) =>
  readRunLog(join(run, 'log.jsonl')).map(({ step, values }) => [step, values.loss, values.gradNorm].join(' ')).join(
    '\n',
  );

/** How the files of a run differ from those of another one: which are there, and their bits. */
export function differences(run: string, quiet: string): string[] {
  const [own, others] = [run, quiet].map((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) =>
      join(entry.parentPath, entry.name).slice(folder.length + 1)
    ).filter((file) => !EACH_ITS_OWN.test(file)).sort()
  );
  const missing = others.filter((file) => !own.includes(file)).map((file) => `${file} is missing`);
  const left = own.filter((file) => !others.includes(file)).map((file) => `${file} is left over`);
  const changed = own.filter((file) =>
    SAME.test(file) && others.includes(file)
    && !readFileSync(join(run, file)).equals(readFileSync(join(quiet, file)))
  ).map((file) => `${file} has other bits`);
  const told = losses(run) === losses(quiet) ? [] : ['log.jsonl tells of other steps'];
  return [...missing, ...left, ...changed, ...told];
}
