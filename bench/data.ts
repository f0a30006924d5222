/**
 * How fast clips are decoded: by codec, size and number of threads. A GPU is not asked.
 *
 *   npm run bench -- --data
 */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type I420Frame, i420Bytes } from '../kernels/frames/i420.ts';
import { Dataset } from '../train/data/loading/dataset.ts';
import { writeVideo } from '../train/data/video/encode.ts';
import { digits, markdownTable } from './table.ts';

const CODECS = { mp4: 'H.264', webm: 'VP9', avi: 'MPEG-4 part 2' } as const;
const SIZES = [[320, 240], [640, 480], [1280, 720], [1920, 1080]] as const;
/** Two seconds of most videos. */
const FRAMES = 50;
/** Frames that a sample takes, and its side: those of the recipe. */
const [SAMPLED, SIDE] = [8, 224];
/** Seconds that a row is measured for, at least. */
const SECONDS = 2;

const MOST_CLIPS = 20_000;

/** Clips decoded by so many threads; 0: the main thread alone. */
export interface DataRow {
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  readonly fileBytes: number;
  readonly workers: number;
  readonly clipsPerSecond: number;
}

/** Waves that move across grains, so that there is something to code in every frame. */
export function movingPicture(width: number, height: number, step: number): I420Frame {
  const data = new Uint8Array(i420Bytes(width, height)).fill(128);
  for (let y = 0, at = 0, state = step; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      data[at] = 120 + 70 * Math.sin((x + 3 * step) / 17) * Math.cos((y - 2 * step) / 23) + (state >>> 29);
    }
  }
  for (let at = width * height; at < data.length; at++) data[at] = 128 + 60 * Math.sin((at + step) / 31);
  return { width, height, data, matrix: 'bt601', range: 'limited' };
}

/** Clips per second of one file, read again and again. */
export async function clipsPerSecond(path: string, workers: number, seconds: number): Promise<number> {
  const entries = Array.from({ length: MOST_CLIPS }, () => ({ path, label: 0 }));
  await using dataset = new Dataset(entries, { frames: SAMPLED, size: SIDE, crop: true, flip: true, seed: 1,
    cacheBytes: 0, workers, ahead: 2 * Math.max(1, workers) });
  let start = 0;
  let clips = 0;
  for await (const { views } of dataset.training(0, 1)) {
    // threads take their time to start: the first clips of each are not counted
    if (clips === 2 * workers + 1) start = performance.now();
    clips += views.length;
    const passed = (performance.now() - start) / 1000;
    if (start > 0 && clips > 4 * workers + 2 && passed >= seconds) return (clips - 2 * workers - 1) / passed;
  }
  return clips / ((performance.now() - start) / 1000);
}

/** 0, and powers of two up to the processors. */
function workersTried(): number[] {
  const processors = availableParallelism();
  const powers = Array.from({ length: Math.floor(Math.log2(processors)) + 1 }, (_, i) => 2 ** i);
  return [...new Set([0, ...powers, processors])];
}

/** @param json where the rows are written to, too */
export async function benchData(json?: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'firstlight-bench-data-'));
  const rows: DataRow[] = [];
  const tried = workersTried();
  console.log(`${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} processors, Node ${
    process.versions.node
  }; clips of ${FRAMES} frames, ${SAMPLED} of them sampled, cut at random as the recipe does; clips per second\n`);
  try {
    for (const [width, height] of SIZES) {
      const pictures = Array.from({ length: FRAMES }, (_, step) => movingPicture(width, height, step));
      for (const [extension, codec] of Object.entries(CODECS)) {
        const path = join(folder, `clip.${extension}`);
        writeVideo(path, pictures, { fps: 25 });
        const fileBytes = statSync(path).size;
        for (const workers of tried) {
          rows.push({ codec, width, height, frames: FRAMES, fileBytes, workers,
            clipsPerSecond: await clipsPerSecond(path, workers, SECONDS) });
        }
        process.stderr.write(`${codec}, ${width} × ${height}: done\n`);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(dataTable(rows));
  if (json !== undefined) {
    writeFileSync(json, `${JSON.stringify({ processors: availableParallelism(), rows }, null, 2)}\n`);
  }
  return 0;
}

/** A line for each codec and size, a column for each number of threads. */
export function dataTable(rows: readonly DataRow[]): string {
  const tried = [...new Set(rows.map(({ workers }) => workers))];
  const nameOf = (workers: number) =>
    workers === 0 ? 'main thread' : `${workers} ${workers === 1 ? 'thread' : 'threads'}`;
  const groups = new Map<string, DataRow[]>();
  for (const row of rows) {
    const key = `${row.codec} ${row.width} ${row.height}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return markdownTable(['codec', 'size', 'Mbit/s', ...tried.map(nameOf)], [...groups.values()].map((group) => {
    const [{ codec, width, height, frames, fileBytes }] = group;
    const rate = (8 * fileBytes * 25) / frames / 1e6;
    return [codec, `${width} × ${height}`, digits(rate),
      ...tried.map((workers) => {
        const row = group.find((each) => each.workers === workers);
        return row === undefined ? '' : digits(row.clipsPerSecond);
      })];
  }));
}
