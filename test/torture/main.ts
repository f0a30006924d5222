/**
 * Does to the store of checkpoints, to trainings and to their device what happens to them: kill -9, bits that rot,
 * commands that are dropped, memory that ends, closed pipes. Nothing may be lost, and every training must end with the
 * bits of a quiet one.
 *
 *   npm run torture -- --kills 900 --minutes 20          kills of the store; minutes of each other part at most
 *   npm run torture -- --minutes 5 training device       words name parts: store, rot, training, device, pipes
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { open } from '../../engine/index.ts';
import type { TrainConfig } from '../../train/run/config_keys.ts';
import { dropSubmits, failAllocations } from './device.ts';
import { type GoesOn, type Outcome, tableOf } from './outcome.ts';
import { writeScene } from './scene.ts';
import { killStore, rot } from './store.ts';
import { closePipes, killTrainings, saving, trainQuietly } from './training.ts';

const { values: options, positionals: words } = parseArgs({ allowPositionals: true, options: {
  seed: { type: 'string', default: '1' },
  minutes: { type: 'string', default: '5' },
  kills: { type: 'string', default: '200' },
} });

const [seed, minutes, kills] = [options.seed, options.minutes, options.kills].map(Number);
const folder = mkdtempSync(join(tmpdir(), 'firstlight-torture-'));

/** For so many minutes from now on, and so many faults. */
function upTo(most: number): GoesOn {
  const until = performance.now() + minutes * 60_000;
  return ({ faults }) => faults < most && performance.now() < until;
}

/** A scene for trainings, written when it is asked for first. */
let scene: Promise<TrainConfig> | undefined;
const config = () => (scene ??= (async () => {
  await using gpu = await open();
  return await writeScene(gpu, join(folder, 'scene'));
})());

const PARTS: Readonly<Record<string, readonly (() => Promise<Outcome>)[]>> = {
  store: [() => killStore(join(folder, 'killed'), seed, upTo(kills))],
  rot: [() => rot(folder, seed, upTo(Infinity))],
  training: [async () => {
    const own = saving(await config());
    const quiet = join(folder, 'quiet');
    await trainQuietly(quiet, own);
    return killTrainings(folder, own, quiet, seed, upTo(Infinity));
  }],
  device: [async () => dropSubmits(folder, await config(), seed, upTo(Infinity)),
    async () => failAllocations(folder, await config(), seed, upTo(Infinity))],
  pipes: [async () => closePipes(folder, saving(await config()), upTo(Infinity))],
};

async function main(): Promise<number> {
  const unknown = words.find((word) => !Object.hasOwn(PARTS, word));
  if (unknown !== undefined) {
    console.error(`there is no part "${unknown}"; there are ${Object.keys(PARTS).join(', ')}`);
    return 2;
  }
  const outcomes: Outcome[] = [];
  for (const [name, parts] of Object.entries(PARTS)) {
    if (words.length > 0 && !words.includes(name)) continue;
    for (const part of parts) {
      const outcome = await part();
      console.log(`${outcome.name}: ${outcome.faults}`);
      outcomes.push(outcome);
    }
  }
  const problems = outcomes.flatMap((outcome) => outcome.problems);
  console.log(['', ...tableOf(outcomes), ...(problems.length > 0 ? [''] : []), ...problems].join('\n'));
  if (problems.length === 0) rmSync(folder, { recursive: true, force: true });
  else console.log(`what is left lies in ${folder}`);
  return problems.length === 0 ? 0 : 1;
}

process.exit(await main());
