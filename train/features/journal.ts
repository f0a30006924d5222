/**
 * Features as they are made, until all are there: a file that only grows, beside the one that it will become. A process
 * that is killed at any moment loses what was under way, and no more: a record that is cut off, or does not match its
 * checksum, ends what is read of it.
 *
 * A line of JSON says what the features are made with; then come records, each a line of JSON and the numbers of some
 * neighbouring pieces: unit features [rows, E], and where the model's own comparison is kept, what it takes of the
 * videos, [rows, E], and of their patches, [rows, N, E]; f32, little-endian.
 */
import { createHash } from 'node:crypto';
import { existsSync, rmSync, truncateSync } from 'node:fs';
import { z } from 'zod';
import { FirstlightError } from '../../engine/errors.ts';
import { isObject, parseJson } from '../../engine/json.ts';
import { FileBytes } from '../../model/checkpoint/bytes.node.ts';
import { AppendedFile } from '../log/appended.ts';
import type { ClipFeatures } from './model.ts';

/** Features of some pieces of a clip. */
const recordSchema = z.strictObject({
  clip: z.string(),
  /** What the video's file was: bytes, and time of the last change. */
  file: z.string(),
  /** Place of the first piece among `total`. Where it is 0, what was there of this clip is void. */
  first: z.int().min(0),
  total: z.int().min(1),
  rows: z.int().min(1),
  /** Numbers of a feature, and patches of which features are kept, 0 where none are. */
  width: z.int().min(1),
  patches: z.int().min(0),
  /** Whether what the model compares is kept, too. */
  isWhole: z.boolean(),
  /** Start and end of each piece in seconds; null: the clip was not cut. */
  times: z.array(z.tuple([z.number(), z.number()])).nullable(),
});

/** A clip that cannot be decoded. */
const brokenSchema = z.strictObject({ clip: z.string(), file: z.string(), broken: z.string() });

type Record = Readonly<z.infer<typeof recordSchema>>;

/** Where the numbers of a record lie. */
interface Chunk extends Record {
  readonly at: number;
}

/** What is known of a clip. */
export type Known =
  | { readonly file: string; readonly broken: string }
  | { readonly file: string; readonly chunks: readonly Chunk[] };

/** Which numbers of a clip are meant. */
export type Numbers = keyof ClipFeatures;

/** Bytes of a line of JSON at most: of a record with the times of many pieces. */
const MOST_LINE = 2 ** 20;

export class FeatureJournal {
  readonly #path: string;
  readonly #known: Map<string, Known>;
  readonly #appended: AppendedFile;
  #end: number;
  #reader: FileBytes | undefined;

  private constructor(path: string, known: Map<string, Known>, end: number) {
    this.#path = path;
    this.#known = known;
    this.#appended = new AppendedFile(path, 'a+');
    this.#end = end;
  }

  /**
   * Opens a journal, or begins one.
   *
   * @param identity all that features depend on, but the videos
   * @throws FirstlightError FL_FEATURES where the one that is there was begun with another
   */
  static async open(path: string, identity: object): Promise<FeatureJournal> {
    const head = Buffer.from(`${JSON.stringify({ journal: 'firstlight features 1', ...identity })}\n`);
    const known = new Map<string, Known>();
    let end = 0;
    if (existsSync(path)) {
      const file = await FileBytes.open(path);
      try {
        const line = await lineAt(file, 0);
        // what was cut off in its first line holds nothing
        if (line !== undefined && !head.equals(Buffer.from(`${line.text}\n`))) {
          throw otherIdentity(path, line.text, head);
        }
        if (line !== undefined) end = await readRecords(file, line.end, known);
      } finally {
        await file.close();
      }
      truncateSync(path, end);
    }
    const journal = new FeatureJournal(path, known, end);
    if (end === 0) journal.#append(head);
    return journal;
  }

  /** What is known of a clip whose file is as it was; undefined if nothing is. */
  of(clip: string, file: string): Known | undefined {
    const known = this.#known.get(clip);
    return known?.file === file ? known : undefined;
  }

