import { statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { DatasetError, FirstlightError, type LineProblem, open } from '../../engine/index.ts';
import { tryFiles } from '../data/loading/try_files.ts';
import type { Tried } from '../data/loading/tried.ts';
import { Progress } from '../log/progress.ts';
import { type Cleaned, writeCleaned } from '../run/cleaned.ts';
import { runName } from '../run/config.ts';
import type { TrainConfig } from '../run/config_keys.ts';
import { Findings, type Seen } from '../run/findings.ts';
import { someOf } from '../run/lists.ts';
import { withModelFolder } from '../run/model_folder.ts';
import { type CheckedList, preflight, problemsOf } from '../run/preflight.ts';
import { StopRequest } from '../run/stop.ts';
import { budgetOf } from './train.ts';

export interface CheckOptions {
  /** Of the configuration. */
  readonly file: string;
  /** Run folder. */
  readonly out: string;
  /** Where the whole report goes: JSON if its name ends so, else text. Default: beside the configuration. */
  readonly report?: string;
  /** Processes that decode. */
  readonly jobs?: number;
}

/** All that a check found. */
export interface CheckReport {
  readonly config: string;
  /** What stands in the way of the run, but for lines of lists. */
  readonly errors: readonly { readonly code: string; readonly message: string; readonly hint?: string }[];
  /** Lines of lists and labels that cannot be used, files that cannot be decoded among them. */
  readonly problems: readonly LineProblem[];
  readonly warnings: readonly LineProblem[];
  /** Clips that are not there where that is no error. */
  readonly missing: readonly LineProblem[];
  readonly files: { readonly tried: number; readonly sound: number; readonly frames: number };
  readonly cleaned: readonly Cleaned[];
}

/**
 * Looks at all that a run needs, decodes every file of its lists, and leaves a report and cleaned lists. Returns the
 * exit status: 0 if nothing is in the way of the run.
 */
export async function check(asked: TrainConfig,
  { file, out, report, jobs = availableParallelism() }: CheckOptions): Promise<number> {
  using stop = new StopRequest();
  const config = withModelFolder(asked);
  const beside = join(dirname(resolve(file)), `${runName(file)}.check`);
  const noAdapter: FirstlightError[] = [];
  await using gpu = await open({ budget: (kind) => budgetOf(config, kind) }).catch((error: unknown) => {
    if (!(error instanceof FirstlightError)) throw error;
    noAdapter.push(error);
    return undefined;
  });
  const found = await preflight(config, { out, gpu });
  const tried = await decodeAll(found.lists, new Findings(`${beside}.jsonl`), jobs, stop);
  if (stop.code !== undefined) {
    console.log(`stopped after ${tried.size} files; the next check goes on from there`);
    return stop.code;
  }
  const isBroken = (path: string) => 'problem' in (tried.get(path) ?? {});
  const cleaned: Cleaned[] = [];
  for (const list of found.names === undefined ? [] : found.lists) {
    const written = await writeCleaned(list, config.data, found.names ?? [], isBroken);
    if (written !== undefined) cleaned.push(written);
  }
  const errors = [...noAdapter, ...found.errors];
  const whole: CheckReport = {
    config: resolve(file),
    errors: errors.filter((error) => !(error instanceof DatasetError)).map(({ code, message, hint }) => ({ code,
      message, ...(hint === undefined ? {} : { hint }) })
    ),
    problems: inOrder([...errors.flatMap(problemsOf), ...brokenLines(found.lists, tried)]),
    warnings: [...found.warnings, ...shortClips(found.lists, tried, config.data.frames)],
    missing: found.lists.flatMap(({ missing }) => missing),
    files: summaryOf(tried),
    cleaned,
  };
  const place = report ?? `${beside}.txt`;
  writeFileSync(place,
    place.endsWith('.json') ? `${JSON.stringify(whole, null, 2)}\n` : `${textOf(whole, Infinity)}\n`);
  console.log(`${textOf(whole, SHOWN)}\nthe whole report is in ${place}`);
  return whole.problems.length > 0 ? DATA_ERROR : whole.errors.length > 0 ? 1 : 0;
}

/** Lines of a kind on the terminal; the report has all. */
const SHOWN = 20;
const DATA_ERROR = 3;

/** Tries every file of the lists that was not tried before as it is now. */
async function decodeAll(lists: readonly CheckedList[], findings: Findings, jobs: number,
  stop: StopRequest): Promise<ReadonlyMap<string, Tried>> {
  const tried = new Map<string, Tried>();
  const seen = new Map<string, Seen>();
  for (const { path } of lists.flatMap(({ entries }) => entries)) {
    const { size, mtimeMs } = statSync(path);
    const file = { path, size, modified: mtimeMs };
    const known = findings.of(file);
    if (known === undefined) seen.set(path, file);
    else tried.set(path, known);
  }
  const before = tried.size;
  if (before > 0) console.error(`${before} files are as an earlier check found them`);
  const progress = new Progress();
  progress.start('check', before + seen.size, before);
  const abort = new AbortController();
  const watch = setInterval(() => void (stop.code !== undefined && abort.abort()), 100);
  try {
    await tryFiles([...seen.keys()], { jobs, signal: abort.signal, onTried: (path, result) => {
      tried.set(path, result);
      findings.add(seen.get(path) as Seen, result);
      progress.update(tried.size, tried.size - before, {});
    } });
  } finally {
    clearInterval(watch);
    progress.stop();
  }
  return tried;
}

/** File after file, line after line. */
function inOrder(problems: readonly LineProblem[]): LineProblem[] {
  const files = [...new Set(problems.map(({ file }) => file))];
  return [...problems].sort((a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line);
}

/** The lines of files that cannot be decoded. */
function brokenLines(lists: readonly CheckedList[], tried: ReadonlyMap<string, Tried>): LineProblem[] {
  return lists.flatMap(({ entries }) =>
    entries.flatMap(({ path, name, file, line }) => {
      const result = tried.get(path);
      if (result === undefined || !('problem' in result)) return [];
      return [{ file, line,
        problem: `${name}: ${result.problem}${result.hint === undefined ? '' : `; ${result.hint}`}` }];
    })
  );
}

/** Clips with fewer frames than are sampled are no mistake, but seldom meant. */
export function shortClips(lists: readonly CheckedList[], tried: ReadonlyMap<string, Tried>,
  frames: number): LineProblem[] {
  return lists.flatMap(({ entries }) => {
    const short = entries.filter(({ path }) => {
      const result = tried.get(path);
      return result !== undefined && 'frames' in result && result.frames < frames;
    });
    if (short.length === 0) return [];
    return [{ file: short[0].file, line: short[0].line,
      problem: `${short[0].name} has fewer than ${frames} frames, so that some are repeated${
        short.length > 1 ? `, as have ${short.length - 1} more` : ''
      }` }];
  });
}

function summaryOf(tried: ReadonlyMap<string, Tried>): CheckReport['files'] {
  const sound = [...tried.values()].filter((result) => 'frames' in result);
  return { tried: tried.size, sound: sound.length, frames: sound.reduce((sum, { frames }) => sum + frames, 0) };
}

/** @param most lines of each kind */
export function textOf({ config, errors, problems, warnings, missing, files, cleaned }: CheckReport,
  most: number): string {
  const number = (count: number) => count.toLocaleString('en-US');
  return [
    ...errors.map(({ message, hint }) => `error: ${message}${hint === undefined ? '' : `\n  ${hint}`}`),
    ...someOf(problems, most).map((line) => `error: ${line}`),
    ...someOf(warnings, most).map((line) => `warning: ${line}`),
    ...(most < Infinity ? [] : someOf(missing, most).map((line) => `missing: ${line}`)),
    `${number(files.sound)} of ${number(files.tried)} files are sound, with ${number(files.frames)} frames`,
    ...cleaned.map(({ list, path, labels, kept, leftOut }) =>
      `${path}: ${number(kept)} lines of ${list}, without the ${number(leftOut)} that cannot be used${
        labels === undefined ? '' : `; it is read with data.format: list and data.labels: ${labels}`
      }`
    ),
    errors.length + problems.length === 0
      ? `${config}: nothing is in the way of this run`
      : `${config}: ${number(errors.length + problems.length)} things are in the way of this run`,
  ].join('\n');
}
