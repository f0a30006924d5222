import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { FirstlightError, type Gpu, open } from '../../engine/index.ts';
import type { System } from '../../model/systems/system.ts';
import { tuned } from '../../kernels/tuned.ts';
import { hasCheckpoint } from '../checkpoint/store.ts';
import type { TrainConfig } from '../run/config_keys.ts';
import { prepareMovingShapes } from '../moving_shapes/data_set.ts';
import type { MovingShapesFolder } from '../moving_shapes/files.ts';
import { clipWork, leaveClip } from '../moving_shapes/clip_stage.ts';
import { expectedSeconds, isTooSlow } from '../moving_shapes/expectation.ts';
import { guessesOf } from '../moving_shapes/guesses.ts';
import { predictions, testSets } from '../moving_shapes/measure.ts';
import { FULL, SMOKE, videoConfig } from '../moving_shapes/plan.ts';
import { clipsOf, type Measured } from '../moving_shapes/report_data.ts';
import { trainVideo, videoWork } from '../moving_shapes/video_stage.ts';
import { STORE_FOLDER } from '../run/fit.ts';
import { roughly } from '../log/progress.ts';
import { RunRecorder } from '../log/recorder.ts';
import { RESULT_FILE } from '../report/write.ts';
import { StopRequest } from '../run/stop.ts';
import { Clock, freeFolder, leaveResult } from './demo_result.ts';

export interface DemoOptions {
  readonly seed: number;
  readonly precision: TrainConfig['train']['precision'];
  /** A short run that reaches no target. */
  readonly smoke?: boolean;
  /** Train in full on an adapter that takes hours. */
  readonly patient?: boolean;
  /** Run folder; by default the first of `runs/demo-1`, `runs/demo-2`, … that is free. */
  readonly out?: string;
  /** Where the data set is, or will be written. */
  readonly data?: string;
}

const RUNS = 'runs';

/**
 * The main job: writes *Moving shapes* as video files, trains CLIP on its pictures and X-CLIP and CLIP-Mean on its
 * clips, measures them on clips that they have not seen, and leaves a run folder with a report. Returns the exit
 * status: 0 if every target was reached, 1 if one was missed (a short run has none).
 */
export async function demo(
  { seed, precision, smoke = false, patient = false, out = freeFolder(RUNS), data: dataFolder }: DemoOptions,
): Promise<number> {
  using stop = new StopRequest();
  const plan = smoke ? SMOKE : FULL;
  if (existsSync(join(out, RESULT_FILE)) || (await hasCheckpoint(join(out, STORE_FOLDER)))) {
    throw new FirstlightError('FL_RUN_EXISTS', `${out} already holds a run`, { out },
      'name another folder than this: --out');
  }
  await using gpu = await open({ tuning: tuned, warms: true });
  gpu.requireType(precision);
  const seconds = await expectedSeconds(gpu, plan);
  if (isTooSlow(seconds, patient)) {
    console.log(
      `On ${gpu.name} the whole run would take ${
        roughly(seconds)
      }.\n  a small one, which learns little:  npx firstlight demo --smoke\n  all of it nevertheless:            npx firstlight demo --patient\n\`npx firstlight doctor\` says how to get a faster adapter.`,
    );
    return 1;
  }
  console.log(`X-CLIP learns to see motion, in ${roughly(seconds)}.\n`);
  if (gpu.warmer !== undefined) await warmStages(gpu, { seed, precision });
  mkdirSync(out, { recursive: true });
  const clock = new Clock();
  const data = await clock.time('Data set',
    () =>
      prepareMovingShapes(dataFolder ?? join(RUNS, `moving_shapes_${smoke ? 'smoke_' : ''}${seed}`), seed, plan.sizes,
        stop));
  const recorder = new RunRecorder(out);
  try {
    const clipFolder = join(out, 'clip');
    await clock.time('Stage 1: CLIP', () =>
      leaveClip(clipFolder, { gpu, data, seed, precision, steps: plan.clipSteps, recorder, stop }));
    const train = async (stage: string, config: TrainConfig, folder: string): Promise<System> =>
      (await trainVideo({ gpu, config, folder, stage, recorder, stop })).system;
    const lists = { train: data.lists.train, val: data.lists.testSeen, labels: data.labels.seen, root: data.folder };
    const config = videoConfig('xclip', { steps: plan.videoSteps, data: lists, clip: clipFolder, seed, precision });
    const xclip = await clock.time('Stage 2: X-CLIP', () => train('X-CLIP', config, out));
    const clipMean = await clock.time('Stage 2: CLIP-Mean', () =>
      train('CLIP-Mean', { ...config, model: { ...config.model, system: 'clip-mean' } }, join(out, 'clip_mean')));
    const measured = await clock.time('Evaluation', () =>
      measure(gpu, { xclip, clipMean, data, seed, recorder, stop }));
    const clips = await clipsOf(gpu, xclip, measured);
    xclip.model.dispose();
    clipMean.model.dispose();
    recorder.flush();
    return await leaveResult({ gpu, out, seed, smoke, config, measured, clips, timings: clock.timings });
  } finally {
    recorder.finish();
  }
}

/** Lets other processes compile what the stages will run, while the data set is written and the first one trains. */
async function warmStages(gpu: Gpu, options: Pick<DemoOptions, 'seed' | 'precision'>): Promise<void> {
  const first = gpu.warm(await clipWork(gpu, options.precision));
  const others = async () => {
    await Promise.all(first.map(({ seconds }) => seconds)); // going through them takes a moment, too
    for (const system of ['xclip', 'clip-mean'] as const) gpu.warm(await videoWork(gpu, system, options));
  };
  others().catch(() => undefined); // the run has ended, or will say what is wrong
}

interface Trained {
  readonly xclip: System;
  readonly clipMean: System;
  readonly data: MovingShapesFolder;
  readonly seed: number;
  readonly recorder: RunRecorder;
  readonly stop: StopRequest;
}

async function measure(gpu: Gpu, { xclip, clipMean, data, seed, recorder, stop }: Trained): Promise<Measured> {
  const { seen, unseen } = testSets(data, seed);
  const run = async (name: string,
    ...[system, set, presentation]: [System, typeof seen, 'forwards' | 'backwards' | 'shuffled']) => {
    stop.throwIfRequested('evaluation');
    recorder.stage(name, set.dataset.entries.length);
    return predictions(gpu, system, set, presentation, recorder.progress);
  };
  const both = async (name: string, system: System, presentation: 'forwards' | 'backwards' | 'shuffled') => [
    ...guessesOf(seen, await run(name, system, seen, presentation)),
    ...guessesOf(unseen, await run(name, system, unseen, presentation)),
  ];
  const measured = {
    seen,
    unseen,
    xclip: { seen: await run('test, seen', xclip, seen, 'forwards'),
      unseen: await run('test, unseen', xclip, unseen, 'forwards') },
    shuffled: await both('shuffled', xclip, 'shuffled'),
    clipMean: [...(await both('CLIP-Mean', clipMean, 'forwards')), ...(await both('CLIP-Mean', clipMean, 'backwards'))],
  };
  recorder.progress.stop();
  return measured;
}
