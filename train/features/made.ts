/** What features were made with: the same features come of the same files with the same of all this. */
import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { ConfigError } from '../../engine/errors.ts';
import { FileBytes } from '../../model/checkpoint/bytes.node.ts';
import { chunksOf } from '../checkpoint/seal.ts';

const count = z.int().min(1);
const rgb = z.tuple([z.number(), z.number(), z.number()]).readonly();
const resampling = z.enum(['bilinear', 'antialiased_bilinear', 'antialiased_bicubic']);

export const madeSchema = z.strictObject({
  /** SHA-256 of the checkpoint's weights, configuration, preprocessor and tokenizer. */
  checkpoint: z.string().regex(/^[0-9a-f]{64}$/),
  precision: z.enum(['f32', 'f16']),
  /** Frames of a clip, and the side of a picture in pixels. */
  frames: count,
  size: count,
  resize: z.union([z.strictObject({ resampling, shortSide: count }),
    z.strictObject({ resampling, width: count, height: count })]).nullable(),
  mean: rgb,
  std: rgb,
  /** Seconds of a piece; null: each video is one clip. */
  window: z.number().positive().nullable(),
});

export type Made = Readonly<z.infer<typeof madeSchema>>;

/** Files that stand beside the weights, and on which features of videos or of texts depend. */
const BESIDE =
  /^((preprocessor_|processor_|tokenizer_)?config|tokenizer|vocab|added_tokens)\.json$|^merges\.txt$|^bpe_simple_vocab/;
const WEIGHTS = /\.(safetensors|safetensors\.index\.json|bin|pt|pth)$/;

/** SHA-256 of a checkpoint, a folder or one file: of what it is made of, with the names. */
export async function checkpointHash(path: string): Promise<string> {
  const hash = createHash('sha256');
  const isFolder = (await stat(path)).isDirectory();
  const folder = isFolder ? path : dirname(path);
  const isMeant = (name: string) => BESIDE.test(name) || (isFolder ? WEIGHTS.test(name) : name === basename(path));
  for (const name of (await readdir(folder)).filter(isMeant).sort()) {
    const file = await FileBytes.open(join(folder, name));
    try {
      hash.update(`${name}\0${file.size}\0`);
      for await (const chunk of chunksOf(file)) hash.update(chunk);
    } finally {
      await file.close();
    }
  }
  return hash.digest('hex');
}

/** What to call each in a message. */
const WORDS: Readonly<Record<keyof Made, string>> = { checkpoint: 'the checkpoint (its SHA-256)',
  precision: 'the precision', frames: 'frames of a clip', size: 'pixels of a side', resize: 'how pictures are resized',
  mean: 'the mean of colours', std: 'the deviation of colours', window: 'seconds of a piece' };

/**
 * Refuses features that were made in another way.
 * @throws ConfigError with all that differs
 */
export function requireSameMade(file: string, found: Made, wanted: Made, hint: string): void {
  const problems = (Object.keys(WORDS) as (keyof Made)[]).flatMap((key) => {
    const [was, is] = [found[key], wanted[key]].map((value) => JSON.stringify(value));
    return was === is ? [] : [`${WORDS[key]}: it has ${was}, wanted is ${is}`];
  });
  if (problems.length > 0) throw new ConfigError(file, problems, hint);
}
