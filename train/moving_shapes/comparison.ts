/** One seed of the comparison of systems: each trained on the same clips for the same steps, and measured. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type Gpu, FirstlightError, parameterCount } from '../../engine/index.ts';
import { parseJson } from '../../engine/json.ts';
import { readRegularSync } from '../../engine/regular_file.node.ts';
import { writeText } from '../../model/checkpoint/files.node.ts';
import type { System } from '../../model/systems/system.ts';
import { readLabels, scanList } from '../data/sets/lists.ts';
import { drawShots, listText } from '../data/sets/shots.ts';
import { Progress } from '../log/progress.ts';
import { RunRecorder } from '../log/recorder.ts';
import { shareOf, topShare } from '../protocols/evaluation.ts';
import { evaluateSystem } from '../protocols/system_evaluation.ts';
import type { TrainConfig } from '../run/config_keys.ts';
import { datasetOf, MODEL_FOLDER } from '../run/fit.ts';
import { fileOf, listOf, namesOf } from '../run/lists.ts';
import { forwardMacs } from '../run/macs.ts';
import { estimateRun, memoryOf } from '../run/memory.ts';
import type { StopRequest } from '../run/stop.ts';
import { modelConfigOf } from '../run/system.ts';
import { textsOf, unknownTexts } from '../run/texts.ts';
import { leaveClip } from './clip_stage.ts';
import { prepareMovingShapes } from './data_set.ts';
import { STEP } from './expectation.ts';
import type { MovingShapesFolder, MovingShapesSizes } from './files.ts';
import { motionOf } from './guesses.ts';
import { BATCH, videoConfig } from './plan.ts';
import { CLASS_NAMES, SEEN } from './scenes.ts';
import type { ComparedSystem } from './systems.ts';
import { trainVideo } from './video_stage.ts';

/** How much of everything. */
export interface ComparisonPlan {
  readonly sizes: MovingShapesSizes;
  /** Of the CLIP that systems start from, if any of them does. */
  readonly clipSteps: number;
  /** Steps of every system alike. */
  readonly videoSteps: number;
  /** Clips of each unseen class that a system is trained on afterwards, and for how many steps; 0: it is not. */
  readonly shots: number;
  readonly shotSteps: number;
}

/** What a system came to with one seed. Shares are in 0..1. */
const schema = z.object({
  /** Top-1 on clips of the classes that it was trained on. */
  seen: z.number(),
  /** Of the same clips, those whose motion is told right, whatever colour and shape are taken for. */
  motions: z.number(),
  /** Top-1 on classes of which it saw a few clips, after the others; null: that was not asked. */
  shots: z.number().nullable(),
  /** Top-1 on classes of which it saw none; null: it has no texts, and knows of no other classes. */
  unseen: z.number().nullable(),
  parameters: z.number(),
  /** Multiply-adds of one clip and one text, forward. */
  macs: z.number(),
  /** On the GPU, at the worst moment of a training step, by the estimate. */
  bytes: z.number(),
  /** Of the training, decoding included. */
  clipsPerSecond: z.number(),
  /** Of training and measuring. */
  seconds: z.number(),
  /** Steps that it was trained for, and those on few clips. */
  steps: z.tuple([z.number(), z.number()]),
});
export type SystemResult = z.infer<typeof schema>;

/** What a system came to, in the folder of its run. */
export const SYSTEM_FILE = 'system.json';

export interface SeedOptions {
  readonly gpu: Gpu;
  readonly seed: number;
  /** Where everything of this seed is left: data set, CLIP, and a run folder for each system. */
  readonly folder: string;
  readonly plan: ComparisonPlan;
  readonly systems: readonly ComparedSystem[];
  readonly stop: StopRequest;
}

