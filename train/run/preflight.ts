/** All that a run will need, looked at before its first step: whatever is wrong is told at once. */
import { ConfigError, DatasetError, FirstlightError, type Gpu, type LineProblem } from '../../engine/index.ts';
import { readLabels, type ScannedList } from '../data/sets/lists.ts';
import { scheduleOf } from '../recipe/schedule.ts';
import type { TrainConfig } from './config_keys.ts';
import { requireOneStep, scanOf } from './lists.ts';
import { checkEvaluationMemory, checkMemory } from './memory.ts';
import { lackOfSpace, unwritable } from './run_folder.ts';
import { modelConfigOf } from './system.ts';
import { textsOf } from './texts.ts';

/** A list of a configuration, as it is. */
export interface CheckedList extends ScannedList {
  readonly key: 'data.train' | 'data.val';
  readonly file: string;
}

export interface Preflight {
  /** What stands in the way, each with what to do. */
  readonly errors: readonly FirstlightError[];
  /** What is odd, but may be meant. */
  readonly warnings: readonly LineProblem[];
  /** Undefined if they cannot be read. */
  readonly names: readonly string[] | undefined;
  /** Those that could be read. */
  readonly lists: readonly CheckedList[];
}

export interface PreflightOptions {
  /** Run folder. */
  readonly out: string;
  /** Without it memory and disk space are not looked at. */
  readonly gpu?: Gpu;
  /** See `lackOfSpace`. */
  readonly freeBytes?: (folder: string) => number | undefined;
}

/** Looks at labels, lists, lengths, rates, texts, model, run folder, memory and disk space. Changes nothing. */
export async function preflight(config: TrainConfig, { out, gpu, freeBytes }: PreflightOptions): Promise<Preflight> {
  const errors: FirstlightError[] = [];
  const attempt = async <T>(work: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof FirstlightError)) throw error;
      errors.push(error);
      return undefined;
    }
  };
  const { data, optim } = config;

  const names = await attempt(() => readLabels(data.labels));
  const lists: CheckedList[] = [];
  for (const key of ['data.train', 'data.val'] as const) {
    const file = key === 'data.train' ? data.train : data.val;
    if (file === null) continue;
    const list = await attempt(() => scanOf(config, file, names));
    if (list === undefined) continue;
    if (list.problems.length > 0) errors.push(new DatasetError(list.problems));
    lists.push({ key, file, ...list });
  }
  const training = lists.find(({ key }) => key === 'data.train');
  if (training !== undefined && training.entries.length > 0) {
    const { length } = training.entries;
    if (await attempt(() => requireOneStep(config, length)) !== undefined) {
      await attempt(() => scheduleOf(config, Math.floor(length / config.train.batch)));
    }
  }
  if (optim.newPartsLrScale < optim.minLrRatio) {
    errors.push(new ConfigError('optim.newPartsLrScale', [
      `${optim.newPartsLrScale} × lr is below the rate at the end, ${optim.minLrRatio} × lr (optim.minLrRatio)`,
    ], 'the rate at the end is the same for all parts: lower optim.minLrRatio, or raise optim.newPartsLrScale'));
  }

  const model = await attempt(() => modelConfigOf(config));
  if (model !== undefined && names !== undefined) {
    const texts = await attempt(() => textsOf(config, model, names))
      ?? { classes: names.length, length: model.text.context };
    const memory = gpu === undefined ? undefined : await attempt(() => checkMemory(gpu, config, model, texts));
    if (gpu !== undefined && memory !== undefined) {
      if (data.val !== null) await attempt(() => checkEvaluationMemory(gpu, config, model, memory));
      const lack = lackOfSpace(out, memory, data.val !== null, freeBytes);
      if (lack !== undefined) errors.push(lack);
    }
  }
  errors.push(...unwritable(out));
  if (data.cache !== null) errors.push(...unwritable(data.cache, 'name another folder in data.cache'));
  return { errors, warnings: [...lists.flatMap(({ warnings }) => warnings), ...oddities(lists, names)], names, lists };
}

/** @throws the error that stands in the way, or one that tells them all */
export function requireNothingWrong({ errors }: Pick<Preflight, 'errors'>): void {
  const [first, ...others] = errors;
  if (first === undefined) return;
  if (others.length === 0) throw first;
  const told = errors.map(({ message, hint }) => (hint === undefined ? message : `${message}\n  ${hint}`));
  throw new FirstlightError(first.code, `${errors.length} things stand in the way of this run\n${told.join('\n')}`, {
    errors,
  });
}

/** Clips that are trained on and measured on, and classes that have no clip. */
function oddities(lists: readonly CheckedList[], names: readonly string[] | undefined): LineProblem[] {
  const warnings: LineProblem[] = [];
  const [training, validation] = (['data.train', 'data.val'] as const).map((key) =>
    lists.find((list) => list.key === key)
  );
  if (training !== undefined && validation !== undefined) {
    const trained = new Map(training.entries.map(({ path, line }) => [path, line]));
    const both = validation.entries.filter(({ path }) => trained.has(path));
    if (both.length > 0) {
      const [{ path, name, line }] = both;
      warnings.push({ file: validation.file, line,
        problem: `${JSON.stringify(name)} stands in line ${
          trained.get(path)
        } of ${training.file} too: it is trained on and measured on${
          both.length > 1 ? `, as ${both.length - 1} more` : ''
        }` });
    }
  }
  if (training !== undefined && training.entries.length > 0 && names !== undefined) {
    const present = new Set(training.entries.map(({ label }) => label));
    const absent = names.flatMap((name, label) => (present.has(label) ? [] : [`${label} (${name})`]));
    if (absent.length > 0) {
      warnings.push({ file: training.file, line: 0,
        problem: `${absent.length} of ${names.length} classes have no clip: ${absent.slice(0, 5).join(', ')}${
          absent.length > 5 ? ', …' : ''
        }` });
    }
  }
  return warnings;
}
