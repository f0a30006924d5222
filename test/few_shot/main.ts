/**
 * Few-shot training on *Moving shapes* in the layout of a published data set: CLIP learns words from pictures, then
 * X-CLIP is trained on K clips of each class, for each K, and measured on the clips of the first test split. With more
 * clips more must be right. Networks that are not built of CLIP's towers start from nothing.
 *
 *   npm run few-shot -- --folder runs/few_shot                         an hour on two cores
 *   npm run few-shot -- --folder runs/tsm --system tsm --steps 100     a network
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { FirstlightError, open } from '../../engine/index.ts';
import { tuned } from '../../kernels/tuned.ts';
import { isNetworkName, SYSTEM_NAMES, type SystemName } from '../../model/systems/config.ts';
import { exitCodeOf, explain } from '../../train/cli/failure.ts';
import { train } from '../../train/commands/train.ts';
import { SET_FORMATS } from '../../train/data/sets/formats.ts';
import { RunRecorder } from '../../train/log/recorder.ts';
import { leaveClip } from '../../train/moving_shapes/clip_stage.ts';
import { writeMovingShapes } from '../../train/moving_shapes/files.ts';
import { type LayoutKeys, writeLayout } from '../../train/moving_shapes/layouts.ts';
import { FULL, videoConfig } from '../../train/moving_shapes/plan.ts';
import { CLASS_NAMES, COLOURS, combinationOf, MOTIONS } from '../../train/moving_shapes/scenes.ts';
import { SHAPES } from '../../train/moving_shapes/shapes.ts';
import { StopRequest } from '../../train/run/stop.ts';

const OPTIONS = {
  folder: { type: 'string', default: 'runs/few_shot' },
  system: { type: 'string', default: 'xclip' },
  format: { type: 'string', default: 'ucf101' },
  shots: { type: 'string', default: '2,4,8,16' },
  looks: { type: 'string', default: '4' },
  test: { type: 'string', default: '10' },
  steps: { type: 'string', default: '240' },
  'clip-steps': { type: 'string', default: String(FULL.clipSteps) },
  seed: { type: 'string', default: '1024' },
  help: { type: 'boolean', default: false },
} as const;

const HELP = `npm run few-shot -- [flags]

  --folder FOLDER     data sets, the CLIP that all start from, and a run folder for each K (${OPTIONS.folder.default})
  --system SYSTEM     ${SYSTEM_NAMES.join(', ')} (${OPTIONS.system.default})
  --format FORMAT     ${SET_FORMATS.join(', ')} (${OPTIONS.format.default})
  --shots K,K,…       clips of each class to train on (${OPTIONS.shots.default})
  --looks N           colours with shapes; each moves in ${MOTIONS.length} ways, a class each (${OPTIONS.looks.default})
  --test N            clips of each class to test (${OPTIONS.test.default})
  --steps N           optimiser steps of each K (${OPTIONS.steps.default})
  --clip-steps N      optimiser steps of CLIP (${OPTIONS['clip-steps'].default})
  --seed N            of every draw (${OPTIONS.seed.default})

Exit status 1 if the share of right clips does not rise with K.`;

/** What one run came to. */
interface Result {
  readonly shots: number;
  readonly top1: number;
  readonly top5: number;
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: OPTIONS });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const format = SET_FORMATS.find((known) => known === values.format);
  const system = SYSTEM_NAMES.find((known) => known === values.system);
  const number = (name: 'looks' | 'test' | 'steps' | 'clip-steps' | 'seed') => Number(values[name]);
  const shots = values.shots.split(',').map(Number);
  if (system === undefined || format === undefined ||
    ![...shots, number('looks'), number('seed')].every(Number.isSafeInteger)) {
    console.error(HELP);
    return 2;
  }
  const root = resolve(values.folder);
  if (existsSync(root)) {
    throw new FirstlightError('FL_RUN_EXISTS', `${root} exists`, { root }, 'name another folder: --folder');
  }
  mkdirSync(root, { recursive: true });
  const seed = number('seed');
  const classes = CLASS_NAMES.flatMap((_, id) => (isShown(id, number('looks')) ? [id] : []));
  const keys = writeLayout(join(root, format), format, seed, { classes, train: Math.max(...shots),
    test: number('test') });
  const clip = isNetworkName(system) ? undefined : await trainedClip(root, seed, number('clip-steps'));
  const results: Result[] = [];
  for (const each of shots) {
    const code = await trainOn(root, keys, { system, shots: each, steps: number('steps'), clip, seed });
    if (code !== 0) return code;
    results.push({ shots: each, ...lastOf(join(root, `shots_${each}`)) });
  }
  console.log(`\n${system}, ${format}, ${classes.length} classes, chance ${(100 / classes.length).toFixed(1)} %`);
  for (const { shots: each, top1, top5 } of results) {
    console.log(`K = ${String(each).padStart(2)}   top-1 ${share(top1)} %   top-5 ${share(top5)} %`);
  }
  return results.every(({ top1 }, i) => i === 0 || top1 > results[i - 1].top1) ? 0 : 1;
}

const share = (part: number) => (100 * part).toFixed(1).padStart(5);

/** Whether a class is among those of the first `looks` colours and shapes, no two of which share both. */
function isShown(id: number, looks: number): boolean {
  const { colour, shape } = combinationOf(id);
  const order = Array.from({ length: COLOURS.length * SHAPES.length },
    (_, i) => `${i % COLOURS.length} ${(i + Math.floor(i / COLOURS.length)) % SHAPES.length}`);
  return order.slice(0, looks).includes(`${colour} ${shape}`);
}

/** Stage 1 of the demo, saved. Returns its folder. */
async function trainedClip(root: string, seed: number, steps: number): Promise<string> {
  const folder = join(root, 'clip');
  const data = await writeMovingShapes(join(root, 'pictures'), seed, { ...FULL.sizes, train: 0, testSeen: 0,
    testUnseen: 0 });
  using stop = new StopRequest();
  await using gpu = await open({ tuning: tuned });
  mkdirSync(folder);
  const recorder = new RunRecorder(folder);
  try {
    await leaveClip(folder, { gpu, data, seed, precision: 'f32', steps, recorder, stop });
  } finally {
    recorder.finish();
  }
  return folder;
}

/** What one run is of. */
interface Run {
  readonly system: SystemName;
  readonly shots: number;
  readonly steps: number;
  readonly clip: string | undefined;
  readonly seed: number;
}

/** Stage 2 of the demo on K clips of each class. Returns the exit status. */
function trainOn(root: string, keys: LayoutKeys, { system, shots, steps, clip, seed }: Run): Promise<number> {
  const recipe = videoConfig(system, { steps, data: keys, clip, seed, precision: 'f32' });
  return train({ ...recipe, data: { ...recipe.data, shots, shotSeed: seed },
    run: { ...recipe.run, evaluateEveryEpochs: null } }, { out: join(root, `shots_${shots}`) });
}

/** Of the last validation of a run. */
function lastOf(folder: string): Pick<Result, 'top1' | 'top5'> {
  const { validations } = JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')) as {
    validations: readonly Pick<Result, 'top1' | 'top5'>[];
  };
  const last = validations.at(-1);
  if (last === undefined) throw new Error(`${folder} was never validated`);
  return { top1: last.top1, top5: last.top5 };
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(explain(error, false));
  process.exitCode = exitCodeOf(error);
}
