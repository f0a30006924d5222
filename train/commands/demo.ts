import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { FirstlightError, type Gpu, open } from '../../engine/index.ts';
import type { System } from '../../model/systems/system.ts';
import { tuned } from '../../kernels/tuned.ts';
import { hasCheckpoint } from '../checkpoint/store.ts';
import { formatConfig } from '../run/config.ts';
import type { TrainConfig } from '../run/config_keys.ts';
import { CLASS_NAMES, MOTIONS } from '../moving_shapes/scenes.ts';
import { prepareMovingShapes } from '../moving_shapes/data_set.ts';
import type { MovingShapesFolder } from '../moving_shapes/files.ts';
import { clipWork, leaveClip } from '../moving_shapes/clip_stage.ts';
import { expectedSeconds, isTooSlow } from '../moving_shapes/expectation.ts';
import { guessesOf, predictions, testSets } from '../moving_shapes/measure.ts';
import { FULL, SMOKE, videoConfig } from '../moving_shapes/plan.ts';
import { clipsOf, confusionsOf, headlinesOf, type Measured, stagesOf } from '../moving_shapes/report_data.ts';
import { trainVideo, videoWork } from '../moving_shapes/video_stage.ts';
import { STORE_FOLDER } from '../run/fit.ts';
import { duration, roughly } from '../log/progress.ts';
import { LOG_FILE, RunRecorder } from '../log/recorder.ts';
import { readRunLog } from '../log/run_log.ts';
import { environmentOf } from '../run/machine.ts';
import { type ClipPrediction, type Headline, isMet, type ReportData, type Timing } from '../report/data.ts';
import { RESULT_FILE, writeReport } from '../report/write.ts';
import { StopRequest } from '../run/stop.ts';

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
  { seed, precision, smoke = false, patient = false, out = freeFolder(), data: dataFolder }: DemoOptions,
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
    return await finish({ gpu, out, seed, smoke, config, measured, clips, timings: clock.timings });
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

/** Seconds of each part. */
class Clock {
  readonly timings: Timing[] = [];

  async time<T>(name: string, work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await work();
    this.timings.push({ name, seconds: (performance.now() - start) / 1000 });
    return result;
  }
}

function freeFolder(): string {
  for (let i = 1;; i++) {
    const folder = join(RUNS, `demo-${i}`);
    if (!existsSync(folder)) return folder;
  }
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

interface Finished {
  readonly gpu: Gpu;
  readonly out: string;
  readonly seed: number;
  readonly smoke: boolean;
  readonly config: TrainConfig;
  readonly measured: Measured;
  readonly clips: readonly ClipPrediction[];
  readonly timings: readonly Timing[];
}

/** Writes the report and says what came out. */
async function finish(
  { gpu, out, seed, smoke, config, measured, clips, timings }: Finished,
): Promise<number> {
  const { motions, names } = confusionsOf(measured);
  const data: ReportData = {
    title: 'X-CLIP on moving shapes',
    summary:
      `A model that compares short videos with sentences learned from nothing to tell ${CLASS_NAMES.length} of them apart, such as "${
        CLASS_NAMES[0]
      }". No single frame tells ${
        MOTIONS.slice(0, 2).map((motion) => `"${motion}"`).join(' from ')
      }, and neither do all frames without their order: whoever passes 50\u00a0% over motions sees time.`,
    finishedAt: new Date().toISOString(),
    seed,
    headlines: headlinesOf(measured),
    stages: stagesOf(readRunLog(join(out, LOG_FILE))),
    confusions: [{ title: 'Motions, with the number of clips', confusion: motions }, {
      title: `All ${names.labels.length} names, ordered by group`,
      confusion: names,
    }],
    clips,
    environment: environmentOf(gpu),
    timings,
    config: formatConfig(config),
  };
  const report = await writeReport(out, data, { motions, short: smoke });
  console.log(`\n${tableOf(data.headlines)}\n`);
  console.log(`Time      ${timings.map(({ name, seconds }) => `${name} ${duration(seconds)}`).join(', ')}`);
  console.log(`Report    ${pathToFileURL(report).href}`);
  console.log(
    `Predict   npx firstlight predict ${measured.seen.dataset.entries[0].path} --checkpoint ${
      join(out, 'checkpoint')
    } --labels "a red square moving left, a red square moving right"`,
  );
  if (smoke) {
    console.log('This was the short form: it shows that all parts work. npx firstlight demo trains in full.');
    return 0;
  }
  return data.headlines.every(isMet) ? 0 : 1;
}

/** Results beside targets and ceilings. */
function tableOf(headlines: readonly Headline[]): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const rows = headlines.map(({ system, measure: what, value, goal, chance, clips }) => [
    system,
    what,
    percent(value),
    goal === undefined ? '' : `${goal.kind} ${percent(goal.value)}`,
    isMet({ value, goal }) ? '✓' : '✗',
    percent(chance),
    String(clips),
  ]);
  const table = [['system', 'measured', 'result', 'goal', '', 'chance', 'clips'], ...rows];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  const isNumber = (column: number) => [2, 5, 6].includes(column);
  return table.map((row) =>
    row.map((cell, column) => (isNumber(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column]))).join(
      '  ',
    ).trimEnd()
  ).join('\n');
}
