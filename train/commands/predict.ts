import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FirstlightError, type FloatType, type Gpu, open, VideoDecodeError } from '../../engine/index.ts';
import { printable, shown } from '../../engine/shown.ts';
import { tuned } from '../../kernels/tuned.ts';
import type { Preprocessor } from '../../model/checkpoint/preprocessor.ts';
import { inputOf, type System, type VideoModel } from '../../model/systems/system.ts';
import type { SystemName } from '../../model/systems/config.ts';
import type { Wording } from '../../model/templates.ts';
import { readSample, type Sample } from '../data/loading/sample.ts';
import { VIDEO_ENDING } from '../data/video/endings.ts';
import { Candidates } from '../protocols/candidates.ts';
import { logitsOf } from '../protocols/logits.ts';
import { modelFolderOf } from '../run/model_folder.ts';
import { openSystem } from '../run/system.ts';

export interface PredictOptions {
  /** Files, and folders whose videos are meant. */
  readonly files: readonly string[];
  /** Names to choose from; a system with a head knows its own if omitted. */
  readonly labels: readonly string[] | undefined;
  readonly checkpoint: string;
  /** Another system than the checkpoint's, which takes of its weights what it has. */
  readonly system?: SystemName;
  readonly precision: FloatType;
  readonly wording: Wording;
  /** Names printed for each file. */
  readonly top: number;
  readonly json?: boolean;
}

/** What is said of one file. */
interface Answer {
  readonly file: string;
  readonly predictions: readonly { readonly label: string; readonly probability: number }[];
}

/** Exit status when a file could not be read. */
const DATA_ERROR = 3;
/** Errors that concern one file: others may be answered all the same. */
const OF_A_FILE = /^FL_(VIDEO|PATH|PNG|FRAME|OOM|LIMIT)/;

/**
 * Ranks labels for each file. A file that cannot be read is reported, the others are still answered. Returns the exit
 * status.
 */
export async function predict(
  { files, labels: asked, checkpoint, system: taken, precision, wording, top, json }: PredictOptions,
): Promise<number> {
  const clips = files.flatMap(clipsOf);
  await using gpu = await open({ tuning: tuned });
  gpu.requireType(precision);
  const system = await openSystem(gpu, modelFolderOf(checkpoint), { precision, system: taken });
  using model = system.model;
  const labels = asked ?? model.classes;
  if (labels === undefined) {
    throw new FirstlightError('FL_USAGE', '--labels is missing', {}, 'for example --labels "juggling, surfing"');
  }
  using candidates = new Candidates(gpu, system, labels, wording);
  const answers: Answer[] = [];
  let failed = 0;
  for (const file of clips) {
    try {
      const ranking = await rankLabels(gpu, system, candidates, file);
      const answer = { file,
        predictions: ranking.slice(0, top).map(({ label, probability }) => ({ label: labels[label], probability })) };
      answers.push(answer);
      if (json !== true) console.log(tableOf(answer));
    } catch (error) {
      if (!(error instanceof FirstlightError) || !OF_A_FILE.test(error.code)) throw error;
      const name = error.message.includes(shown(file)) ? '' : `${shown(file)}: `;
      console.error(`firstlight: ${name}${error.message}${error.hint === undefined ? '' : `\n  ${error.hint}`}`);
      failed++;
    }
  }
  if (json === true) console.log(escapedJson(answers));
  return failed > 0 ? DATA_ERROR : 0;
}

/** A file as it is named; of a folder, the videos in it and in its folders, by name. */
export function clipsOf(path: string): string[] {
  if (!(statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false)) return [path];
  const found = readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((name) =>
    VIDEO_ENDING.test(name) && statSync(join(path, name), { throwIfNoEntry: false })?.isFile() === true
  ).sort();
  if (found.length === 0) console.error(`firstlight: ${path}: there are no videos in this folder`);
  return found.map((name) => join(path, name));
}

/** As an evaluation does it, so that a clip gets the same numbers in both. */
async function rankLabels(gpu: Gpu, { model, preprocessor }: System, candidates: Candidates, file: string) {
  const { frames, views } = await read(file, model, preprocessor);
  return candidates.rank(
    await logitsOf(gpu, model, { frames, views }, { features: candidates.features, input: inputOf(model, preprocessor),
      nameOf: () => file }),
  );
}

/** Whatever goes wrong while a file is read is told of that file. */
async function read(path: string, { input }: VideoModel, { resize }: Preprocessor): Promise<Sample> {
  const sampling = { frames: input.frames, size: input.size, crop: false, flip: false, seed: 0 };
  try {
    return await readSample({ path, index: 0, purpose: { resize }, sampling });
  } catch (cause) {
    if (cause instanceof FirstlightError) throw cause;
    throw new VideoDecodeError(path, (cause as Error).message, cause);
  }
}

/** As `JSON.stringify`: the same value, whose text does nothing to a terminal. */
export const escapedJson = (value: unknown) => printable(JSON.stringify(value, null, 2));

const BAR = 30;

export function tableOf({ file, predictions }: Answer): string {
  const names = predictions.map(({ label }) => shown(label));
  const width = names.reduce((most, { length }) => Math.max(most, length), 0);
  const lines = predictions.map(({ probability }, i) =>
    `  ${(100 * probability).toFixed(1).padStart(5)} %  ${names[i].padEnd(width)}  ${
      '█'.repeat(Math.round(BAR * probability))
    }`.trimEnd()
  );
  return [shown(file), ...lines].join('\n');
}
