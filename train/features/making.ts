/** All of it: clips and texts to a file of features, from where an interruption left off. */
import { dirname, resolve } from 'node:path';
import type { Gpu } from '../../engine/index.ts';
import { disk } from '../../model/checkpoint/files.node.ts';
import type { System } from '../../model/systems/system.ts';
import { RunLock } from '../checkpoint/lock.ts';
import { portable } from '../data/sets/portable.ts';
import { type Assembled, writeLines, writeTensors } from './assembly.ts';
import type { ClipSet } from './clips.ts';
import { embedClips, type EmbeddingOptions } from './embedding.ts';
import { VERSION } from './file.ts';
import { FeatureJournal } from './journal.ts';
import type { Made } from './made.ts';
import { unitTexts } from './model.ts';

/** What features are made of, and how. */
export interface Making extends Pick<EmbeddingOptions, 'progress' | 'stop'> {
  readonly set: ClipSet;
  readonly texts: readonly string[];
  readonly made: Made;
  /** Folder or file of the checkpoint. */
  readonly checkpoint: string;
  /** Leave out what the model compares; lines of JSON never have it. */
  readonly unitOnly: boolean;
  /** `.safetensors`, or `.jsonl`. */
  readonly out: string;
}

/** What is there while features are made, beside the file that it will become. */
export const PARTIAL = '.partial';

/** Whether a file is one of lines of JSON. */
export const isOfLines = (file: string): boolean => file.endsWith('.jsonl');

/**
 * Makes features and writes them, whole or not at all. What was made before an interruption is not made again, and the
 * file has the same bytes as without it.
 *
 * @throws RunLockedError while another process makes the same file, InterruptedError
 */
export async function makeFeatures(gpu: Gpu, system: System, making: Making): Promise<Assembled> {
  const { set, texts, made, checkpoint, out, progress, stop } = making;
  const isWhole = !isOfLines(out) && !making.unitOnly;
  const home = dirname(resolve(out));
  await disk.mkdir(home);
  const lock = await RunLock.take(out, `${out}.lock`);
  try {
    const partial = out + PARTIAL;
    const root = portable(set.root, home);
    const journal = await FeatureJournal.open(partial, { made, root, isWhole, adapter: gpu.name });
    let assembled: Assembled;
    try {
      await embedClips({ gpu, system, clips: set.clips, journal, window: made.window, isWhole, progress, stop });
      const values = texts.length > 0 ? await unitTexts(gpu, system, texts) : new Float32Array(0);
      const head = { version: VERSION, made, checkpoint: portable(resolve(checkpoint), home), root,
        classes: set.classes === undefined ? null : [...set.classes] } as const;
      const write = isOfLines(out) ? writeLines : writeTensors;
      assembled = await write(out, { clips: set.clips, journal, head, texts: { texts, values } });
    } finally {
      await journal.close();
    }
    FeatureJournal.remove(partial);
    return assembled;
  } finally {
    lock.release();
  }
}
