/**
 * How fast clips are decoded, by codec, size and number of threads; and what that costs a training.
 *
 *   npm run bench -- --data
 */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Dataset } from '../train/data/loading/dataset.ts';
import { writeVideo } from '../train/data/video/encode.ts';
import { loadingText, measureLoading } from './loading.ts';
import { movingPicture } from './moving_picture.ts';
import { digits, markdownTable } from '../train/log/table.ts';

const CODECS = { mp4: 'H.264', webm: 'VP9', avi: 'MPEG-4 part 2' } as const;
const SIZES = [[320, 240], [640, 480], [1280, 720], [1920, 1080]] as const;
/** Two seconds of most videos. */
const FRAMES = 50;
/** Frames that a sample takes, and its side: those of the recipe. */
const [SAMPLED, SIDE] = [8, 224];
/** Seconds that a row is measured for, at least. */
const SECONDS = 2;

const MOST_CLIPS = 20_000;
const MOST_CACHED = 2 ** 30;

/** Clips decoded by so many threads; 0: the main thread alone. */
export interface DataRow {
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  readonly fileBytes: number;
  readonly workers: number;
  /** From a cache of decoded clips, which the system has in memory. */
  readonly isCached: boolean;
  readonly clipsPerSecond: number;
}

/** Clips per second of one file, read again and again. @param cache folder for decoded clips */
export async function clipsPerSecond(path: string, workers: number, seconds: number, cache?: string): Promise<number> {
  const entries = Array.from({ length: MOST_CLIPS }, () => ({ path, label: 0 }));
  await using dataset = new Dataset(entries, { frames: SAMPLED, size: SIDE, crop: true, flip: true, seed: 1,
    cacheBytes: 0, workers, ahead: 2 * Math.max(1, workers),
    cache: cache === undefined ? undefined : { folder: cache, bytes: MOST_CACHED } });
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
  console.log(
    `${
      cpus()[0]?.model ?? 'unknown processor'
    }, ${availableParallelism()} processors, Node ${process.versions.node}; clips of ${FRAMES} frames, ${SAMPLED} of them sampled, cut at random as the recipe does; clips per second\n`,
  );
  try {
    for (const [width, height] of SIZES) {
      const pictures = Array.from({ length: FRAMES }, (_, step) => movingPicture(width, height, step));
      for (const [extension, codec] of Object.entries(CODECS)) {
        const path = join(folder, `clip.${extension}`);
        writeVideo(path, pictures, { fps: 25 });
        const fileBytes = statSync(path).size;
        for (const workers of tried) {
          rows.push({ codec, width, height, frames: FRAMES, fileBytes, workers, isCached: false,
            clipsPerSecond: await clipsPerSecond(path, workers, SECONDS) });
        }
        const workers = tried.at(-1) as number;
        rows.push({ codec, width, height, frames: FRAMES, fileBytes, workers, isCached: true,
          clipsPerSecond: await clipsPerSecond(path, workers, SECONDS, join(folder, 'decoded')) });
        process.stderr.write(`${codec}, ${width} × ${height}: done\n`);
      }
    }
    console.log(dataTable(rows));
    const loading = await measureLoading(folder);
    console.log(`\n${loadingText(loading)}`);
    if (json !== undefined) {
      writeFileSync(json, `${JSON.stringify({ processors: availableParallelism(), rows, loading }, null, 2)}\n`);
    }
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A line for each codec and size, a column for each number of threads, and one for the cache. */
export function dataTable(rows: readonly DataRow[]): string {
  const nameOf = ({ workers, isCached }: DataRow) =>
    (workers === 0 ? 'main thread' : `${workers} ${workers === 1 ? 'thread' : 'threads'}`)
    + (isCached ? ', from the cache' : '');
  const columns = [...new Set(rows.map(nameOf))];
  const groups = new Map<string, DataRow[]>();
  for (const row of rows) {
    const key = `${row.codec} ${row.width} ${row.height}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return markdownTable(['codec', 'size', 'Mbit/s', ...columns], [...groups.values()].map((group) => {
    const [{ codec, width, height, frames, fileBytes }] = group;
    const rate = (8 * fileBytes * 25) / frames / 1e6;
    return [codec, `${width} × ${height}`, digits(rate), ...columns.map((column) => {
      const row = group.find((each) => nameOf(each) === column);
      return row === undefined ? '' : digits(row.clipsPerSecond);
    })];
  }));
}
