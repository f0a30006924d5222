/**
 * Trainings as small as may be on several numbers of ranks, whose weights and moments must be the same, bit for bit;
 * and ranks that are killed, after which the next start must come to those bits, too.
 *
 *   npm run ranks -- --library openmpi --ranks 1,2,4      some minutes on two cores
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Gpu, open } from '../../engine/index.ts';
import { markdownTable } from '../../train/log/table.ts';
import { parseConfig } from '../../train/run/config.ts';
import type { TrainConfig } from '../../train/run/config_keys.ts';
import { STORE_FOLDER } from '../../train/run/fit.ts';
import { writeScene } from '../torture/scene.ts';
import { having, ranks } from './launch.ts';
import type { TrainingJob } from './training_child.ts';

const CHILD = fileURLToPath(new URL('./training_child.ts', import.meta.url));
const STEPS = 3;
/** Collectives ahead of which a rank is killed: what it is about to tell of itself, its weights, steps, and the end. */
const KILLS = [1, 3, 6, 8];

const { values } = parseArgs({
  options: { library: { type: 'string', default: 'openmpi' }, ranks: { type: 'string', default: '1,2,4' },
    kills: { type: 'string', default: KILLS.join(',') } },
});
const library = values.library === 'mpich' ? 'mpich' : 'openmpi';
const numbersIn = (text: string) => text.split(',').filter((word) => word !== '').map(Number);
const { found, has, why } = await having(library);
if (!has) throw new Error(why);

/** Trainings by what is particular about them. */
function trainingsOf(scene: TrainConfig, gpu: Gpu): Readonly<Record<string, TrainConfig>> {
  const learning: TrainConfig = { ...scene, data: { ...scene.data, workers: 0 },
    train: { ...scene.train, steps: STEPS, batch: 1, accumulation: 4 },
    run: { ...scene.run, checkpointEverySteps: 1, compareEverySteps: 1 } };
  const fixed: TrainConfig = { ...learning, train: { ...learning.train, tune: 'visual', recompute: false } };
  const half = (config: TrainConfig): TrainConfig => ({ ...config, train: { ...config.train, precision: 'f16' } });
  const { model } = parseConfig('{model: {system: tsm, preset: tiny}, data: {train: a, labels: b}}', 'tsm.yaml');
  const tsm: TrainConfig = { ...fixed, model, data: { ...fixed.data, size: 64, templates: 'none' } };
  return { 'f32, texts fixed': fixed, 'f32, texts learn, recompute': learning, ...(gpu.features.has('shader-f16') &&
    { 'f16, texts fixed': half(fixed), 'f16, texts learn, recompute': half(learning) }), 'f32, TSM': tsm };
}

/** Of weights and moments, after the last step. */
function hashOf(out: string): string {
  const hash = createHash('sha256');
  for (const file of ['model.safetensors', 'optimizer.safetensors']) {
    hash.update(readFileSync(join(out, STORE_FOLDER, `step-0000000${STEPS}`, file)));
  }
  return hash.digest('hex').slice(0, 12);
}

const folder = mkdtempSync(join(tmpdir(), 'firstlight-ranks-'));
const start = (count: number, jobs: readonly TrainingJob[]) => {
  const file = join(folder, 'jobs.json');
  writeFileSync(file, JSON.stringify(jobs));
  return ranks(found, library, count, [...process.execArgv, CHILD, file]);
};

let failed = 0;
try {
  const gpu = await open();
  const trainings = trainingsOf(await writeScene(gpu, folder), gpu);
  await gpu.close();
  const counts = numbersIn(values.ranks);
  const hashes = counts.map((count) => {
    const jobs = Object.entries(trainings).map(([name, config]) => ({ config, out: join(folder, `${count} ${name}`) }));
    const { status, stderr } = start(count, jobs);
    if (status !== 0) throw new Error(`${count} ranks ended with ${status}\n${stderr}`);
    return jobs.map(({ out }) => hashOf(out));
  });
  console.log(
    markdownTable(['training', ...counts.map((count) => `${count} ${count === 1 ? 'rank' : 'ranks'}`)],
      Object.keys(trainings).map((name, i) => [name, ...hashes.map((column) => column[i])])),
  );
  failed += hashes[0].filter((hash, i) => hashes.some((column) => column[i] !== hash)).length;

  const [config] = Object.values(trainings);
  const kills = numbersIn(values.kills).map((collective) => {
    const out = join(folder, `killed ${collective}`);
    const killed = start(2, [{ config, out, killed: [1, collective] }]);
    const again = start(2, [{ config, out, resume: true }]);
    const same = again.status === 0 && hashOf(out) === hashes[0][0];
    if (killed.status === 0 || !same) failed++;
    return [String(collective), String(killed.status), killed.seconds.toFixed(1), same ? 'the same' : 'others'];
  });
  if (kills.length > 0) {
    console.log(
      `\n${
        markdownTable(['killed ahead of collective', 'status', 'seconds with start', 'bits after the next start'],
          kills)
      }`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failed === 0 ? 0 : 1);
