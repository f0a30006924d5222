/**
 * Trains twice on many clips of mixed sizes with broken ones among them: once in peace, and once with kills, signals, a
 * full disk, moved folders, and clips from a cache that has no room for all. Both must end in the same bytes.
 *
 *   npm run endurance -- --clips 1000 --steps 3000         an hour and more on two cores
 */
import type { ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Random } from '../../engine/random.ts';
import { writeClips } from './clips.ts';
import { ended, launch, type Place, placeAt } from './launch.ts';

const { values: options } = parseArgs({ options: {
  clips: { type: 'string', default: '1000' },
  steps: { type: 'string', default: '3000' },
  broken: { type: 'string', default: '10' },
  every: { type: 'string', default: '60' },
  seed: { type: 'string', default: '1' },
  folder: { type: 'string', default: 'runs/endurance' },
} });

/** What happens to a run that is not left in peace; they take turns. */
const FAULTS = ['SIGKILL', 'SIGTERM', 'full disk', 'SIGINT', 'SIGKILL and a moved folder', 'SIGHUP'] as const;
/** Exit statuses after which a run goes on: killed, a disk that was full at the end, signals. */
const MAY_RESUME = [null, 5, 129, 130, 143];

async function main(): Promise<number> {
  const root = resolve(options.folder);
  if (existsSync(root)) throw new Error(`${root} exists; name another folder: --folder`);
  mkdirSync(root, { recursive: true });
  const [count, steps, broken, seed] = [options.clips, options.steps, options.broken, options.seed].map(Number);
  const quiet = placeAt(join(root, 'quiet'));
  console.log(`writing ${count} clips`);
  const clips = await writeClips(quiet.folder, { count, broken, seed }, () => undefined);
  writeFileSync(quiet.config, configOf(steps));
  const disturbed = placeAt(join(root, 'disturbed 0'));
  cpSync(quiet.folder, disturbed.folder, { recursive: true });
  writeFileSync(disturbed.config, configOf(steps, ', cache: decoded, cacheGiB: 0.5'));

  const start = performance.now();
  const code = await ended(launch(quiet, { fullDisk: join(root, 'full') }));
  const seconds = (performance.now() - start) / 1000;
  console.log(`in peace: exit status ${code}, ${seconds.toFixed(0)} s`);
  const end = await disturb(disturbed, root);
  return compare(quiet, end, clips.broken.length) ? 0 : 1;
}

/** A short training in which everything draws at random that can. */
function configOf(steps: number, cache = ''): string {
  return `model: { preset: tiny, dropPath: 0.1 }
data: { train: train.txt, val: val.txt, labels: labels.csv, size: 32, maxBadShare: 0.05${cache} }
train: { steps: ${steps}, warmupSteps: ${Math.ceil(steps / 10)}, batch: 8, accumulation: 2 }
optim: { lr: 8e-4, schedule: plain, maxGradNorm: 1 }
run: { checkpointEverySteps: ${Math.max(1, Math.floor(steps / 40))}, evaluateEverySteps: ${Math.ceil(steps / 5)} }
`;
}

const sleep = (seconds: number) => new Promise((done) => setTimeout(done, 1000 * seconds));

/** Trains with one fault after another until the run is done. */
async function disturb(first: Place, root: string): Promise<Place> {
  const random = new Random(Number(options.seed), 'faults');
  const counts = new Map<string, number>();
  let place = first;
  for (let turn = 0;; turn++) {
    const hasBegun = existsSync(place.out) && readdirSync(place.out).includes('checkpoints');
    const child = launch(place, { resume: hasBegun, fullDisk: join(root, 'full') });
    const end = ended(child);
    const fault = FAULTS[turn % FAULTS.length];
    const isOver = await Promise.race([end.then(() => true),
      sleep(Number(options.every) * (0.5 + random.next())).then(() => false)]);
    if (!isOver) {
      console.log(`\n${fault}`);
      counts.set(fault, (counts.get(fault) ?? 0) + 1);
      await inflict(fault, child, root);
    }
    const code = await end;
    if (code === 0) {
      console.log(`disturbed: done; ${[...counts].map(([name, times]) => `${times} × ${name}`).join(', ')}`);
      return place;
    }
    if (!MAY_RESUME.includes(code)) throw new Error(`ended with status ${code}`);
    if (fault.endsWith('moved folder')) {
      const moved = placeAt(join(root, `disturbed ${turn}`));
      renameSync(place.folder, moved.folder);
      place = moved;
    }
  }
}

/** Lets a fault happen to a run, and ends it. */
async function inflict(fault: (typeof FAULTS)[number], child: ChildProcess, root: string): Promise<void> {
  if (fault === 'full disk') {
    const flag = join(root, 'full');
    writeFileSync(flag, '');
    await sleep(Number(options.every) / 2);
    rmSync(flag);
    await sleep(Number(options.every) / 2);
    child.kill('SIGTERM');
  } else {
    const signal = fault.split(' ')[0] as NodeJS.Signals;
    // a crash takes the launcher and its program at once; other signals reach the launcher, which passes them on
    if (signal === 'SIGKILL') process.kill(-(child.pid as number), signal);
    else child.kill(signal);
  }
}

/** Whether both runs left the same models, and the disturbed one named all broken clips. */
function compare(quiet: Place, disturbed: Place, broken: number): boolean {
  const files = ['checkpoint/model.safetensors', 'best/model.safetensors'];
  const differ = files.filter((file) =>
    !readFileSync(join(quiet.out, file)).equals(readFileSync(join(disturbed.out, file)))
  );
  for (const file of files) console.log(`${differ.includes(file) ? 'DIFFERS' : 'equal'}  ${file}`);
  const named = readFileSync(join(disturbed.out, 'quarantine.jsonl'), 'utf8').trim().split('\n').length;
  console.log(`${named} of ${broken} broken clips are in quarantine`);
  return differ.length === 0 && named === broken;
}

process.exitCode = await main();
