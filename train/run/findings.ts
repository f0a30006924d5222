import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { readRegularSync } from '../../engine/regular_file.node.ts';
import { parseJson } from '../../engine/json.ts';
import type { Tried } from '../data/loading/tried.ts';
import { packageVersion } from './machine.ts';

/** A file as it was when it was tried. */
export interface Seen {
  readonly path: string;
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

/** With another decoder files are tried anew. */
const HEADER = JSON.stringify({ check: 1, decoder: `node-av ${packageVersion('node-av') ?? 'unknown'}` });

/** What earlier checks found of files, kept in a file of a line each: a check that was stopped goes on from there. */
export class Findings {
  readonly #file: string;
  readonly #known = new Map<string, { seen: Seen; tried: Tried }>();

  /** Reads the file if there is one; a last line that was not written whole is passed over. */
  constructor(file: string) {
    this.#file = file;
    const [header, ...lines] = existsSync(file) ? readRegularSync(file).toString().split('\n') : [];
    if (header !== HEADER) {
      writeFileSync(file, `${HEADER}\n`);
      return;
    }
    for (const line of lines) {
      const found = parsed(line);
      if (found !== undefined) this.#known.set(found.seen.path, found);
    }
    if (lines.at(-1) !== '') appendFileSync(file, '\n');
  }

  /** What was found, if the file has not changed since. */
  of({ path, size, modified }: Seen): Tried | undefined {
    const known = this.#known.get(path);
    return known?.seen.size === size && known.seen.modified === modified ? known.tried : undefined;
  }

  /** Keeps what was found, unless it may be another time. */
  add(seen: Seen, tried: Tried): void {
    if ('problem' in tried && tried.isPassing === true) return;
    this.#known.set(seen.path, { seen, tried });
    appendFileSync(this.#file, `${JSON.stringify({ ...seen, ...tried })}\n`);
  }
}

const count = z.int().min(1);
const seen = { path: z.string(), size: z.number(), modified: z.number() };
const schema = z.union([
  z.object({ ...seen, frames: count, width: count, height: count }),
  z.object({ ...seen, problem: z.string(), hint: z.string().optional() }),
]);

function parsed(line: string): { seen: Seen; tried: Tried } | undefined {
  try {
    const { path, size, modified, ...tried } = schema.parse(parseJson(line));
    return { seen: { path, size, modified }, tried };
  } catch {
    return undefined;
  }
}
