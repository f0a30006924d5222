import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { PathError, RunLockedError } from '../../engine/errors.ts';
import { parseJson } from '../../engine/json.ts';
import { readRegularSync } from '../../engine/regular_file.node.ts';
import { Random } from '../../engine/random.ts';
import { RunLock } from '../checkpoint/lock.ts';
import { writeVideo } from '../data/video/encode.ts';
import { captionsOf, classesOf, CLIP_PARTS, clipOf, type ClipPart, stillOf } from './samples.ts';
import { CAPTIONS, CLASS_NAMES, SEEN, SIDE, UNSEEN } from './scenes.ts';
import { writePng } from '../data/video/stills.ts';

export interface MovingShapesSizes {
  /** Clips of the 120 seen classes to train on. */
  readonly train: number;
  /** Further clips of the seen classes, to test. */
  readonly testSeen: number;
  /** Clips of the 24 classes that never occur in training, for zero-shot. */
  readonly testUnseen: number;
  /** Captioned pictures. */
  readonly stills: number;
}

/**
 * Whole numbers of clips for every class: 2 of each seen class, 11 of each unseen one. One clip is then less than half
 * a percent.
 */
export const DEFAULT_SIZES: MovingShapesSizes = { train: 4096, testSeen: 240, testUnseen: 264, stills: 6144 };

/** Where the files of the data set are. */
export interface MovingShapesFolder {
  readonly folder: string;
  /**
   * `path label` lists; paths start at `folder`, labels are those of `seen`, `unseen` for `testUnseen`, `captions` for
   * stills.
   */
  readonly lists: { readonly train: string; readonly testSeen: string; readonly testUnseen: string;
    readonly stills: string };
  /** `id,name` files: the 120 sentences that occur in training, the 24 that never do, and all captions. */
  readonly labels: { readonly seen: string; readonly unseen: string; readonly captions: string };
  /** Whether the files were there already. */
  readonly reused: boolean;
}

/** Raise it when the same parameters give other files. */
const VERSION = 7;
/** Says what the folder is; a hash of null while it is being written. */
const MARKER = 'moving_shapes.json';
const PARTS = ['train', 'test_seen', 'test_unseen', 'stills', 'train.txt', 'test_seen.txt', 'test_unseen.txt',
  'stills.txt', 'labels_seen.csv', 'labels_unseen.csv', 'captions.csv'];

/**
 * Writes *Moving shapes* as real files: H.264 in mp4, one clip in eight as VP9 in webm, stills as PNG, and lists. Every
 * frame is coded by itself, so that compression leaves no trace of the order of frames. A folder that already holds the
 * same data is kept; one that was left unfinished, or whose files have changed, is written anew. While another process
 * writes it, this one waits.
 * @param onProgress called with files done and files in all  @param onWait called twice a second while it waits
 * @throws PathError if the folder holds anything else, such as the finished data set of another seed
 */
export async function writeMovingShapes(
  folder: string,
  seed: number,
  sizes: MovingShapesSizes = DEFAULT_SIZES,
  onProgress: (done: number, total: number) => void = () => undefined,
  onWait: (holder: RunLockedError) => void = () => undefined,
): Promise<MovingShapesFolder> {
  const at = (name: string) => join(folder, name);
  const result = {
    folder,
    lists: { train: at('train.txt'), testSeen: at('test_seen.txt'), testUnseen: at('test_unseen.txt'),
      stills: at('stills.txt') },
    labels: { seen: at('labels_seen.csv'), unseen: at('labels_unseen.csv'), captions: at('captions.csv') },
  };
  const parameters = { version: VERSION, seed, ...sizes };
  if (isFinished(folder, parameters)) return { ...result, reused: true };
  mkdirSync(folder, { recursive: true });
  const lock = await lockOf(folder, onWait);
  try {
    if (isFinished(folder, parameters)) return { ...result, reused: true }; // another process did it meanwhile
    await writeAll(result, parameters, onProgress);
    return { ...result, reused: false };
  } finally {
    lock.release();
  }
}

/** Seed and sizes that a folder is written with, and what writes it. */
interface Parameters extends MovingShapesSizes {
  readonly version: number;
  readonly seed: number;
}

