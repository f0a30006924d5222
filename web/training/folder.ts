/** What was trained, to be taken along: a folder as Hugging Face has them, in a zip. */
import { type Zippable, zipSync } from 'fflate';
import type { Gpu } from '../../engine/index.ts';
import { folderFiles } from '../../model/checkpoint/folder_files.ts';
import type { Kept } from './kept.ts';
import { type Lesson, SEEN_NAMES } from './lesson.ts';
import type { Folder } from './protocol.ts';
import { keptModel } from './weights.ts';

/** The least that a zip can hold: the same weights give the same bytes. */
const DATE = new Date(1980, 0, 1);

/** The model of a run that is kept, and the names that it learned, as `firstlight predict` opens them. */
export async function zippedFolder(gpu: Gpu, lesson: Lesson, kept: Kept): Promise<Folder> {
  using model = keptModel(gpu, lesson, kept);
  const { preprocessor, words } = lesson;
  const files: Zippable = { 'labels.txt': new TextEncoder().encode(`${SEEN_NAMES.join('\n')}\n`) };
  const made = folderFiles({ config: model.config, parameters: model.state(), preprocessor, tokenizer: {
    files: () => words,
  } });
  for (const { name, pieces } of made) files[name] = await gathered(pieces());
  const { stage, step } = kept;
  return { name: `firstlight-${stage.toLowerCase()}-step-${step}.zip`, zip: zipSync(files, { level: 1, mtime: DATE }) };
}

async function gathered(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array<ArrayBuffer>[] = [];
  for await (const piece of pieces) all.push(piece as Uint8Array<ArrayBuffer>);
  return new Uint8Array(await new Blob(all).arrayBuffer());
}