/** Results of one seed by key of the system. What is there already is not done again. */
export async function compareWithSeed(options: SeedOptions): Promise<ReadonlyMap<string, SystemResult>> {
  const { seed, folder, plan, systems, stop } = options;
  mkdirSync(folder, { recursive: true });
  const data = await prepareMovingShapes(join(folder, 'moving_shapes'), seed, plan.sizes, stop);
  const clip = join(folder, 'clip');
  const isNeeded = systems.some(({ fromClip }) => fromClip);
  if (isNeeded && !existsSync(join(clip, 'config.json'))) await trainedClip(clip, data, options);
  const shots = plan.shots > 0 ? splitUnseen(options, data) : undefined;
  const results = new Map<string, SystemResult>();
  for (const each of systems) {
    stop.throwIfRequested('the comparison', 'the same command goes on with it');
    results.set(each.key, await resultOf(each, { ...options, data, clip, shots }));
  }
  return results;
}

async function trainedClip(folder: string, data: MovingShapesFolder,
  { gpu, seed, plan, stop }: SeedOptions): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const recorder = new RunRecorder(folder);
  try {
    await leaveClip(folder, { gpu, data, seed, precision: 'f32', steps: plan.clipSteps, recorder, stop });
  } finally {
    recorder.finish();
  }
}

/** Lists of clips of the unseen classes. */
interface ShotLists {
  readonly train: string;
  readonly rest: string;
}

interface Prepared extends SeedOptions {
  readonly data: MovingShapesFolder;
  /** Checkpoint of stage 1. */
  readonly clip: string;
  readonly shots: ShotLists | undefined;
}

/** What a file of an earlier process says, or a training. */
async function resultOf(each: ComparedSystem, prepared: Prepared): Promise<SystemResult> {
  const { folder, seed, stop, gpu, plan } = prepared;
  const own = join(folder, each.key);
  const file = join(own, SYSTEM_FILE);
  const steps: SystemResult['steps'] = [plan.videoSteps, plan.shotSteps];
  if (existsSync(file)) return readResult(file, steps);
  const start = performance.now();
  const config = trainingOf(each, prepared);
  const { system, elapsedSeconds } = await trainVideo({ gpu, config, folder: own, stage: each.name, stop });
  const { model } = system;
  const measured = {
    ...await rightOf(gpu, system, config),
    unseen: model.texts === undefined ? null : (await rightOf(gpu, system, zeroShotOf(config, prepared))).seen,
    parameters: parameterCount(model),
    macs: forwardMacs(gpu, model.config),
    bytes: memoryOf(gpu, config, model.config, await textsOf(config, model.config, namesOf(config))).total,
    steps,
    clipsPerSecond: (plan.videoSteps * BATCH) / elapsedSeconds,
  };
  model.dispose();
  const { shots } = prepared;
  const result = { ...measured, shots: shots === undefined ? null : await fewShot(each, own, shots, prepared),
    seconds: (performance.now() - start) / 1000 };
  await writeText(file, `${JSON.stringify({ name: each.name, seed, ...result }, null, 2)}\n`);
  return result;
}

/** @throws FirstlightError of a system that was trained for other numbers of steps, beside which none can stand */
function readResult(file: string, steps: SystemResult['steps']): SystemResult {
  let result: SystemResult;
  try {
    result = schema.parse(parseJson(readRegularSync(file).toString()));
  } catch (cause) {
    throw new FirstlightError('FL_RESULT', `${file} does not say what a system came to`, { file },
      'remove it: the system is measured again', cause);
  }
  if (result.steps.join() === steps.join()) return result;
  throw new FirstlightError('FL_RESULT',
    `${file} is of ${result.steps.join(' and ')} steps, this comparison is of ${steps.join(' and ')}`, { file },
    'name another folder: --out');
}

/** Trains on a few clips of each unseen class, from where the training on the others ended. Returns its top-1. */
async function fewShot(each: ComparedSystem, trained: string, shots: ShotLists, prepared: Prepared): Promise<number> {
  const { gpu, stop } = prepared;
  const config = fewShotOf(each, join(trained, MODEL_FOLDER), shots, prepared);
  const folder = join(trained, 'few_shot');
  const { system } = await trainVideo({ gpu, config, folder, stage: `${each.name}, few-shot`, stop });
  const { seen } = await rightOf(gpu, system, config);
  system.model.dispose();
  return seen;
}

