/** What decoding costs a training: steps alone, decoding alone, and both at once, as they are in a run. */
import { join } from 'node:path';
import { availableParallelism } from 'node:os';
import { type Gpu, open } from '../engine/index.ts';
import { tuned } from '../kernels/tuned.ts';
import { imageSizeOf, PRESETS } from '../model/systems/config.ts';
import { inputOf } from '../model/systems/system.ts';
import { BatchesByStep } from '../train/data/loading/batches.ts';
import { type Batch, Dataset } from '../train/data/loading/dataset.ts';
import { freeProcessors } from '../train/data/loading/decoders.ts';
import { writeVideo } from '../train/data/video/encode.ts';
import { pixelsOf } from '../train/data/views/pixels.ts';
import { trainingPreprocessor } from '../train/run/system.ts';
import { movingPicture } from './moving_picture.ts';
import { digits, markdownTable, percent } from '../train/log/table.ts';
import { trainingStep, type TrainingStep } from './training_step.ts';

const PRESET = 'tiny';
const [BATCH, CLASSES, STEPS] = [16, 400, 12];
/** Steps before those that count: threads start, programs are compiled. */
const UNCOUNTED = 2;
/** Clips of different content, of two seconds of 240p. */
const [CLIPS, FRAMES, WIDTH, HEIGHT] = [2 * BATCH, 50, 320, 240];
/** What a step may cost more where steps and decoding share the processors, and how long it may wait where not. */
const GOALS = { software: 1.1, hardware: 0.05 };

/** Seconds of a step, or of the batch that it takes. */
export interface LoadingRow {
  readonly workers: number;
  /** All processors do nothing else. */
  readonly steps: number;
  readonly decoding: number;
  readonly both: number;
  /** Of both, the seconds that a step waits for its clips. */
  readonly wait: number;
}

/** Measures with as many threads as a run takes by itself, and with one for each processor. @param folder for clips */
export async function measureLoading(
  folder: string,
): Promise<{ readonly adapter: string; readonly kind: Gpu['kind']; readonly rows: readonly LoadingRow[] }> {
  const entries = Array.from({ length: CLIPS }, (_, label) => {
    const path = join(folder, `step_${label}.mp4`);
    writeVideo(path, Array.from({ length: FRAMES }, (_, step) => movingPicture(WIDTH, HEIGHT, step + 7 * label)), {
      fps: 25,
    });
    return { path, label };
  });
  const config = PRESETS[PRESET];
  const size = config.vision.imageSize;
  await using gpu = await open({ tuning: tuned });
  const step = trainingStep(gpu, { preset: PRESET, batch: BATCH, classes: CLASSES, trainText: false, recompute: false,
    precision: 'f32' });
  step.randomise();
  const rows: LoadingRow[] = [];
  for (const workers of new Set([freeProcessors(), availableParallelism()])) {
    const datasetOf = () =>
      new Dataset(entries, { frames: config.frames, size, crop: true, flip: true, seed: 1, cacheBytes: 0, workers,
        ahead: BATCH });
    await using warm = datasetOf();
    const kept = await new BatchesByStep(warm, BATCH, 1).read(0, 0);
    const alone = await secondsOfSteps(gpu, step, () => Promise.resolve(kept));
    await using read = datasetOf();
    const decoding = await secondsOfSteps(undefined, step, byStep(read));
    await using used = datasetOf();
    const both = await secondsOfSteps(gpu, step, byStep(used));
    rows.push({ workers, steps: alone.each, decoding: decoding.each, both: both.each, wait: both.wait });
  }
  step.dispose();
  return { adapter: gpu.name, kind: gpu.kind, rows };

  function byStep(dataset: Dataset): (index: number) => Promise<Batch> {
    const batches = new BatchesByStep(dataset, BATCH, 1);
    return (index) => batches.read(index, 0);
  }
}

/** Means over the steps that count. @param gpu omitted: batches alone */
async function secondsOfSteps(gpu: Gpu | undefined, { captured, inputs: [{ pixels, labels }], model }: TrainingStep,
  read: (index: number) => Promise<Batch>): Promise<{ readonly each: number; readonly wait: number }> {
  const input = inputOf(model, trainingPreprocessor(imageSizeOf(model.config), true));
  let [start, wait] = [0, 0];
  let next = read(0);
  for (let index = 0; index < STEPS + UNCOUNTED; index++) {
    if (index === UNCOUNTED) [start, wait] = [performance.now(), 0];
    const asked = performance.now();
    const batch = await next;
    wait += performance.now() - asked;
    next = read(index + 1);
    if (gpu === undefined) continue;
    gpu.scope(() => gpu.copy(pixelsOf(gpu, batch, input), pixels));
    labels.write(Uint32Array.from(batch.labels, (label) => label % CLASSES));
    captured.run();
    await gpu.sync();
  }
  const each = (performance.now() - start) / 1000 / STEPS;
  await next;
  return { each, wait: wait / 1000 / STEPS };
}

/** A table and what it says. */
export function loadingText({ adapter, kind, rows }: Awaited<ReturnType<typeof measureLoading>>): string {
  const table = markdownTable(['threads', 'steps alone', 'decoding alone', 'one after the other', 'together',
    'together : one after the other', 'waits for clips'], rows.map((
      { workers, steps, decoding, both, wait },
    ) => [`${workers}`, ...[steps, decoding, steps + decoding, both].map((seconds) => `${digits(1000 * seconds)} ms`),
      digits(both / (steps + decoding)), percent(wait / both)]
    ));
  const goal = kind === 'software'
    ? `steps and decoding share the processors: together at most ${GOALS.software} of one after the other`
    : `a step waits for its clips under ${percent(GOALS.hardware)} of its time`;
  return `X-CLIP ${PRESET}, ${BATCH} clips of ${WIDTH} × ${HEIGHT} in H.264 a step, ${FRAMES} frames each, on ${adapter}; a step, and its clips\n\n${table}\n\nThe goal here: ${goal}.`;
}
