/** Features from a journal into the file that they become: safetensors, or lines of JSON. */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatasetError } from '../../engine/errors.ts';
import { disk, writeAtomically } from '../../model/checkpoint/files.node.ts';
import type { NamedTensor } from '../../model/checkpoint/safetensors.ts';
import type { Clip } from './clips.ts';
import { fileOf } from './embedding.ts';
import { type Head, writeFeatures } from './file.ts';
import { type FeatureJournal, type Known, type Numbers } from './journal.ts';

/** Features of texts, [K, E]. */
export interface TextFeatures {
  readonly texts: readonly string[];
  readonly values: Float32Array;
}

/** What is written, in its order. */
export interface Assembly {
  readonly clips: readonly Clip[];
  readonly journal: FeatureJournal;
  /** The head, but for what the journal knows. */
  readonly head: Omit<Head, 'names' | 'broken' | 'texts'>;
  readonly texts: TextFeatures;
}

/** What came of the clips. */
export interface Assembled {
  readonly rows: number;
  readonly broken: Head['broken'];
  /** Of the file. */
  readonly bytes: number;
}

type Chunks = Extract<Known, { chunks: unknown }>['chunks'];

/** Clips with their features, in the order of the list. @throws DatasetError where there is nothing to write */
function partsOf({ clips, journal, texts }: Assembly) {
  const sound: { readonly clip: Clip; readonly chunks: Chunks }[] = [];
  const broken: Head['broken'][number][] = [];
  for (const clip of clips) {
    const known = journal.of(clip.name, fileOf(clip.path));
    if (known === undefined) broken.push({ name: clip.name, reason: 'the file was changed meanwhile' });
    else if ('broken' in known) broken.push({ name: clip.name, reason: known.broken });
    else sound.push({ clip, chunks: known.chunks });
  }
  if (sound.length === 0 && texts.texts.length === 0) {
    throw new DatasetError(broken.map(({ name, reason }) => ({ file: name, line: 0, problem: reason })));
  }
  const rows = sound.flatMap(({ clip, chunks }) =>
    chunks.flatMap((chunk) => Array.from({ length: chunk.rows }, (_, i) => ({ clip, time: chunk.times?.[i] })))
  );
  return { chunks: sound.flatMap(({ chunks }) => chunks), rows, broken };
}

/** Writes safetensors. The same clips and texts give the same bytes. */
export async function writeTensors(file: string, assembly: Assembly): Promise<Assembled> {
  const { journal, head, texts: { texts, values } } = assembly;
  const { chunks, rows, broken } = partsOf(assembly);
  const count = rows.length;
  const first = chunks.at(0);
  const width = first?.width ?? values.length / texts.length;
  const tensors: NamedTensor[] = [];
  const readers = new Map<string, () => AsyncIterable<Float32Array | Int32Array>>();
  const put = (tensor: NamedTensor, read: () => AsyncIterable<Float32Array | Int32Array>) => {
    tensors.push(tensor);
    readers.set(tensor.name, read);
  };
  const ofJournal = (which: Numbers) =>
    async function*() {
      for (const chunk of chunks) yield await journal.read(chunk, which);
    };
  const ofMemory = <T>(all: T) =>
    async function*() {
      yield all;
    };
  if (first !== undefined) {
    put({ name: 'features', shape: [count, width] }, ofJournal('unit'));
    if (first.isWhole) put({ name: 'video', shape: [count, width] }, ofJournal('video'));
    if (first.patches > 0) put({ name: 'patches', shape: [count, first.patches, width] }, ofJournal('patches'));
    if (first.times !== null) {
      put({ name: 'times', shape: [count, 2] }, ofMemory(Float32Array.from(rows.flatMap(({ time }) => time ?? []))));
    }
    if (rows[0].clip.label !== undefined) {
      put({ name: 'labels', shape: [count], dtype: 'I32' }, ofMemory(Int32Array.from(rows, ({ clip }) =>
        clip.label as number)));
    }
  }
  if (texts.length > 0) put({ name: 'texts', shape: [texts.length, width] }, ofMemory(values));
  const names = rows.map(({ clip }) => clip.name);
  await writeFeatures(file, { ...head, names, broken, texts: [...texts] }, tensors,
    (name) => (readers.get(name) as () => AsyncIterable<Float32Array | Int32Array>)());
  return { rows: count, broken, bytes: (await stat(file)).size };
}

/** Writes lines of JSON: what the features were made with, then a line for each row, then one for each text. */
export async function writeLines(file: string, assembly: Assembly): Promise<Assembled> {
  const { journal, head, texts: { texts, values } } = assembly;
  const { chunks, rows, broken } = partsOf(assembly);
  const line = (value: object) => Buffer.from(`${JSON.stringify(value)}\n`);
  async function* lines() {
    yield line({ firstlight: { ...head, broken } });
    let row = 0;
    for (const chunk of chunks) {
      const unit = await journal.read(chunk, 'unit');
      for (let i = 0; i < chunk.rows; i++, row++) {
        const { clip: { name, label }, time } = rows[row];
        yield line({ name, ...(label !== undefined && { label }),
          ...(time !== undefined && { start: time[0], end: time[1] }),
          features: [...unit.subarray(i * chunk.width, (i + 1) * chunk.width)] });
      }
    }
    const width = values.length / texts.length;
    for (const [k, text] of texts.entries()) {
      yield line({ text, features: [...values.subarray(k * width, (k + 1) * width)] });
    }
  }
  await disk.mkdir(dirname(file));
  await writeAtomically(disk, file, lines());
  return { rows: rows.length, broken, bytes: (await stat(file)).size };
}
