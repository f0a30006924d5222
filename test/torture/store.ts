/** The store of checkpoints alone: processes that are killed while they save, and bits that rot. */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { Random } from '../../engine/random.ts';
import { CheckpointStore } from '../../train/checkpoint/store.ts';
import { snapshotAt } from '../checkpoint_sample.ts';
import { inlineTexts } from '../../package/inline.ts';
import { SimulatedDisk } from '../simulated_disk.ts';
import { type GoesOn, newOutcome, type Outcome, timed } from './outcome.ts';

/** Milliseconds that a save takes, where none has been seen. */
const FIRST_MS = 30;

/** The program that saves, as one file: it starts in a tenth of the time. */
async function bundled(folder: string): Promise<string> {
  const file = join(folder, 'store_child.mjs');
  await using bundle = await rolldown({ input: fileURLToPath(new URL('./store_child.ts', import.meta.url)),
    platform: 'node', plugins: [inlineTexts()], external: /^node:|^webgpu$/, logLevel: 'warn' });
  await bundle.write({ file, format: 'esm', codeSplitting: false });
  return file;
}

/**
 * Lets a process save, kills it somewhere in a save, and returns the last step that it told to be saved.
 *
 * @param saves that are told before the one that it is killed in  @param share of the time of a save, from 0
 */
function savedBefore(program: string, folder: string, saves: number, share: number): Promise<number> {
  const child = spawn(process.execPath, [program, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  let told = '';
  let begun = performance.now();
  child.stdout.on('data', (bytes: Buffer) => {
    const [before, now] = [begun, performance.now()];
    const lines = told.split('\n').length - 1;
    told += bytes.toString();
    begun = now;
    // the first line tells that it has begun
    if (lines <= saves && told.split('\n').length - 1 > saves) {
      setTimeout(() => child.kill('SIGKILL'), share * (saves === 0 ? FIRST_MS : now - before));
    }
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) =>
      code === null
        ? resolve(Number(told.slice(0, told.lastIndexOf('\n')).split('\n').at(-1)))
        : reject(new Error(`the program that saves ended by itself, with ${code}`)));
  });
}

/** That a store opens whole, with a checkpoint from `saved` on, and leaves nothing behind. Returns its step. */
async function look(folder: string, saved: number, outcome: Outcome): Promise<number> {
  const store = await CheckpointStore.open(folder);
  const latest = await store.latest();
  const step = latest?.state.step ?? 0;
  if (step < saved || store.damaged.length > 0) {
    outcome.lost++;
    outcome.problems.push(`${folder}: step ${saved} was saved, ${step} is there, ${store.damaged.length} are damaged`);
  }
  const [own, wanted] = [(await latest?.moments())?.('text_projection').v,
    snapshotAt(step).moments.get('text_projection')?.v];
  if (step > 0 && own?.join() !== wanted?.join()) {
    outcome.notEqual++;
    outcome.problems.push(`${folder}: step ${step} has other bits`);
  }
  await store.close();
  const left = readdirSync(folder).filter((name) =>
    !/^step-\d{8}$/.test(name) || readdirSync(join(folder, name)).some((file) => !/\.(json|safetensors)$/.test(file))
  );
  outcome.left += left.length;
  if (left.length > 0) outcome.problems.push(`${folder}: ${left.join(', ')} stayed behind`);
  return step;
}

/** Processes that save are killed at any moment: what was told to be saved is there, or what came after it. */
export function killStore(folder: string, seed: number, goesOn: GoesOn): Promise<Outcome> {
  const outcome = newOutcome('kill -9 while the store saves');
  return timed(outcome, async () => {
    const program = await bundled(folder);
    const store = join(folder, 'store');
    const random = new Random(seed, 'kills of the store');
    for (let last = 0; goesOn(outcome);) {
      const saved = await savedBefore(program, store, random.below(3), 2 * random.next());
      outcome.faults++;
      last = await look(store, Math.max(last, saved), outcome);
    }
  });
}

/** Each bit of a checkpoint in turn, in an order that is drawn: it is found, and the one before serves. */
export function rot(folder: string, seed: number, goesOn: GoesOn): Promise<Outcome> {
  const outcome = newOutcome('one bit of a checkpoint rots');
  return timed(outcome, async () => {
    mkdirSync(folder, { recursive: true }); // its lock is a real file
    const files = new SimulatedDisk(folder);
    const open = async <T>(own: SimulatedDisk, work: (store: CheckpointStore) => Promise<T>) => {
      const store = await CheckpointStore.open(folder, own);
      try {
        return await work(store);
      } finally {
        await store.close();
      }
    };
    await open(files, async (store) => {
      for (const step of [1, 2]) await store.save(snapshotAt(step));
    });
    const newest = join(folder, 'step-00000002');
    const places: { readonly path: string; readonly bit: number }[] = [];
    for (const name of await files.list(newest)) {
      const path = join(newest, name);
      const { size } = await files.open(path);
      for (let bit = 0; bit < 8 * size; bit++) places.push({ path, bit });
    }
    for (const place of new Random(seed, 'rot').permutation(places.length)) {
      if (!goesOn(outcome)) return;
      const { path, bit } = places[place];
      const rotten = files.copy();
      rotten.damage(path, (content) => content.with(bit >> 3, content[bit >> 3] ^ (1 << (bit & 7))));
      outcome.faults++;
      const found = await open(rotten,
        async (store) => ({ step: (await store.latest())?.state.step, damaged: store.damaged.length }));
      if (found.step === 1 && found.damaged === 1) continue;
      outcome.lost++;
      outcome.problems.push(`bit ${bit} of ${path}: step ${found.step} is taken`);
    }
  });
}
