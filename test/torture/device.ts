/** A device that drops a command, or lacks memory, somewhere in a training: nothing of it is silent. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Gpu, OutOfMemoryError, StepNotExecutedError } from '../../engine/index.ts';
import { Random } from '../../engine/random.ts';
import type { TrainConfig } from '../../train/run/config_keys.ts';
import { type Made, openDropping, openLacking } from '../faulty_device.ts';
import { type GoesOn, newOutcome, type Outcome, timed } from './outcome.ts';
import { differences, train } from './scene.ts';

/** Two steps, each of which is saved. */
const short = (config: TrainConfig): TrainConfig => ({ ...config, train: { ...config.train, steps: 2 },
  run: { ...config.run, checkpointEverySteps: 1 } });

/** What a training on some device ended with; undefined: nothing was wrong. */
async function errorOf(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error ?? new Error('nothing was thrown');
  }
}

/** That a fault was told, and by an error of its kind; or else did nothing at all. */
function judge(outcome: Outcome, what: string, error: unknown, kind: abstract new(...args: never[]) => Error,
  changed: readonly string[]): void {
  outcome.faults++;
  if (error instanceof kind) return;
  if (error !== undefined) {
    outcome.lost++;
    outcome.problems.push(`${what}: ${String(error)}`);
  } else if (changed.length > 0) {
    outcome.notEqual++;
    outcome.problems.push(`${what}: no error, and ${changed.join(', ')}`);
  } else {
    outcome.lost++;
    outcome.problems.push(`${what}: no error`);
  }
}

/** Each submit of steps and saves is dropped, in an order that is drawn. */
export function dropSubmits(folder: string, config: TrainConfig, seed: number, goesOn: GoesOn): Promise<Outcome> {
  const outcome = newOutcome('a submit of a step or save is dropped');
  return timed(outcome, async () => {
    const quiet = join(folder, 'two steps');
    const { gpu: whole, submits } = await openDropping(0);
    await train(whole, short(config), quiet);
    await whole.close();
    const order = new Random(seed, 'dropped').permutation(submits());
    for (const place of order) {
      if (!goesOn(outcome)) return;
      const run = join(folder, 'dropped');
      const { gpu } = await openDropping(place + 1);
      const error = await errorOf(() => train(gpu, short(config), run));
      judge(outcome, `submit ${place + 1} of ${order.length}`, error, StepNotExecutedError,
        error === undefined ? differences(run, quiet) : []);
      await gpu.close();
      rmSync(run, { recursive: true, force: true });
    }
  });
}

/** Each thing that a training makes on the device finds no memory, in an order that is drawn. */
export function failAllocations(folder: string, config: TrainConfig, seed: number, goesOn: GoesOn): Promise<Outcome> {
  const outcome = newOutcome('there is no memory for a buffer, …');
  return timed(outcome, async () => {
    const made: { readonly kind: Made; readonly count: number }[] = [];
    const quiet = join(folder, 'two steps of memory');
    const whole = await openLacking((kind, count) => {
      made.push({ kind, count });
      return false;
    });
    await train(whole, short(config), quiet);
    await whole.close();
    const all = [...made];
    for (const place of new Random(seed, 'allocations').permutation(all.length)) {
      if (!goesOn(outcome)) return;
      const { kind, count } = all[place];
      const run = join(folder, 'lacking');
      let gpu: Gpu | undefined;
      const error = await errorOf(async () => {
        gpu = await openLacking((own, at) => own === kind && at === count);
        await train(gpu, short(config), run);
        await gpu.sync();
      });
      judge(outcome, `${kind} ${count}`, error, OutOfMemoryError, error === undefined ? differences(run, quiet) : []);
      await gpu?.close();
      rmSync(run, { recursive: true, force: true });
    }
  });
}
