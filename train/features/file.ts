/**
 * A file of features: safetensors, whose tensors and names other programs read, too.
 *
 *   features [R, E]     unit features, a row for each clip, or for each piece of one
 *   video [R, E]        what the model compares with texts: its features of the videos as they come,
 *   patches [R, N, E]   and, of X-CLIP, of their patches, averaged over frames
 *   labels [R]          I32, the class of each, of a list with labels
 *   times [R, 2]        start and end of each piece in seconds, of videos that were cut
 *   texts [K, E]        unit features of texts
 *
 * `__metadata__.firstlight` is JSON: what the features were made with, and the names of the rows.
 */
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { CheckpointFormatError, FirstlightError } from '../../engine/errors.ts';
import { parseJson } from '../../engine/json.ts';
import { shown } from '../../engine/shown.ts';
import { FileBytes } from '../../model/checkpoint/bytes.node.ts';
import { disk, writeAtomically } from '../../model/checkpoint/files.node.ts';
import { encodeSafetensors, type NamedTensor, openSafetensors,
  type SafetensorsFile } from '../../model/checkpoint/safetensors.ts';
import { issueText } from '../log/schemas.ts';
import { madeSchema } from './made.ts';

/** A path as it may stand in a file from elsewhere: no share of another machine, which would be asked for it. */
const path = z.string().regex(/^(?![\\/]{2})[^\0]*$/);

const headSchema = z.strictObject({
  version: z.literal(1),
  made: madeSchema,
  /** From the folder of the file on, or absolute. */
  checkpoint: path,
  /** Folder that the names start at, likewise. */
  root: path,
  /** [R] */
  names: z.array(z.string()),
  /** By label. */
  classes: z.array(z.string()).nullable(),
  /** Clips that could not be decoded, and are in no row. */
  broken: z.array(z.strictObject({ name: z.string(), reason: z.string() })),
  /** [K] */
  texts: z.array(z.string()),
});

/** What a file of features says of itself. */
export type Head = Readonly<z.infer<typeof headSchema>>;

export const VERSION = 1;
const KEY = 'firstlight';
/** How far the length of a unit feature may be from 1: f32 rounds, and so do other writers. */
const UNIT_SLACK = 1e-3;
/** Values of a tensor, some after others. */
type Values = AsyncIterable<Float32Array | Int32Array>;

/** Writes a file, whole or not at all. */
export async function writeFeatures(file: string, head: Head, tensors: readonly NamedTensor[],
  read: (name: string) => Values): Promise<void> {
  await disk.mkdir(dirname(file));
  await writeAtomically(disk, file, encodeSafetensors(tensors, read, { format: 'pt', [KEY]: JSON.stringify(head) }));
}

/** An opened file of features, whose form has been checked; numbers are when they are read. Close it after use. */
export class FeatureFile {
  readonly path: string;
  readonly head: Head;
  readonly rows: number;
  /** E */
  readonly width: number;
  /** N; 0: patches are not kept. */
  readonly patches: number;
  /** Whether what the model compares is there, beside unit features. */
  readonly isWhole: boolean;
  /** [R], if the list had labels. */
  readonly labels: Int32Array | undefined;
  /** [R, 2] seconds, if videos were cut. */
  readonly times: Float32Array | undefined;
  readonly #file: SafetensorsFile;
  readonly #handle: FileBytes;

  private constructor(path: string, handle: FileBytes, file: SafetensorsFile,
    { head, shape: [rows, width], patches, isWhole, labels, times }: { readonly head: Head;
      readonly shape: readonly number[]; readonly patches: number; readonly isWhole: boolean;
      readonly labels?: Int32Array; readonly times?: Float32Array }) {
    this.path = path;
    this.#handle = handle;
    this.#file = file;
    this.head = head;
    this.rows = rows;
    this.width = width;
    this.patches = patches;
    this.isWhole = isWhole;
    this.labels = labels;
    this.times = times;
  }