  /** Adds features of some pieces. @throws FileError if the disk does not take them; all before is kept */
  add(record: Record, { unit, video, patches }: ClipFeatures): void {
    const numbers = Buffer.concat((record.isWhole ? [unit, video, patches] : [unit]).map(bytesOf));
    const line = lineOf(record, numbers);
    const at = this.#end + line.length;
    this.#append(Buffer.concat([line, numbers]));
    note(this.#known, { ...record, at });
  }

  /** Adds a clip that cannot be decoded. */
  addBroken(clip: string, file: string, broken: string): void {
    this.#append(lineOf({ clip, file, broken }, Buffer.alloc(0)));
    this.#known.set(clip, { file, broken });
  }

  /** Numbers of a chunk. */
  async read(chunk: Chunk, which: Numbers): Promise<Float32Array> {
    this.#reader ??= await FileBytes.open(this.#path);
    const { from, to } = spanOf(chunk, which);
    return new Float32Array((await this.#reader.read(chunk.at + from, to - from)).buffer);
  }

  /** Brings all to the disk. */
  async close(): Promise<void> {
    await this.#reader?.close();
    this.#reader = undefined;
    this.#appended.close();
  }

  /** Removes it, closed: its features have another place. */
  static remove(path: string): void {
    rmSync(path, { force: true });
  }

  #append(bytes: Buffer): void {
    this.#appended.append(bytes);
    if (this.#appended.problem !== undefined) throw this.#appended.problem;
    this.#end += bytes.length;
  }
}

/** Whether all pieces of a clip are there. */
export function isDone(known: Known | undefined): boolean {
  if (known === undefined) return false;
  return 'broken' in known || piecesDone(known) === known.chunks[0].total;
}

/** Pieces of a clip that are there, from its first on. */
export const piecesDone = (known: Known | undefined): number =>
  known === undefined || 'broken' in known ? 0 : known.chunks.reduce((sum, { rows }) => sum + rows, 0);

const bytesOf = (values: Float32Array) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);

/** Where numbers of a chunk lie among all of its own, in bytes. */
function spanOf({ rows, width, patches }: Record, which: Numbers): { readonly from: number; readonly to: number } {
  const [unit, all] = [4 * rows * width, 4 * rows * width * patches];
  const from = { unit: 0, video: unit, patches: 2 * unit }[which];
  return { from, to: from + (which === 'patches' ? all : unit) };
}

/** Takes a record in, if it goes on where the clip's last one ended. Returns whether it does. */
function note(known: Map<string, Known>, chunk: Chunk): boolean {
  const { clip, file, first } = chunk;
  const before = known.get(clip);
  if (first === 0) known.set(clip, { file, chunks: [chunk] });
  else if (before === undefined || 'broken' in before || before.file !== file || piecesDone(before) !== first) {
    return false;
  } else known.set(clip, { file, chunks: [...before.chunks, chunk] });
  return true;
}

/** A record's line, with the checksum of line and numbers. */
function lineOf(record: object, numbers: Uint8Array): Buffer {
  return Buffer.from(`${JSON.stringify({ ...record, sha256: digestOf(record, numbers) })}\n`);
}

const digestOf = (record: object, numbers: Uint8Array) =>
  createHash('sha256').update(JSON.stringify(record)).update(numbers).digest('hex');

/** Reads records as far as they are whole, and returns where they end. */
async function readRecords(file: FileBytes, start: number, known: Map<string, Known>): Promise<number> {
  let end = start;
  for (;;) {
    const line = await lineAt(file, end);
    const value = line === undefined ? undefined : jsonOf(line.text);
    if (line === undefined || !isObject(value)) return end;
    const { sha256, ...rest } = value;
    const broken = brokenSchema.safeParse(rest);
    const record = recordSchema.safeParse(rest);
    const size = record.success ? sizeOf(record.data) : 0;
    if (!(broken.success || record.success) || line.end + size > file.size) return end;
    if (digestOf(rest, await file.read(line.end, size)) !== sha256) return end;
    if (broken.success) known.set(broken.data.clip, { file: broken.data.file, broken: broken.data.broken });
    else if (!note(known, { ...(record.data as Record), at: line.end })) return end;
    end = line.end + size;
  }
}

/** Bytes of a record's numbers. */
const sizeOf = (record: Record) => spanOf(record, record.isWhole ? 'patches' : 'unit').to;

function jsonOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/** A line, and the place behind its end; undefined if it has none. */
async function lineAt(file: FileBytes,
  start: number): Promise<{ readonly text: string; readonly end: number } | undefined> {
  const length = Math.min(MOST_LINE, file.size - start);
  for (let size = Math.min(4096, length); size > 0; size = size === length ? 0 : Math.min(16 * size, length)) {
    const bytes = Buffer.from((await file.read(start, size)).buffer);
    const end = bytes.indexOf('\n');
    if (end >= 0) return { text: bytes.toString('utf8', 0, end), end: start + end + 1 };
  }
  return undefined;
}

/** An error that says which settings differ. */
function otherIdentity(path: string, text: string, head: Buffer): FirstlightError {
  const [was, is] = [jsonOf(text), jsonOf(head.toString())].map(flatOf);
  const keys = [...new Set([...was.keys(), ...is.keys()])].filter((key) => was.get(key) !== is.get(key));
  return new FirstlightError('FL_FEATURES',
    `${path} was begun with other settings: ${
      keys.map((key) => `${key} was ${was.get(key) ?? 'not there'}, is now ${is.get(key) ?? 'not there'}`).join('; ')
    }`, { path, keys }, 'go on with the same, or remove the file to begin anew');
}

/** Members of an object and of the objects in it, as JSON. */
function flatOf(value: unknown): Map<string, string> {
  if (!isObject(value)) return new Map([['its first line', 'no object']]);
  return new Map(
    Object.entries(value).flatMap(([key, member]) =>
      isObject(member) ? [...flatOf(member)] : [[key, JSON.stringify(member)] as const]
    ),
  );
}
