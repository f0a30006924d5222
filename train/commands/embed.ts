import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConfigError, type FloatType, formatBytes, type Gpu, open } from '../../engine/index.ts';
import { oneLine, shown } from '../../engine/shown.ts';
import { tuned } from '../../kernels/tuned.ts';
import type { Part } from '../data/sets/scan.ts';
import type { Assembled } from '../features/assembly.ts';
import { type ClipSet, clipsIn } from '../features/clips.ts';
import { FeatureFile } from '../features/file.ts';
import { FeatureJournal } from '../features/journal.ts';
import { checkpointHash, type Made, requireSameMade } from '../features/made.ts';
import { isOfLines, makeFeatures, PARTIAL } from '../features/making.ts';
import { looksOf } from '../features/model.ts';
import { heldOutShare, labelledIn, type ProbeResult, trainProbe } from '../features/probe.ts';
import { Progress } from '../log/progress.ts';
import { warn } from '../run/lists.ts';
import { modelFolderOf } from '../run/model_folder.ts';
import { StopRequest } from '../run/stop.ts';
import { openSystem } from '../run/system.ts';

export interface EmbedOptions {
  /** A list, a folder or a video; undefined: texts alone. */
  readonly videos?: string;
  readonly root?: string;
  readonly labels?: string;
  /** Of a configuration. */
  readonly part?: Part;
  readonly texts: readonly string[];
  readonly checkpoint: string;
  readonly precision: FloatType;
  /** Seconds of the pieces that videos are cut into. */
  readonly window: number | null;
  /** Leave out what the model compares. */
  readonly unitOnly: boolean;
  /** `.safetensors`, or `.jsonl`. */
  readonly out: string;
  readonly probe?: { readonly seed: number; readonly heldOut?: string };
}

/** Exit status when a clip could not be decoded. */
const DATA_ERROR = 3;
const NO_CLIPS: ClipSet = { root: resolve('.'), clips: [], warnings: [] };

/** Writes features of videos, and of texts, and measures a probe on them. Returns the exit status. */
export async function embed(options: EmbedOptions): Promise<number> {
  const { videos, root, labels, part, texts, checkpoint, precision, window, unitOnly, out, probe } = options;
  const set = videos === undefined ? NO_CLIPS : clipsIn(videos, { root, labels, part });
  warn(set.warnings);
  await using gpu = await open({ tuning: tuned });
  gpu.requireType(precision);
  const folder = modelFolderOf(checkpoint);
  const system = await openSystem(gpu, folder, { precision });
  using _model = system.model;
  const made: Made = { checkpoint: await checkpointHash(folder), precision, ...looksOf(system), window };
  let broken: Assembled['broken'];
  if (existsSync(out)) broken = await brokenThere(out, made, set, options);
  else {
    using stop = new StopRequest();
    const assembled = await makeFeatures(gpu, system, { set, texts, made, checkpoint: folder, unitOnly, out,
      progress: new Progress(), stop });
    tell(out, set, texts, assembled);
    broken = assembled.broken;
  }
  if (probe !== undefined) await measure(gpu, out, made, probe);
  return broken.length > 0 ? DATA_ERROR : 0;
}

/** Says what a file has come to hold, and what is left out of it. */
export function tell(out: string, { clips }: Pick<ClipSet, 'clips'>, texts: readonly string[],
  { rows, broken, bytes }: Pick<Assembled, 'rows' | 'broken' | 'bytes'>): void {
  const sound = clips.length - broken.length;
  const count = (n: number, word: string) => `${n.toLocaleString('en-US')} ${word}${n === 1 ? '' : 's'}`;
  const parts = [
    ...(clips.length > 0
      ? [rows === sound ? count(rows, 'clip') : `${count(sound, 'clip')} in ${count(rows, 'piece')}`]
      : []),
    ...(texts.length > 0 ? [count(texts.length, 'text')] : []),
  ];
  console.log(`Features of ${parts.join(' and ')}   ${out}   ${formatBytes(bytes)}`);
  if (broken.length === 0) return;
  console.error(
    `firstlight: ${count(broken.length, 'clip')} could not be decoded and ${
      broken.length === 1 ? 'is' : 'are'
    } left out:`,
  );
  for (const { name, reason } of broken.slice(0, 10)) console.error(`  ${shown(name)}: ${oneLine(reason)}`);
  if (broken.length > 10) console.error(`  … and ${broken.length - 10} more`);
}

/**
 * The clips that a file leaves out that is there already.
 * @throws ConfigError where it holds other features than are asked for
 */
async function brokenThere(out: string, made: Made, { clips, classes }: ClipSet,
  { texts, unitOnly }: EmbedOptions): Promise<Assembled['broken']> {
  const hint = 'name another file: --out, or remove this one';
  if (isOfLines(out) || clips.length === 0) throw new ConfigError(out, ['is there already'], hint);
  const file = await FeatureFile.open(out);
  try {
    const { head, labels, rows } = file;
    requireSameMade(out, head.made, made, hint);
    const labelOf = new Map(clips.map(({ name, label }) => [name, label]));
    const there = new Set([...head.names, ...head.broken.map(({ name }) => name)]);
    const isSame = there.size === clips.length && clips.every(({ name }) => there.has(name))
      && head.names.every((name, row) => labels?.[row] === labelOf.get(name))
      && JSON.stringify([head.classes, head.texts, file.isWhole]) ===
        JSON.stringify([classes ?? null, texts, !unitOnly]);
    if (!isSame) throw new ConfigError(out, ['is there already, with other clips, labels, texts or tensors'], hint);
    FeatureJournal.remove(out + PARTIAL); // of a process that was killed when all was done but that
    console.log(`${rows.toLocaleString('en-US')} features are there already   ${out}`);
    return head.broken;
  } finally {
    await file.close();
  }
}

/** Trains a probe on a file and says how good it is. */
async function measure(gpu: Gpu, out: string, made: Made,
  { seed, heldOut }: NonNullable<EmbedOptions['probe']>): Promise<void> {
  const all = await labelledOf(out);
  let parts = heldOutShare(all, seed);
  if (heldOut !== undefined) parts = { train: all, heldOut: await labelledOf(heldOut, made) };
  const result = await trainProbe(gpu, parts, { seed, list: heldOut ?? out });
  console.log(probeLine(result, heldOut === undefined ? `drawn by seed ${seed}` : `of ${heldOut}`));
}

async function labelledOf(path: string, made?: Made) {
  const file = await FeatureFile.open(path);
  try {
    if (made !== undefined) {
      requireSameMade(path, file.head.made, made, 'embed both lists with one checkpoint and the same flags');
    }
    return await labelledIn(file);
  } finally {
    await file.close();
  }
}

/** @param which clips are held out */
export function probeLine({ classes, trained, heldOut, accuracy, trainAccuracy, unknown }: ProbeResult,
  which: string): string {
  const share = (value: number) => `${(100 * value).toFixed(1)} %`;
  const rest = unknown === 0 ? '' : `; ${unknown} of classes that it never saw, which count as wrong`;
  return `Probe   ${share(accuracy)} of ${
    heldOut.toLocaleString('en-US')
  } held out, ${which} (${classes} classes, chance ${share(1 / classes)}); ${share(trainAccuracy)} of the ${
    trained.toLocaleString('en-US')
  } that it was trained on${rest}`;
}
