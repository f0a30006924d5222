/** Trainings as small as may be, which are started on several numbers of ranks, and what they leave. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Gpu, open } from '../../engine/index.ts';
import type { FoundMpi } from '../../engine/setup/mpi.mjs';
import { parseConfig } from '../../train/run/config.ts';
import type { TrainConfig } from '../../train/run/config_keys.ts';
import { STORE_FOLDER } from '../../train/run/fit.ts';
import { writeScene } from '../torture/scene.ts';
import { type Place, ranks } from './launch.ts';
import type { TrainingJob } from './training_child.ts';

const CHILD = fileURLToPath(new URL('./training_child.ts', import.meta.url));
export const STEPS = 3;
/** Exit status of a run that SIGUSR1 has stopped: 128 and the signal's number. */
export const STOPPED = 138;

/** All trainings one after another. */
const PATIENT: Place = { before: [], options: [], seconds: 900 };

/** What a part of `npm run ranks` found. */
export interface Found {
  readonly title: string;
  /** Markdown. */
  readonly table: string;
  /** Rows that are not as they must be. */
  readonly failed: number;
}

export interface StartOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly place?: Place;
}

/** Trainings by what is particular about them, of `STEPS` steps, and ranks of one family of MPI for them. */
export class Laboratory {
  readonly family: 'openmpi' | 'mpich';
  readonly folder: string;
  readonly trainings: Readonly<Record<string, TrainConfig>>;
  readonly #found: FoundMpi;

  private constructor(family: Laboratory['family'], found: FoundMpi, folder: string,
    trainings: Laboratory['trainings']) {
    this.family = family;
    this.folder = folder;
    this.trainings = trainings;
    this.#found = found;
  }

  static async open(family: Laboratory['family'], found: FoundMpi, folder: string): Promise<Laboratory> {
    await using gpu = await open();
    return new Laboratory(family, found, folder, trainingsOf(await writeScene(gpu, folder), gpu));
  }

  /** The first of the trainings. */
  get config(): TrainConfig {
    return Object.values(this.trainings)[0];
  }

  /** As people call the family. */
  get name(): string {
    return { openmpi: 'Open MPI', mpich: 'MPICH' }[this.family];
  }

  at(name: string): string {
    return join(this.folder, name);
  }

  /** Starts ranks, and gives how they ended. */
  start(count: number, jobs: readonly TrainingJob[], { environment, place }: StartOptions = {}) {
    const file = this.at('jobs.json');
    writeFileSync(file, JSON.stringify(jobs));
    return ranks(this.#found, this.family, count, [...process.execArgv, CHILD, file], environment, place);
  }

  /** The same of trainings that must come to their end, or stop as they are asked to. */
  run(count: number, jobs: readonly TrainingJob[], environment?: StartOptions['environment']): void {
    const { status, stderr } = this.start(count, jobs, { environment, place: PATIENT });
    if (status !== (jobs.at(-1)?.asked === undefined ? 0 : STOPPED)) {
      throw new Error(`${count} ranks ended with ${status}\n${stderr}`);
    }
  }
}

function trainingsOf(scene: TrainConfig, gpu: Gpu): Laboratory['trainings'] {
  const learning: TrainConfig = { ...scene, data: { ...scene.data, workers: 0 },
    train: { ...scene.train, steps: STEPS, batch: 1, accumulation: 4 },
    run: { ...scene.run, checkpointEverySteps: 1, compareEverySteps: 1 } };
  const fixed: TrainConfig = { ...learning, train: { ...learning.train, tune: 'visual', recompute: false } };
  const half = (config: TrainConfig): TrainConfig => ({ ...config, train: { ...config.train, precision: 'f16' } });
  const { model } = parseConfig('{model: {system: tsm, preset: tiny}, data: {train: a, labels: b}}', 'tsm.yaml');
  const tsm: TrainConfig = { ...fixed, model, data: { ...fixed.data, size: 64, templates: 'none' } };
  return { 'f32, texts fixed': fixed, 'f32, texts learn, recompute': learning, ...(gpu.features.has('shader-f16') &&
    { 'f16, texts fixed': half(fixed), 'f16, texts learn, recompute': half(learning) }), 'f32, TSM': tsm };
}

/** Of weights and moments, after a step; of a run that has not come so far, a word. */
export function hashOf(out: string, step = STEPS): string {
  const hash = createHash('sha256');
  try {
    for (const file of ['model.safetensors', 'optimizer.safetensors']) {
      hash.update(readFileSync(join(out, STORE_FOLDER, `step-0000000${step}`, file)));
    }
  } catch {
    return 'none';
  }
  return hash.digest('hex').slice(0, 12);
}

/** The first line that a run said of itself on stderr, of those of ours. */
export const firstSaid = (stderr: string) =>
  /^firstlight: (?!adapter|warning)(.*(?:\nrank .*)?)/m.exec(stderr)?.[1].replaceAll('\n', ' ').trim() ?? '';
