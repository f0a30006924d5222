/** What befalls a rank at a named stage of its training. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import type { World } from '../../mpi/world.ts';
import { CheckpointStore } from '../../train/checkpoint/store.ts';
import { BatchesByStep } from '../../train/data/loading/batches.ts';
import { Dataset } from '../../train/data/loading/dataset.ts';
import { AdamW } from '../../train/recipe/optimizer/index.ts';
import { StepReports } from '../../train/recipe/step_reports.ts';
import { LINK } from './hosts.ts';

/** The stages of a training, in order; those of a step are in its second one. */
export const STAGES = ['set-up', 'loading', 'backward', 'exchange', 'AdamW', 'saving', 'evaluation'] as const;
export type Stage = (typeof STAGES)[number];

/** `ask`: the launcher gets SIGUSR1. `unplug`: the line of this host goes down. */
export const FATES = ['kill', 'freeze', 'ask', 'unplug'] as const;
export type Fate = (typeof FATES)[number];

export interface Death {
  readonly rank: number;
  readonly stage: Stage;
  readonly fate: Fate;
  /** Gets the time, in milliseconds since 1970. */
  readonly file: string;
}

/** Calls `then` whenever a method has been called, with the number of the call. */
function watch<T extends object, K extends keyof T>(owner: T, method: K, then: (number: number) => void): void {
  const real = owner[method] as unknown as (...args: unknown[]) => unknown;
  let number = 0;
  const watched = function(this: unknown, ...args: unknown[]): unknown {
    const result = Reflect.apply(real, this, args);
    then(++number);
    return result;
  };
  owner[method] = watched as unknown as T[K];
}

/** The process above, whoever stands between: hydra has a proxy on each host. */
function launcherOf(pid: number): number {
  const [, name, parent] = /^\d+ \((.*)\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
  return name.startsWith('mpi') ? pid : launcherOf(Number(parent));
}

const FATED: Readonly<Record<Fate, () => void>> = {
  kill: () => void process.kill(process.pid, 'SIGKILL'),
  freeze: () => void process.kill(process.pid, 'SIGSTOP'),
  ask: () => void process.kill(launcherOf(process.ppid), 'SIGUSR1'),
  unplug: () => void spawnSync('ip', ['link', 'set', LINK, 'down']),
};

/** Prepares what is to befall this rank. */
export function prepare({ stage, fate, file }: Death, world: World): void {
  const now = () => {
    writeFileSync(file, String(Date.now()));
    FATED[fate]();
  };
  const soon = () => void setImmediate(now);
  const behind = <T extends object, K extends keyof T>(owner: T, method: K, times: number, then: () => void) =>
    watch(owner, method, (number) => void (number === times && then()));
  const exchange = () => {
    let isSecond = false;
    behind(AdamW.prototype, 'schedule', 2, () => (isSecond = true));
    watch(Object.getPrototypeOf(world) as World, 'sum', () => {
      if (isSecond) soon();
      isSecond = false;
    });
  };
  const stages: Readonly<Record<Stage, () => void>> = {
    'set-up': now,
    loading: () => behind(BatchesByStep.prototype, 'read', 1, now),
    // set right before the step: its first part is submitted by the time that the event loop turns
    backward: () => behind(AdamW.prototype, 'schedule', 2, soon),
    exchange,
    AdamW: () => behind(StepReports.prototype, 'submitted', 2, now),
    saving: () => behind(CheckpointStore.prototype, 'save', 2, () => void setTimeout(now, 5)),
    evaluation: () => behind(Dataset.prototype, 'evaluation', 1, soon),
  };
  stages[stage]();
}
