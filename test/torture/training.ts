/** Real trainings, killed and resumed until they are done, with bits that rot meanwhile; and unread ones. */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Random } from '../../engine/random.ts';
import { CheckpointStore } from '../../train/checkpoint/store.ts';
import { formatConfig } from '../../train/run/config.ts';
import type { TrainConfig } from '../../train/run/config_keys.ts';
import { STORE_FOLDER } from '../../train/run/fit.ts';
import { ended, launch, placeAt } from '../endurance/launch.ts';
import { type GoesOn, newOutcome, type Outcome, timed } from './outcome.ts';
import { differences } from './scene.ts';
import type { Job } from './training_child.ts';

const CHILD = fileURLToPath(new URL('./training_child.ts', import.meta.url));
/** Milliseconds between a step that is told and the kill. */
const LONGEST_MS = 200;

/** Trains until some steps are told, and a while longer. Returns its exit status; null: it was killed. */
function trainUntil(folder: string, config: TrainConfig,
  killed?: { readonly steps: number; readonly ms: number }): Promise<number | null> {
  const job: Job = { config, folder, resume: true };
  const path = `${folder}.json`;
  writeFileSync(path, JSON.stringify(job));
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), CHILD, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let steps = 0;
  const kill = () => void setTimeout(() => child.kill('SIGKILL'), killed?.ms);
  child.stdout.on('data', (bytes: Buffer) => {
    const before = steps;
    steps += bytes.toString().match(/step/g)?.length ?? 0;
    if (killed !== undefined && before < killed.steps && steps >= killed.steps) kill();
  });
  if (killed?.steps === 0) kill();
  return ended(child);
}

/** The step of the last whole checkpoint; those that are damaged are counted. */
async function lastOf(folder: string): Promise<{ step: number; damaged: number }> {
  const store = await CheckpointStore.open(join(folder, STORE_FOLDER));
  try {
    return { step: (await store.latest())?.state.step ?? 0, damaged: store.damaged.length };
  } finally {
    await store.close();
  }
}

/** Changes a bit of the newest checkpoint, if there is another. Returns whether it did. */
function rotNewest(folder: string, random: Random): boolean {
  const store = join(folder, STORE_FOLDER);
  const steps = readdirSync(store).filter((name) => /^step-\d+$/.test(name)).sort();
  if (steps.length < 2) return false;
  const newest = join(store, steps[steps.length - 1]);
  const files = readdirSync(newest);
  const file = join(newest, files[random.below(files.length)]);
  const bytes = readFileSync(file);
  bytes[random.below(bytes.length)] ^= 1 << random.below(8);
  writeFileSync(file, bytes);
  return true;
}

/** A training of six steps that saves each. */
export const saving = (config: TrainConfig): TrainConfig => ({ ...config,
  run: { ...config.run, checkpointEverySteps: 1 } });

/** Trains in peace, for others to be compared with. */
export async function trainQuietly(folder: string, config: TrainConfig): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const status = await trainUntil(folder, config);
  if (status !== 0) throw new Error(`a quiet training ended with ${status}`);
}

/** Trainings are killed at any moment, some checkpoints rot, and each goes on until it is done. */
export function killTrainings(folder: string, config: TrainConfig, quiet: string, seed: number,
  goesOn: GoesOn): Promise<Outcome> {
  const outcome = newOutcome('kill -9 in a training');
  return timed(outcome, async () => {
    const random = new Random(seed, 'kills of trainings');
    for (let run = 0; goesOn(outcome); run++) {
      const own = join(folder, `killed ${run}`);
      mkdirSync(own);
      let before = 0;
      let rotten = 0; // what rotted stays until its step is saved again
      for (;;) {
        const killed = goesOn(outcome)
          ? { steps: random.below(8) === 0 ? 0 : 1 + random.below(2), ms: LONGEST_MS * random.next() }
          : undefined;
        const status = await trainUntil(own, config, killed);
        if (status !== null) {
          if (status !== 0) outcome.problems.push(`${own}: ended with ${status}`);
          break;
        }
        outcome.faults++;
        const { step, damaged } = await lastOf(own);
        if (step < before || damaged > rotten) {
          outcome.lost++;
          outcome.problems.push(`${own}: step ${step} is there after ${before}, ${damaged} are damaged`);
        }
        before = step;
        // the next start must pass over it
        rotten = damaged;
        if (random.below(3) === 0 && rotNewest(own, random)) [before, rotten] = [0, rotten + 1];
      }
      const wrong = differences(own, quiet);
      outcome.left += wrong.filter((problem) => problem.endsWith('left over')).length;
      if (wrong.some((problem) => !problem.endsWith('left over'))) outcome.notEqual++;
      outcome.problems.push(...wrong.map((problem) => `${own}: ${problem}`));
      if (wrong.length === 0) rmSync(own, { recursive: true });
    }
  });
}

/** Output that nobody reads is dropped: the training goes on as if somebody did. */
export function closePipes(folder: string, config: TrainConfig, goesOn: GoesOn): Promise<Outcome> {
  const outcome = newOutcome('stdout or stderr is closed');
  return timed(outcome, async () => {
    const place = (name: string) => {
      const own = placeAt(join(folder, name));
      mkdirSync(own.folder, { recursive: true });
      writeFileSync(own.config, formatConfig(config));
      return own;
    };
    const quiet = place('pipes');
    if (await ended(launch(quiet, { stdio: 'ignore' })) !== 0) throw new Error('a quiet training did not end with 0');
    for (const closed of [['stdout'], ['stderr'], ['stdout', 'stderr']] as const) {
      if (!goesOn(outcome)) return;
      const own = place(`${closed.join(' and ')} closed`);
      const child = launch(own, { stdio: ['ignore', 'pipe', 'pipe'] });
      for (const name of ['stdout', 'stderr'] as const) {
        if ((closed as readonly string[]).includes(name)) child[name]?.destroy();
        else child[name]?.resume();
      }
      const status = await ended(child);
      outcome.faults++;
      if (status !== 0) {
        outcome.lost++;
        outcome.problems.push(`${closed.join(' and ')} closed: ended with ${status}`);
      }
      const wrong = differences(own.out, quiet.out);
      if (wrong.length > 0) outcome.notEqual++;
      outcome.problems.push(...wrong.map((problem) => `${closed.join(' and ')} closed: ${problem}`));
    }
  });
}
