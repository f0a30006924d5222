import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../../engine/random.ts';
import { rgbToI420 } from '../../train/data/video/i420.ts';
import { writeVideo } from '../../train/data/video/encode.ts';
import { CLASS_NAMES, drawClip, SEEN, SIDE } from '../../train/moving_shapes/scenes.ts';

/** Sizes as they come from phones and the net, and of a hundred clips how many have each. */
const SIZES = [[426, 240, 50], [240, 426, 10], [640, 360, 20], [854, 480, 10], [1280, 720, 6], [1920, 1080, 3], [3840,
  2160, 1]] as const;

/** How files are found broken. */
const DAMAGES: readonly ((bytes: Buffer) => Buffer)[] = [
  (bytes) => bytes.subarray(0, bytes.length >> 1),
  () => Buffer.alloc(0),
  () => Buffer.from('<!doctype html><title>404</title>'),
  (bytes) => Buffer.concat([bytes.subarray(0, bytes.length >> 1), Buffer.alloc(bytes.length - (bytes.length >> 1))]),
  (bytes) => bytes.subarray(64),
];

export interface Clips {
  readonly train: string;
  readonly val: string;
  readonly labels: string;
  /** Files that cannot be decoded. */
  readonly broken: readonly string[];
}

/**
 * Writes clips of moving shapes in sizes from 240p to 4K, in mp4 and webm, with a list for training, one for validation
 * and labels. `broken` of the training clips are damaged, in ways that take turns.
 */
export async function writeClips(folder: string,
  { count, broken, seed }: { readonly count: number; readonly broken: number; readonly seed: number },
  onProgress: (done: number) => void): Promise<Clips> {
  mkdirSync(join(folder, 'clips'), { recursive: true });
  const validation = Math.max(8, Math.floor(count / 20));
  const lines: string[] = [];
  const damaged: string[] = [];
  for (let i = 0; i < count + validation; i++) {
    const random = new Random(seed, `clip ${i}`);
    const label = random.below(SEEN.length);
    const [width, height] = sizeOf(i);
    const name = `clips/${String(i).padStart(5, '0')}.${i % 7 === 6 ? 'webm' : 'mp4'}`;
    const frames = drawClip(random, SEEN[label]).map((rgb) =>
      rgbToI420(enlarged(rgb, width, height), width, height, { matrix: 'bt601', range: 'limited' })
    );
    const path = join(folder, name);
    writeVideo(path, frames);
    if (i < count && Math.floor((i * broken) / count) !== Math.floor(((i + 1) * broken) / count)) {
      writeFileSync(path, DAMAGES[damaged.length % DAMAGES.length](readFileSync(path)));
      damaged.push(path);
    }
    lines.push(`${name} ${label}\n`);
    onProgress(i + 1);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const at = (name: string) => join(folder, name);
  writeFileSync(at('train.txt'), lines.slice(0, count).join(''));
  writeFileSync(at('val.txt'), lines.slice(count).join(''));
  writeFileSync(at('labels.csv'), `id,name\n${SEEN.map((id, label) => `${label},${CLASS_NAMES[id]}\n`).join('')}`);
  return { train: at('train.txt'), val: at('val.txt'), labels: at('labels.csv'), broken: damaged };
}

/** The size of a clip: of every hundred neighbours each size has its share. */
function sizeOf(clip: number): readonly [width: number, height: number] {
  let place = (clip * 37) % 100;
  for (const [width, height, share] of SIZES) {
    if (place < share) return [width, height];
    place -= share;
  }
  throw new RangeError('the shares are a hundred');
}

/** A square picture stretched to width × height, pixel by pixel: [SIDE, SIDE, 3] → [height, width, 3]. */
function enlarged(rgb: Uint8Array, width: number, height: number): Uint8Array {
  const result = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    const row = Math.floor((y * SIDE) / height) * SIDE;
    for (let x = 0; x < width; x++) {
      const from = 3 * (row + Math.floor((x * SIDE) / width));
      result.set(rgb.subarray(from, from + 3), 3 * (y * width + x));
    }
  }
  return result;
}
