/** All that a run will need, looked at before its first step: whatever is wrong is told at once. */
import { ConfigError, DatasetError, FirstlightError, type Gpu, type LineProblem } from '../../engine/index.ts';
import type { ListedEntry, Part, ScannedList } from '../data/sets/scan.ts';
import { seenWarnings } from '../data/sets/sets.ts';
import type { Share } from '../recipe/gradient.ts';
import { scheduleOf } from '../recipe/schedule.ts';
import type { TrainConfig } from './config_keys.ts';
import { fileOf, namesOf, requireOneStep, scanOf, trainedOn } from './lists.ts';
import { checkEvaluationMemory, checkMemory } from './memory.ts';
import { lackOfSpace, unwritable } from './run_folder.ts';
import { modelConfigOf } from './system.ts';
import { textsOf, unknownTexts } from './texts.ts';

/** A list of a configuration, as it is. */
export interface CheckedList extends ScannedList {
  readonly part: Part;
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
  /** Micro-batches of a step that are this process's; all if omitted. */
  readonly share?: Share;
  /** See `lackOfSpace`. */
  readonly freeBytes?: (folder: string) => number | undefined;
}

/** Looks at labels, lists, lengths, rates, texts, model, run folder, memory and disk space. Changes nothing. */
export async function preflight(config: TrainConfig,
  { out, gpu, share, freeBytes }: PreflightOptions): Promise<Preflight> {
  const errors: FirstlightError[] = [];
  const attempt = async <T>(work: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof FirstlightError)) throw error;
      enter(error);
      return undefined;
    }
  };
  // names and lists may come from one file, and both parts of a split do: what is wrong with it is told once
  const told = new Set<string>();
  const enter = (error: FirstlightError) => {
    if (!(error instanceof DatasetError)) return void errors.push(error);
    const fresh = problemsOf(error).filter((problem) => !told.has(JSON.stringify(problem)));
    for (const problem of fresh) told.add(JSON.stringify(problem));
    if (fresh.length > 0) errors.push(new DatasetError(fresh));
  };
  const { data, optim } = config;

  const names = await attempt(() => namesOf(config));
  const seen = names === undefined ? undefined : await attempt(() => seenWarnings(data));
  const lists: CheckedList[] = [];
  for (const part of ['train', 'val'] as const) {
    if (data[part] === null) continue;
    const list = await attempt(() => scanOf(config, part, names));
    if (list === undefined) continue;
    if (list.problems.length > 0) enter(new DatasetError(list.problems));
    lists.push({ part, file: fileOf(config, part), ...list });
  }
  const training = lists.find(({ part }) => part === 'train');
  if (training !== undefined && training.entries.length > 0) {
    const { entries } = training;
    const drawn = names === undefined ? undefined : await attempt(() => trainedOn(config, entries, names));
    const { length } = drawn ?? entries;
    if (await attempt(() => requireOneStep(config, length)) !== undefined) {
      await attempt(() => scheduleOf(config, Math.floor(length / config.train.batch)));
    }
  }
  if (optim.newPartsLrScale < optim.minLrRatio) {
    errors.push(new ConfigError('optim.newPartsLrScale', [
      `${optim.newPartsLrScale} × lr is below the rate at the end, ${optim.minLrRatio} × lr (optim.minLrRatio)`,
    ], 'the rate at the end is the same for all parts: lower optim.minLrRatio, or raise optim.newPartsLrScale'));
  }

  const model = await attempt(() => modelConfigOf(config, names ?? []));
  if (model !== undefined && names !== undefined) {
    const texts = await attempt(() => textsOf(config, model, names))
      ?? unknownTexts(config, model, names.length);
    const memory = gpu === undefined ? undefined : await attempt(() => checkMemory(gpu, config, model, texts, share));
    if (gpu !== undefined && memory !== undefined) {
      if (data.val !== null) await attempt(() => checkEvaluationMemory(gpu, config, model, memory));
      const lack = lackOfSpace(out, memory, data.val !== null, freeBytes);
      if (lack !== undefined) errors.push(lack);
    }
  }
  errors.push(...unwritable(out));
  if (data.cache !== null) errors.push(...unwritable(data.cache, 'name another folder in data.cache'));
  const both = inBothParts(lists);
  const isSplit = data.format === 'ucf101' || data.format === 'hmdb51';
  if (isSplit && both.length > 0) enter(new DatasetError(both.map(twice)));
  return { errors,
    warnings: [...(seen ?? []), ...lists.flatMap(({ warnings }) => warnings), ...(isSplit ? [] : firstOf(both)),
      ...oddities(lists, names)], names, lists };
}

/** The lines of an error of data. */
export const problemsOf = (error: FirstlightError): readonly LineProblem[] =>
  error instanceof DatasetError ? (error.context.problems as readonly LineProblem[]) : [];

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

/** A clip of both parts. */
interface Twice {
  readonly train: ListedEntry;
  readonly val: ListedEntry;
}

/** Clips that are trained on and measured on. A published split has none; of one's own lists they may be meant. */
function inBothParts(lists: readonly CheckedList[]): Twice[] {
  const of = (part: Part) => lists.find((list) => list.part === part)?.entries ?? [];
  const trained = new Map(of('train').map((entry) => [entry.path, entry]));
  return of('val').flatMap((val) => {
    const train = trained.get(val.path);
    return train === undefined ? [] : [{ train, val }];
  });
}

const twice = ({ train, val }: Twice): LineProblem => ({ file: val.file, line: val.line,
  problem: `${
    JSON.stringify(val.name)
  } stands in line ${train.line} of ${train.file} too: it is trained on and measured on` });

/** The first of them, and how many more there are. */
function firstOf(both: readonly Twice[]): LineProblem[] {
  return both.slice(0, 1).map(twice).map(({ problem, ...place }) => ({ ...place,
    problem: both.length > 1 ? `${problem}, as ${both.length - 1} more` : problem })
  );
}

/** Classes that have no clip to train on. */
function oddities(lists: readonly CheckedList[], names: readonly string[] | undefined): LineProblem[] {
  const training = lists.find(({ part }) => part === 'train');
  if (training === undefined || training.entries.length === 0 || names === undefined) return [];
  const present = new Set(training.entries.map(({ label }) => label));
  const absent = names.flatMap((name, label) => (present.has(label) ? [] : [`${label} (${name})`]));
  if (absent.length === 0) return [];
  return [{ file: training.file, line: 0,
    problem: `${absent.length} of ${names.length} classes have no clip: ${absent.slice(0, 5).join(', ')}${
      absent.length > 5 ? ', …' : ''
    }` }];
}
