/** What a protocol measures: which checkpoints, on which clips, with which names. Read whole before the first clip. */
import { basename } from 'node:path';
import { ConfigError, DatasetError, type LineProblem } from '../../engine/errors.ts';
import { drawClasses, restrictClasses } from '../data/sets/classes.ts';
import { readNames } from '../data/sets/lists.ts';
import type { Entry } from '../data/sets/scan.ts';
import { seenWarnings } from '../data/sets/sets.ts';
import { DRAWN_CLASSES, FEW_SHOT_SPLIT, type Protocol, SPLITS } from '../protocols/protocol.ts';
import type { TrainConfig } from './config_keys.ts';
import { fileOf, listOf, namesOf } from './lists.ts';
import type { RunList } from './run_data.ts';

/** What a person asks for. */
export interface Asked {
  readonly protocol: Protocol;
  /** Checkpoints or run folders, as they are named; several are draws of few-shot training. */
  readonly checkpoints: readonly string[];
  /** Files of class names, for zero-shot: one to draw from, or one for each draw. */
  readonly classes: readonly string[];
  /** Draws from one file. */
  readonly draws: number;
}

/** One checkpoint on one list of clips with one set of names. */
export interface Measurement {
  readonly name: string;
  readonly checkpoint: string;
  readonly list: RunList;
  /** To choose from; labels of the list are places in it. */
  readonly names: readonly string[];
  /** Clips of the list that are of other classes. */
  readonly leftOut: number;
  readonly split: number | null;
  readonly classesFile: string | null;
  /** From 1. */
  readonly draw: number | null;
}

/** Names and clips of a split, of one checkpoint as of any. */
type Clips = Omit<Measurement, 'checkpoint'>;

/**
 * The measurements of a protocol, in order.
 * @throws ConfigError, DatasetError with the problems of all lists at once
 */
export function measurementsOf(config: TrainConfig,
  asked: Asked): { readonly measurements: Measurement[]; readonly warnings: readonly LineProblem[] } {
  const { protocol, checkpoints } = asked;
  const { val, split } = config.data;
  if (val === null) {
    throw new ConfigError('data.val', ['is missing'],
      'name the list of clips to evaluate on: --set data.val=lists/val.txt');
  }
  if (protocol === 'few-shot' && split !== FEW_SHOT_SPLIT) {
    throw new ConfigError('data.split', [`is ${split}, few-shot results are those of the first split`],
      '--set data.split=1, or --protocol single for another one');
  }
  const reader = new Reader();
  const clips = clipsOf(config, asked, reader);
  reader.requireSound();
  const nameOf = (checkpoint: string, own: string) => {
    if (checkpoints.length === 1) return own;
    const name = basename(checkpoint);
    return checkpoints.filter((each) => basename(each) === name).length === 1 ? name : checkpoint;
  };
  return { warnings: reader.warnings,
    measurements: checkpoints.flatMap((checkpoint) =>
      clips.map((own) => ({ ...own, checkpoint, name: nameOf(checkpoint, own.name) }))
    ) };
}

function clipsOf(config: TrainConfig, { protocol, classes, draws }: Asked, reader: Reader): Clips[] {
  if (protocol !== 'zero-shot') return reader.splitOf(config, basename(String(config.data.val)));
  if (classes.length === 0) {
    if (!hasSplits(config)) return reader.splitOf(config, basename(String(config.data.val)));
    return SPLITS.flatMap((split) => reader.splitOf({ ...config, data: { ...config.data, split } }, `split ${split}`));
  }
  const [all] = reader.splitOf(config, '');
  if (all === undefined) return [];
  if (classes.length > 1) {
    return classes.flatMap((file, i) => reader.chosenOf(all, { file, name: basename(file), draw: i + 1 }));
  }
  const [file] = classes;
  const known = reader.attempt(() => readNames(file));
  if (known === undefined) return [];
  if (known.length <= DRAWN_CLASSES) return reader.chosenOf(all, { file, name: basename(file), draw: null });
  return Array.from({ length: draws },
    (_, draw) =>
      reader.chosenOf(all, { file, name: `draw ${draw + 1}`, draw: draw + 1,
        chosen: drawClasses(known, DRAWN_CLASSES, config.run.seed, draw) })).flat();
}

/** Whether the list of clips is another one in each split. */
function hasSplits({ data }: TrainConfig): boolean {
  return data.format === 'hmdb51' || data.val?.includes('{split}') === true;
}

/** Reads on where something is wrong, and tells each thing once. */
class Reader {
  readonly #problems = new Map<string, LineProblem>();
  readonly #warnings = new Map<string, LineProblem>();

  get warnings(): readonly LineProblem[] {
    return [...this.#warnings.values()];
  }

  requireSound(): void {
    if (this.#problems.size > 0) throw new DatasetError([...this.#problems.values()]);
  }

  attempt<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof DatasetError)) throw error;
      for (const problem of error.context.problems as readonly LineProblem[]) {
        this.#problems.set(JSON.stringify(problem), problem);
      }
      return undefined;
    }
  }

  /** The clips of a split, with all names of the data set; none if something is wrong with them. */
  splitOf(config: TrainConfig, name: string): Clips[] {
    const names = this.attempt(() => namesOf(config));
    const read = names && this.attempt(() => listOf(config, 'val', names));
    if (names === undefined || read === undefined) return [];
    for (const warning of [...read.warnings, ...seenWarnings(config.data)]) {
      this.#warnings.set(JSON.stringify(warning), warning);
    }
    return [{ name, names, list: { file: fileOf(config, 'val'), entries: read.entries }, leftOut: read.leftOut,
      split: hasSplits(config) ? config.data.split : null, classesFile: null, draw: null }];
  }

  /** Those of some classes. @param options.chosen if omitted, all that the file names */
  chosenOf(all: Clips,
    { file, name, draw, chosen }: { readonly file: string; readonly name: string; readonly draw: number | null;
      readonly chosen?: readonly string[] }): Clips[] {
    const { list } = all;
    const own = this.attempt(() => {
      const some = restrictClasses<Entry>({ names: all.names, entries: list.entries }, chosen ?? readNames(file), file);
      if (some.entries.length > 0) return some;
      throw new DatasetError([{ file, line: 0, problem: `no clip of ${list.file} is of one of these classes` }]);
    });
    if (own === undefined) return [];
    return [{ ...all, name, names: own.names, list: { file: list.file, entries: own.entries },
      leftOut: all.leftOut + list.entries.length - own.entries.length, classesFile: file, draw }];
  }
}