  /**
   * Opens a file of features of videos.
   * @throws CheckpointFormatError, FirstlightError FL_FEATURES where the file is something else
   */
  static async open(path: string): Promise<FeatureFile> {
    const handle = await FileBytes.open(path);
    try {
      if ((await handle.read(0, Math.min(1, handle.size)))[0] === 0x7b) {
        throw new FirstlightError('FL_FEATURES', `${shown(path)}: is JSON, not safetensors`, { path },
          'lines of JSON are for other programs: write features with --out NAME.safetensors to search them');
      }
      const file = await openSafetensors(handle);
      const head = headOf(file, path);
      return new FeatureFile(path, handle, file, await partsOf(file, head));
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** A path that the head gives. */
  resolved(key: 'checkpoint' | 'root'): string {
    return resolve(dirname(this.path), this.head[key]);
  }

  /**
   * Rows from `first` on: unit features, or what the model compares.
   * @throws CheckpointFormatError naming a row with a number that is not finite, or a unit feature of another length
   */
  async floats(which: 'features' | 'video' | 'patches', first: number, count: number): Promise<Float32Array> {
    const perRow = this.width * (which === 'patches' ? this.patches : 1);
    if (perRow === 0) return new Float32Array(0);
    const bytes = await this.#file.bytes(which, 4 * first * perRow, 4 * (first + count) * perRow);
    const values = new Float32Array(bytes.buffer);
    const flaw = values.findIndex((value) => !Number.isFinite(value));
    if (flaw >= 0) {
      throw new CheckpointFormatError('NotFinite', this.path,
        `holds ${values[flaw]} in row ${first + Math.floor(flaw / perRow)}`, which);
    }
    if (which === 'features') this.#requireUnit(values, first);
    return values;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  #requireUnit(values: Float32Array, first: number): void {
    for (let row = 0; row * this.width < values.length; row++) {
      const own = values.subarray(row * this.width, (row + 1) * this.width);
      const length = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0));
      if (Math.abs(length - 1) <= UNIT_SLACK) continue;
      throw new CheckpointFormatError('NotUnit', this.path,
        `row ${first + row} has the length ${length.toPrecision(4)}, a unit feature has 1`, 'features');
    }
  }
}

function headOf({ metadata }: SafetensorsFile, path: string): Head {
  const refuse = (problem: string) =>
    new FirstlightError('FL_FEATURES', `${shown(path)}: ${problem}`, { path }, 'write it anew: firstlight embed');
  const text = metadata.get(KEY);
  if (text === undefined) throw refuse('is no file of features: its metadata has no "firstlight"');
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw refuse(`its metadata "firstlight" is no JSON: ${shown((error as Error).message)}`);
  }
  const found = headSchema.safeParse(value);
  if (!found.success) throw refuse(`its metadata "firstlight" is not that of features: ${issueText(found.error)}`);
  return found.data;
}

/** Tensors beside the head, whose shapes must fit each other. */
async function partsOf(file: SafetensorsFile, head: Head) {
  const fail = (tensor: string, message: string) =>
    new CheckpointFormatError('WrongFeatures', file.name, message, tensor);
  const require = (name: string, dtype: string, wanted: readonly (number | string)[]) => {
    const { dtype: own, shape } = file.entry(name);
    const fits = own === dtype && shape.length === wanted.length
      && wanted.every((extent, i) => (typeof extent === 'number' ? extent === shape[i] : shape[i] > 0));
    if (!fits) throw fail(name, `is [${shape}] of ${own}, expected [${wanted.join(', ')}] of ${dtype}`);
    return shape;
  };
  const rows = head.names.length;
  if (rows === 0 || !file.has('features')) {
    throw new FirstlightError('FL_FEATURES', `${shown(file.name)}: holds no features of videos`, { path: file.name });
  }
  const shape = require('features', 'F32', [rows, 'E']);
  const isWhole = file.has('video');
  if (isWhole) require('video', 'F32', [rows, shape[1]]);
  const hasPatches = file.has('patches');
  if (hasPatches && !isWhole) throw fail('patches', 'stands there without "video"');
  const patches = hasPatches ? require('patches', 'F32', [rows, 'N', shape[1]])[1] : 0;
  if (head.texts.length > 0) require('texts', 'F32', [head.texts.length, shape[1]]);
  const labels = file.has('labels')
    ? (require('labels', 'I32', [rows]), await file.integers('labels'))
    : undefined;
  const most = head.classes?.length ?? 2 ** 31;
  const odd = labels?.findIndex((label) => label < 0 || label >= most) ?? -1;
  if (odd >= 0) throw fail('labels', `holds ${labels?.[odd]} in row ${odd}, there are ${most} classes`);
  const times = file.has('times') ? (require('times', 'F32', [rows, 2]), await file.floats('times')) : undefined;
  if ((times === undefined) !== (head.made.window === null)) {
    throw fail('times', head.made.window === null ? 'stands there, but nothing was cut' : 'is missing');
  }
  const wrong = times?.findIndex((time, i) =>
    !(time >= 0 && Number.isFinite(time) && (i % 2 === 0 || time >= times[i - 1]))
  );
  if (wrong !== undefined && wrong >= 0) {
    throw fail('times',
      `row ${Math.floor(wrong / 2)} is from ${times?.[wrong - (wrong % 2)]} to ${
        times?.[wrong - (wrong % 2) + 1]
      } seconds`);
  }
  return { head, shape, patches, isWhole, labels, times };
}