async function writeAll({ folder, labels }: Pick<MovingShapesFolder, 'folder' | 'labels'>, parameters: Parameters,
  onProgress: (done: number, total: number) => void): Promise<void> {
  const { seed, ...sizes } = parameters;
  for (const part of PARTS) rmSync(join(folder, part), { recursive: true, force: true });
  writeMarker(folder, parameters, null);

  const total = sizes.train + sizes.testSeen + sizes.testUnseen + sizes.stills;
  let done = 0;
  const progress = async () => {
    onProgress(++done, total);
    // let a progress bar draw, and Ctrl-C arrive
    if (done % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
  };
  writeNames(labels.seen, SEEN.map((id) => CLASS_NAMES[id]));
  writeNames(labels.unseen, UNSEEN.map((id) => CLASS_NAMES[id]));
  writeNames(labels.captions, CAPTIONS);
  await writeClips(folder, 'train', seed, sizes.train, progress);
  await writeClips(folder, 'test_seen', seed, sizes.testSeen, progress);
  await writeClips(folder, 'test_unseen', seed, sizes.testUnseen, progress);
  await writeStills(folder, seed, sizes.stills, progress);
  writeMarker(folder, parameters, hashOf(folder));
}

/** The lock lies beside the folder, which holds nothing but the data set. */
async function lockOf(folder: string, onWait: (holder: RunLockedError) => void): Promise<RunLock> {
  for (;;) {
    try {
      return await RunLock.take(folder, `${folder}.lock`);
    } catch (error) {
      if (!(error instanceof RunLockedError)) throw error;
      onWait(error);
      await setTimeout(500);
    }
  }
}

function writeNames(file: string, names: readonly string[]): void {
  writeFileSync(file, `id,name\n${names.map((name, id) => `${id},${name}\n`).join('')}`);
}

async function writeClips(folder: string, part: ClipPart, seed: number, count: number,
  progress: () => Promise<void>): Promise<void> {
  mkdirSync(join(folder, part));
  const lines: string[] = [];
  for (const [i, id] of classesOf(part, seed, count).entries()) {
    const extension = new Random(seed, `container of ${part} ${i}`).below(8) === 0 ? 'webm' : 'mp4';
    const name = `${part}/${String(i).padStart(5, '0')}.${extension}`;
    writeVideo(join(folder, name), clipOf(part, seed, i, id), { independent: true });
    lines.push(`${name} ${CLIP_PARTS[part].indexOf(id)}\n`);
    await progress();
  }
  writeFileSync(join(folder, `${part}.txt`), lines.join(''));
}

async function writeStills(folder: string, seed: number, count: number, progress: () => Promise<void>): Promise<void> {
  mkdirSync(join(folder, 'stills'));
  const lines: string[] = [];
  for (const [i, caption] of captionsOf(seed, count).entries()) {
    const name = `stills/${String(i).padStart(5, '0')}.png`;
    writePng(join(folder, name), stillOf(seed, i, caption), SIDE, SIDE);
    lines.push(`${name} ${caption}\n`);
    await progress();
  }
  writeFileSync(join(folder, 'stills.txt'), lines.join(''));
}

const schema = z.object({ hash: z.string().nullable(),
  parameters: z.object({ version: z.number(), seed: z.number(), train: z.number() }) });

/** Parameters that are not looked at may be there, too. */
const isMarker = (value: unknown): value is z.infer<typeof schema> => schema.safeParse(value).success;

/** Refuses a folder that holds anything else: what is not finished, or of another version, is written anew. */
function isFinished(folder: string, parameters: Parameters): boolean {
  if (!existsSync(folder) || readdirSync(folder).length === 0) return false;
  const marker = join(folder, MARKER);
  if (!existsSync(marker)) {
    throw new PathError(folder, `is not empty and not a data set of ours (no ${MARKER}); choose another folder`);
  }
  let found: unknown;
  try {
    found = parseJson(readRegularSync(marker).toString());
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return false; // cut off while it was written
  }
  if (!isMarker(found)) return false;
  if (JSON.stringify(found.parameters) === JSON.stringify(parameters)) return found.hash === hashOf(folder);
  if (typeof found.hash !== 'string' || found.parameters.version !== VERSION) return false;
  const { seed, train } = found.parameters;
  throw new PathError(folder,
    `holds the data set of seed ${seed} and ${train} training clips, which another run may read; choose another folder`);
}

/** The marker appears whole or not at all. */
function writeMarker(folder: string, parameters: object, hash: string | null): void {
  const temporary = join(folder, `${MARKER}.tmp`);
  writeFileSync(temporary, `${JSON.stringify({ parameters, hash }, null, 2)}\n`);
  renameSync(temporary, join(folder, MARKER));
}

/** SHA-256 over names and contents of all files, in the order of their names. */
function hashOf(folder: string): string {
  const hash = createHash('sha256');
  for (const part of PARTS) {
    const path = join(folder, part);
    if (!existsSync(path)) continue;
    const files = part.includes('.') ? [part] : readdirSync(path).sort().map((name) => `${part}/${name}`);
    for (const file of files) {
      const content = readRegularSync(join(folder, file));
      hash.update(`${file}\0${content.length}\0`).update(content);
    }
  }
  return hash.digest('hex');
}
