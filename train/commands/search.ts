import { existsSync } from 'node:fs';
import { relative, resolve, isAbsolute } from 'node:path';
import { ConfigError, open } from '../../engine/index.ts';
import { shown } from '../../engine/shown.ts';
import { tuned } from '../../kernels/tuned.ts';
import { FeatureFile } from '../features/file.ts';
import { checkpointHash, requireSameMade } from '../features/made.ts';
import { looksOf } from '../features/model.ts';
import { bestRows, retrievalOf, scoresOf, type Way } from '../features/search.ts';
import { escapedJson } from '../prediction/answer.ts';
import { modelFolderOf } from '../run/model_folder.ts';
import { openSystem } from '../run/system.ts';

export interface SearchOptions {
  readonly features: string;
  readonly texts: readonly string[];
  /** Ask for the name of every class of the file, and say how often it is found. */
  readonly eachClass: boolean;
  /** The one that the features were made with, if it has another place now. */
  readonly checkpoint?: string;
  /** As the file allows, if omitted. */
  readonly by?: Way;
  /** Clips printed for each text. */
  readonly top: number;
  readonly json?: boolean;
}

/** A clip, or a piece of one, that fits a text. */
export interface Found {
  readonly file: string;
  readonly score: number;
  /** Seconds, of a piece. */
  readonly start?: number;
  readonly end?: number;
}

/** Ranks the clips of a file of features for each text. Returns the exit status. */
export async function search(
  { features, texts: asked, eachClass, checkpoint, by, top, json }: SearchOptions,
): Promise<number> {
  const file = await FeatureFile.open(features);
  try {
    const way = wayOf(file, by);
    const { head: { made, classes }, labels } = file;
    if (eachClass && (classes === null || labels === undefined)) {
      throw new ConfigError(features, ['has no names of classes to ask for'],
        'embed a list with lines "path label", and --labels labels.csv');
    }
    const texts = eachClass ? classes as string[] : asked;
    const place = checkpoint ?? file.resolved('checkpoint');
    if (checkpoint === undefined && !existsSync(place)) {
      throw new ConfigError(features, [`its checkpoint is not at ${shown(place)} any more`],
        'name its place: --checkpoint');
    }
    await using gpu = await open({ tuning: tuned });
    gpu.requireType(made.precision);
    const folder = modelFolderOf(place);
    const system = await openSystem(gpu, folder, { precision: made.precision });
    using _model = system.model;
    const hint = checkpoint === undefined
      ? `its checkpoint was changed: name the right one (--checkpoint), or embed the clips anew`
      : 'name the checkpoint that the features were made with';
    requireSameMade(features, made, { ...made, ...looksOf(system), checkpoint: await checkpointHash(folder) }, hint);
    const scores = await scoresOf(gpu, system, file, texts, way);
    const found = texts.map((text, k) => ({ text, by: way,
      found: bestRows(scores, texts.length, k).slice(0, top).map((row) =>
        foundOf(file, row, scores[row * texts.length + k])
      ) })
    );
    if (json === true) console.log(escapedJson(found, 2));
    else if (!eachClass) { for (const each of found) console.log(tableOf(each)); }
    if (way === 'cosine' && by === undefined) {
      console.error('firstlight: by cosines of unit features, all that this file has: predict compares in another way');
    }
    if (eachClass && json !== true) console.log(retrievalText(scores, labels as Int32Array, texts.length));
    return 0;
  } finally {
    await file.close();
  }
}

/** @throws ConfigError where the file lacks what the model compares */
function wayOf({ isWhole, path }: FeatureFile, by: Way | undefined): Way {
  if (by === 'model' && !isWhole) {
    throw new ConfigError(path, ['has unit features alone, not what the model compares with a text'],
      'embed the clips without --unit-only, or search by cosines: --by cosine');
  }
  return by ?? (isWhole ? 'model' : 'cosine');
}

function foundOf(file: FeatureFile, row: number, score: number): Found {
  const times = file.times?.subarray(2 * row, 2 * row + 2);
  return { file: resolve(file.resolved('root'), file.head.names[row]), score,
    ...(times !== undefined && { start: times[0], end: times[1] }) };
}

/** The clips of a text, for people. */
export function tableOf({ text, found }: { readonly text: string; readonly found: readonly Found[] }): string {
  const lines = found.map(({ file, score, start, end }) => {
    const from = relative('', file);
    const time = start === undefined ? '' : `  ${clock(start)} to ${clock(end as number)}`;
    return `  ${score.toFixed(3).padStart(8)}  ${
      shown(from.startsWith('..') || isAbsolute(from) ? file : from)
    }${time}`;
  });
  return [shown(text), ...lines].join('\n');
}

/** 75.5 → "1:15.5". */
function clock(seconds: number): string {
  const tenths = Math.round(10 * seconds);
  const two = (value: number) => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(tenths / 36_000), Math.floor(tenths / 600) % 60];
  const rest = `${two(Math.floor(tenths / 10) % 60)}.${tenths % 10}`;
  return hours > 0 ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}

/** How often names find their clips, and clips their names. @param scores of each clip, a row of all names */
export function retrievalText(scores: Float32Array, labels: Int32Array, classes: number): string {
  const { asked, found, named } = retrievalOf(scores, labels, classes);
  const share = (part: number, all: number) => `${part} of ${all} (${((100 * part) / all).toFixed(1)} %)`;
  return `names whose first clip has that name: ${share(found, asked)}\nclips whose first name is theirs: ${
    share(named, labels.length)
  }`;
}