/** Shares of the clips of `data.val` whose name, and whose motion, is right. */
async function rightOf(gpu: Gpu, system: System, config: TrainConfig): Promise<Pick<SystemResult, 'seen' | 'motions'>> {
  const names = namesOf(config);
  const { entries } = listOf(config, 'val', names);
  await using dataset = datasetOf(config, { file: fileOf(config, 'val'), entries });
  const progress = new Progress();
  progress.start('evaluation', entries.length);
  try {
    const predictions = await evaluateSystem(gpu, system, dataset, names, { progress, batch: null });
    const motion = (label: number) => motionOf(CLASS_NAMES.indexOf(names[label]));
    return { seen: topShare(predictions, 1), motions: shareOf(predictions, ({ label, ranking: [guess] }) =>
      guess !== undefined && motion(guess.label) === motion(label)) };
  } finally {
    progress.stop();
  }
}

/** The training of a system on the seen classes. */
function trainingOf({ system, recipe, fromClip }: ComparedSystem, { seed, plan, data, clip }: Prepared): TrainConfig {
  const { lists, labels, folder: root } = data;
  return withCheckpoints(
    videoConfig(system, { ...recipe, steps: plan.videoSteps, clip: fromClip ? clip : undefined, seed, precision: 'f32',
      data: { train: lists.train, val: lists.testSeen, labels: labels.seen, root } }),
  );
}

/** The rate of few-shot training is a quarter of the other, as in the recipe (table 1 of the supplement). */
const SHOT_LR = 2.5e-4;

function fewShotOf({ system, recipe }: ComparedSystem, checkpoint: string, shots: ShotLists,
  { seed, plan, data }: Prepared): TrainConfig {
  return withCheckpoints(
    videoConfig(system, { ...recipe, steps: plan.shotSteps, clip: checkpoint, lr: SHOT_LR, seed, precision: 'f32',
      data: { train: shots.train, val: shots.rest, labels: data.labels.unseen, root: data.folder } }),
  );
}

const zeroShotOf = ({ data, ...config }: TrainConfig, { data: { lists, labels } }: Prepared): TrainConfig => ({
  ...config,
  data: { ...data, val: lists.testUnseen, labels: labels.unseen },
});

/** Steps that a run which is cut off loses at most. */
const CHECKPOINT_EVERY = 100;
/** Saved often, and measured at the end alone. */
const withCheckpoints = (config: TrainConfig): TrainConfig => ({ ...config,
  run: { ...config.run, checkpointEverySteps: CHECKPOINT_EVERY, evaluateEveryEpochs: null } });

/** The test clips of the unseen classes in two lists: a few of each class to train on, and the others. */
function splitUnseen({ folder, seed, plan }: SeedOptions, data: MovingShapesFolder): ShotLists {
  const names = readLabels(data.labels.unseen);
  const { entries } = scanList(data.lists.testUnseen, { root: data.folder, names, firstLabel: 0 });
  const drawn = new Set(drawShots(entries, { names, shots: plan.shots, seed, list: data.lists.testUnseen }));
  const lists = { train: join(folder, 'few_shot.txt'), rest: join(folder, 'few_shot_test.txt') };
  writeFileSync(lists.train, listText(entries.filter((entry) => drawn.has(entry))));
  writeFileSync(lists.rest, listText(entries.filter((entry) => !drawn.has(entry))));
  return lists;
}

/** Floating-point operations of the trainings of one seed; a step is counted as its kernels count themselves. */
export async function comparisonFlops(gpu: Gpu, plan: ComparisonPlan,
  systems: readonly ComparedSystem[]): Promise<number> {
  const steps = plan.videoSteps + plan.shotSteps;
  const classes = SEEN.map((id) => CLASS_NAMES[id]);
  let flops = systems.some(({ fromClip }) => fromClip) ? plan.clipSteps * STEP.clip : 0;
  for (const { system, recipe } of systems) {
    const config = videoConfig(system, { ...recipe, steps, seed: 0, precision: 'f32',
      data: { train: 'train.txt', labels: 'labels.csv' } });
    const model = await modelConfigOf(config, classes);
    flops += 2 * steps * estimateRun(gpu, config, model, unknownTexts(config, model, classes.length)).macs;
  }
  return flops;
}
