/** Paths of clips as they come in: lines of a stream, and files of a folder that is watched. */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { onFileSync } from '../../engine/file_error.ts';
import { videosOf } from '../features/clips.ts';
import type { StopRequest } from '../run/stop.ts';

/** Who may ask that no more be taken in. */
export type Stop = Pick<StopRequest, 'code' | 'signal'>;

/** Paths that are known. */
export async function* listed(paths: readonly string[], stop: Stop): AsyncGenerator<string, void, undefined> {
  for (const path of paths) {
    if (stop.code !== undefined) return;
    yield path;
  }
}

/** Lines of a stream, each as soon as it is there; empty ones are left out. */
export async function* linesOf(stream: Readable, stop: Stop): AsyncGenerator<string, void, undefined> {
  const lines = createInterface({ input: stream, crlfDelay: Infinity, signal: stop.signal });
  for await (const line of lines) if (line !== '' && stop.code === undefined) yield line;
}

/** How often a folder is looked at, and how long a file must stay as it is to be taken for complete. */
export interface WatchTimes {
  readonly everyMs: number;
  readonly settledMs: number;
}

const TIMES: WatchTimes = { everyMs: 500, settledMs: 1000 };

/**
 * Videos of a folder and of its folders: those that are there, and then each that comes, once it is complete: twice
 * the same in size and time of change, `settledMs` apart. One that changes comes again.
 *
 * @throws FileError if the folder cannot be read, or not any more
 */
export function filesOf(folder: string, stop: Stop, times = TIMES): AsyncGenerator<string, void, undefined> {
  const look = () => onFileSync(folder, () => videosOf(folder));
  look(); // now, and not when the first file is asked for
  return watched(look, stop, times);
}

async function* watched(look: () => ReturnType<typeof videosOf>, stop: Stop,
  { everyMs, settledMs }: WatchTimes): AsyncGenerator<string, void, undefined> {
  let known = new Map<string, Seen>();
  while (stop.code === undefined) {
    const now = performance.now();
    const found = new Map<string, Seen>();
    for (const [path, { size, mtimeMs }] of look()) {
      const form = `${size} ${mtimeMs}`;
      const before = known.get(path);
      const seen = before?.form === form ? before : { form, since: now, isGiven: false };
      found.set(path, seen);
      if (seen.isGiven || size === 0 || now - seen.since < settledMs) continue;
      seen.isGiven = true;
      yield path;
    }
    known = found; // what is gone is forgotten, and is new when it comes again
    await setTimeout(everyMs, undefined, { signal: stop.signal }).catch(() => undefined); // asked to stop
  }
}

/** A file as it was seen last. */
interface Seen {
  /** Size and time of change. */
  readonly form: string;
  readonly since: number;
  isGiven: boolean;
}
