/**
 * Growth: time and memory of a training step against what it is given more of.
 *
 *   npm run bench -- --growth
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { estimate, formatBytes, type Gpu, open } from '../engine/index.ts';
import { duration, markdownTable } from '../train/log/table.ts';
import { elapsed } from './elapsed.ts';
import { growthPicture } from './growth_picture.ts';
import type { GrowthPoint, GrowthResults } from './growth_point.ts';
import { resultsFolder, writeResults } from './results.ts';
import { type StepShape, trainingStep } from './training_step.ts';

const base: Omit<StepShape, 'preset'> = { batch: 1, classes: 120, trainText: false, recompute: false,
  precision: 'f32' };

/** An axis: what is counted, how a step is made of it, for either preset, and why a slope is not 1. */
interface Axis {
  readonly name: string;
  readonly counts: readonly number[];
  readonly why: string;
  shape(count: number, preset: 'tiny' | 'B/16'): StepShape;
}

/** Patches of a frame. */
const PATCHES = { tiny: 16, 'B/16': 196 } as const;

const AXES: readonly Axis[] = [
  { name: 'clips', counts: [1, 2, 4, 8, 16],
    why: 'few clips: weights and dispatches cost the same for each number of them',
    shape: (batch, preset) => ({ ...base, preset, batch }) },
  { name: 'frames', counts: [8, 16, 32], why: 'frames attend to their own patches, so all but their messages is linear',
    shape: (frames, preset) => ({ ...base, preset, frames, batch: 4 }) },
  { name: 'tokens', counts: [209, 785, 3137, 6273],
    why:
      'CLIP-Joint compares every token with every other: time is quadratic where attention is most of it, memory is not',
    // frames of as many patches, and the class token
    shape: (tokens, preset) => ({ ...base, preset, system: 'clip-joint',
      frames: Math.max(1, Math.round((tokens - 1) / PATCHES[preset])) }) },
  { name: 'class names', counts: [10, 100, 1000, 4000, 16000],
    why: 'few names: the video costs the same for each number of them',
    shape: (classes, preset) => ({ ...base, preset, classes }) },
];

/** Runs that are measured, beyond the first, and milliseconds that a run may take to be repeated. */
const [RUNS, LONG] = [3, 2000];
/** Milliseconds of a step behind which larger ones are laid out and not run. */
const LONGEST = 10_000;

async function fastest(gpu: Gpu, shape: StepShape): Promise<number> {
  const { captured, dispose } = trainingStep(gpu, shape);
  captured.run();
  await gpu.sync();
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < RUNS && (run === 0 || least < LONG); run++) {
    const start = elapsed(gpu);
    captured.run();
    await gpu.sync();
    least = Math.min(least, elapsed(gpu) - start);
  }
  dispose();
  gpu.pool.trim();
  return least;
}

const estimated = (gpu: Gpu, shape: StepShape) => estimate(gpu, () => void trainingStep(gpu, shape).captured.run());

/** The exponent p of y ∝ xᵖ between two points. */
export function slope([x0, y0]: readonly [number, number], [x1, y1]: readonly [number, number]): number {
  return Math.log(y1 / y0) / Math.log(x1 / x0);
}

const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(bytes < 2 ** 27 ? 1 : 0)} MiB`;

/** A row for each point, with its slopes from the one before; the last of an axis says why they are not 1. */
export function growthTable(points: readonly GrowthPoint[]): string {
  const rows = AXES.flatMap(({ name, why }) => {
    const own = points.filter(({ axis }) => axis === name);
    return own.map((point, i) => {
      const before = own[i - 1];
      const of = (value: (point: GrowthPoint) => number | undefined) => {
        const [then, now] = [before && value(before), value(point)];
        if (then === undefined || now === undefined) return '';
        return slope([before.count, then], [point.count, now]).toFixed(2);
      };
      const { milliseconds } = point;
      return [name, String(point.count), milliseconds === undefined ? '' : duration(milliseconds * 1e6),
        of(({ milliseconds }) => milliseconds), of(({ macs }) => macs), mebibytes(point.stepBytes),
        of(({ stepBytes }) => stepBytes), mebibytes(point.largeBytes), of(({ largeBytes }) => largeBytes),
        of(({ largeMacs }) => largeMacs), i === own.length - 1 ? why : ''];
    });
  });
  return markdownTable(['of', 'count', 'tiny: time', 'slope', 'of its products', 'activations', 'slope',
    'B/16: all memory', 'slope', 'of its products', 'where a slope is not 1'], rows);
}

/** Measures all axes, and writes results and picture. @returns the exit code */
export async function benchGrowth(json: string | undefined, command: string): Promise<number> {
  await using gpu = await open();
  const points: GrowthPoint[] = [];
  for (const { name, counts, shape } of AXES) {
    let milliseconds: number | undefined = 0;
    for (const count of counts) {
      const [small, large] = [estimated(gpu, shape(count, 'tiny')), estimated(gpu, shape(count, 'B/16'))];
      milliseconds = milliseconds === undefined || milliseconds > LONGEST
        ? undefined
        : await fastest(gpu, shape(count, 'tiny'));
      points.push({ axis: name, count, ...(milliseconds !== undefined && { milliseconds }), stepBytes: small.stepBytes,
        bytes: small.totalBytes, largeBytes: large.totalBytes, macs: small.macs, largeMacs: large.macs });
      console.log(
        `${name} ${count}: ${milliseconds === undefined ? 'not run' : duration(milliseconds * 1e6)}, ${
          formatBytes(small.totalBytes)
        }`,
      );
    }
  }
  console.log(`\n${growthTable(points)}`);
  const folder = resultsFolder(gpu);
  writeResults<GrowthResults>(json ?? join(folder, 'growth.json'), 'growth', gpu, command, { points });
  if (json === undefined) writeFileSync(join(folder, 'growth.svg'), growthPicture(points));
  return 0;
}
