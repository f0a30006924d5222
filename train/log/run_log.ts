import { ftruncateSync } from 'node:fs';
import { z } from 'zod';
import { FirstlightError } from '../../engine/errors.ts';
import { type FileError, onFileSync } from '../../engine/file_error.ts';
import { readRegularSync } from '../../engine/regular_file.node.ts';
import { parseJson } from '../../engine/json.ts';
import { AppendedFile, type Write } from './appended.ts';

/** What was measured at one step of one stage: one line of `log.jsonl`. */
export interface LogEntry {
  /** The part of the run, e.g. `clip` or `xclip`; several systems of one run have a stage each. */
  readonly stage: string;
  /** Optimiser steps done in this stage. */
  readonly step: number;
  /** When, as ISO 8601 in UTC. */
  readonly time: string;
  /** Values by name, e.g. `loss` and `lr`. JSON has no NaN and no infinity: they stand as texts. */
  readonly values: Readonly<Record<string, number>>;
}

/** A log of JSON lines that only grows: `{"stage":"xclip","step":12,"time":"…","loss":2.1,"lr":0.0008}`. */
export class RunLog {
  readonly #file: AppendedFile;

  /**
   * @param keepThrough on resuming: the step of the checkpoint. Entries after it, and a line cut by a crash, are
   *   removed, because their steps will be done again. Omitted: the log starts empty.
   */
  constructor(path: string, keepThrough?: number, write?: Write) {
    this.#file = new AppendedFile(path, keepThrough === undefined ? 'w+' : 'a+', write);
    if (keepThrough === undefined) return;
    onFileSync(path, () => ftruncateSync(this.#file.file, endOfStep(readRegularSync(path), path, keepThrough)));
  }

  /** Why lines wait in memory that the disk does not take; undefined if none does. */
  get problem(): FileError | undefined {
    return this.#file.problem;
  }

  /** How often it was removed and written anew. */
  get losses(): number {
    return this.#file.losses;
  }

  write({ stage, step, time, values }: LogEntry): void {
    const written = Object.entries(values).map((
      [name, value],
    ) => [name, Number.isFinite(value) ? value : String(value)]);
    this.#file.append(Buffer.from(`${JSON.stringify({ stage, step, time, ...Object.fromEntries(written) })}\n`));
  }

  close(): void {
    this.#file.close();
  }
}

/** All entries of a log, in order. A last line that a crash cut off is left out; any other broken line is an error. */
export function readRunLog(path: string): LogEntry[] {
  return linesOf(readRegularSync(path), path).map(({ entry }) => entry);
}

/** One value over the steps of a stage: what a curve is drawn from. */
export function seriesOf(entries: readonly LogEntry[], stage: string, name: string): [step: number, value: number][] {
  return entries.flatMap((
    entry,
  ) => (entry.stage === stage && Object.hasOwn(entry.values, name)
    ? [[entry.step, entry.values[name]] as [number, number]]
    : [])
  );
}

/** Bytes of the log up to and with the last entry that is not after a step. */
function endOfStep(bytes: Buffer, path: string, step: number): number {
  let end = 0;
  for (const line of linesOf(bytes, path)) {
    if (line.entry.step > step) break;
    end = line.end;
  }
  return end;
}

function linesOf(bytes: Buffer, path: string): { entry: LogEntry; end: number }[] {
  const lines: { entry: LogEntry; end: number }[] = [];
  for (let start = 0;;) {
    const newline = bytes.indexOf(0x0a, start);
    if (newline < 0) return lines; // what has no line break was cut off by a crash
    lines.push({ entry: entryOf(bytes.toString('utf8', start, newline), path, lines.length + 1), end: newline + 1 });
    start = newline + 1;
  }
}

/** Values stand beside what they are of. */
const schema = z.object({ stage: z.string(), step: z.int().min(0), time: z.string() }).catchall(
  z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity'])]),
);

function entryOf(text: string, path: string, line: number): LogEntry {
  try {
    const { stage, step, time, ...values } = schema.parse(parseJson(text));
    return { stage, step, time,
      values: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number(value)])) };
  } catch (cause) {
    throw new FirstlightError('FL_LOG', `${path}:${line}: not an entry of a run's log`, { path, line },
      'remove the line, or start a new run in another --out folder', cause);
  }
}
