import { existsSync, rmSync, truncateSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { FirstlightError } from '../../../engine/errors.ts';
import { readRegularSync } from '../../../engine/regular_file.node.ts';
import { parseJson } from '../../../engine/json.ts';
import { oneLine, shown } from '../../../engine/shown.ts';
import { AppendedFile } from '../../log/appended.ts';
import { portable } from '../sets/portable.ts';

/** What a run folder keeps of the clips that could not be decoded: a line of JSON each. */
export const QUARANTINE_FILE = 'quarantine.jsonl';

const schema = z.object({
  path: z.string(),
  reason: z.string(),
  /** Epoch of training, from 0; null in an evaluation. */
  epoch: z.int().nullable(),
  /** Place in the list, from 0. */
  index: z.int(),
  /** ISO 8601, in UTC. */
  time: z.string(),
});

/** A clip that could not be decoded, why, and when it was met first. */
export type QuarantinedClip = Readonly<z.infer<typeof schema>>;

/** The clips of a run folder that could not be decoded, in the order in which they were met. */
export function readQuarantine(folder: string): QuarantinedClip[] {
  return linesOf(join(folder, QUARANTINE_FILE)).clips;
}

function linesOf(file: string): { clips: QuarantinedClip[]; bytes: number } {
  if (!existsSync(file)) return { clips: [], bytes: 0 };
  const text = readRegularSync(file).toString();
  const whole = text.slice(0, text.lastIndexOf('\n') + 1); // what has no line break was cut off by a crash
  const clips = whole.split('\n').slice(0, -1).map((line, i) => {
    try {
      const clip = schema.parse(parseJson(line));
      return { ...clip, path: resolve(dirname(file), clip.path) };
    } catch (cause) {
      throw new FirstlightError('FL_LOG', `${file}:${i + 1}: not an entry of a quarantine`, { file, line: i + 1 },
        'remove the line', cause);
    }
  });
  return { clips, bytes: Buffer.byteLength(whole) };
}

export interface QuarantineOptions {
  /** Where the list of them is kept; omitted, nowhere. */
  readonly folder?: string;
  /** Goes on with the list that is there, instead of beginning a new one. */
  readonly isResumed?: boolean;
  /** Called with each new one. */
  readonly onMeeting?: (clip: QuarantinedClip) => void;
}

/** Clips that cannot be decoded. A run meets each once, and leaves it out from then on. */
export class Quarantine {
  readonly #file: string | undefined;
  /** Open from the first clip that is met. */
  #appended: AppendedFile | undefined;
  readonly #onMeeting: ((clip: QuarantinedClip) => void) | undefined;
  /** Those of earlier processes too. Clips that have become readable are taken out. */
  readonly #clips = new Map<string, QuarantinedClip>();
  /** Those that were tried in this process: a file may have been put right before. */
  readonly #met = new Set<string>();

  constructor({ folder, isResumed = false, onMeeting }: QuarantineOptions = {}) {
    this.#onMeeting = onMeeting;
    if (folder === undefined) return;
    this.#file = join(folder, QUARANTINE_FILE);
    if (!isResumed) rmSync(this.#file, { force: true });
    const { clips, bytes } = linesOf(this.#file);
    if (existsSync(this.#file)) truncateSync(this.#file, bytes);
    for (const clip of clips) this.#clips.set(clip.path, clip);
  }

  /** All that cannot be decoded as far as is known. */
  get clips(): readonly QuarantinedClip[] {
    return [...this.#clips.values()];
  }

  has(path: string): boolean {
    return this.#clips.has(path);
  }

  /** Whether this process has tried to decode a clip in vain. */
  wasMet(path: string): boolean {
    return this.#met.has(path);
  }

  /** Takes in a clip. */
  add(clip: Omit<QuarantinedClip, 'time'>): void {
    this.#met.add(clip.path);
    if (this.#clips.has(clip.path)) return;
    const dated = { ...clip, time: new Date().toISOString() };
    this.#clips.set(clip.path, dated);
    if (this.#file !== undefined) {
      this.#appended ??= new AppendedFile(this.#file, 'a+');
      // a run that is moved with its clips meets none of them twice
      const path = portable(clip.path, resolve(dirname(this.#file)));
      this.#appended.append(Buffer.from(`${JSON.stringify({ ...dated, path })}\n`));
    }
    this.#onMeeting?.(dated);
  }

  /** Takes out a clip that could be decoded after all. */
  release(path: string): void {
    this.#clips.delete(path);
  }

  /** Brings the list to the disk. @throws FileError if the disk does not take it */
  [Symbol.dispose](): void {
    this.#appended?.close();
    this.#appended = undefined;
  }
}

const SHOWN = 10;

/** Lines for people: how many clips could not be decoded, and the first of them. */
export function quarantineText(clips: readonly Pick<QuarantinedClip, 'path' | 'reason'>[], fate: string): string {
  const lines = clips.slice(0, SHOWN).map(({ path, reason }) => `  ${shown(path)}: ${oneLine(reason)}`);
  const more = clips.length > SHOWN ? [`  … and ${clips.length - SHOWN} more`] : [];
  const count = `${clips.length.toLocaleString('en-US')} ${clips.length === 1 ? 'clip' : 'clips'}`;
  return [`${count} could not be decoded and ${fate}:`, ...lines, ...more].join('\n');
}
