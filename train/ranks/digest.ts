/** What all ranks must have alike before they may add their gradients. */
import { createHash } from 'node:crypto';
import { FirstlightError, type Gpu } from '../../engine/index.ts';
import type { World } from '../../mpi/world.ts';
import type { VideoModel } from '../../model/systems/system.ts';
import { changesBetween, type Described, mayDiffer } from '../run/changes.ts';
import { environmentOf } from '../run/machine.ts';

/** Of one rank. */
interface Digest extends Described {
  /** Versions of what computes, and, unless they may differ, adapter and driver; by what people call them. */
  readonly machine: Readonly<Record<string, string>>;
}

/** What is compared. */
interface ComparedRun extends Described {
  /** `run.mixedAdapters`. */
  readonly isMixed: boolean;
}

/** All ranks have been told the same, find the same, and say the same. */
const differing = (what: string, hint: string) => new FirstlightError('FL_RANKS', what, {}, hint);

function machineOf(gpu: Gpu, isMixed: boolean): Digest['machine'] {
  const { adapter, driver, versions } = environmentOf(gpu);
  return isMixed ? versions : { ...versions, adapter, driver };
}

/**
 * Compares what ranks are about to train, and what they do it on.
 * @throws FirstlightError FL_RANKS with each rank that has something else than rank 0, and what that is
 */
export async function compareRuns(world: World, gpu: Gpu, { config, data, isMixed }: ComparedRun): Promise<void> {
  const own: Digest = { config, data, machine: machineOf(gpu, isMixed) };
  const told = await world.gather({ host: world.host.name, digest: own });
  const [first] = told;
  const differences = told.flatMap(({ host, digest }, rank) =>
    differencesOf(first.digest, digest).map((difference) => `rank ${rank} on ${host}: ${difference}`)
  );
  if (differences.length === 0) return;
  throw differing(`the ranks would not train the same run\n${differences.join('\n')}`,
    'start all of them with one version, configuration and data, on adapters of one kind; or set run.mixedAdapters, which promises no bits');
}

function differencesOf(first: Digest, own: Digest): string[] {
  const machine = Object.keys(first.machine).filter((name) => first.machine[name] !== own.machine[name]).map((name) =>
    `${name} is ${own.machine[name]}, on rank 0 it is ${first.machine[name]}`
  );
  const run = changesBetween(first, own).filter(({ key }) => !mayDiffer(key)).map(({ key, before, now }) =>
    `${key} is ${now}, on rank 0 it is ${before}`
  );
  return [...machine, ...run];
}

/** SHA-256 of all that a model holds, running statistics too, as masters where it is stored in half. */
async function hashOf(gpu: Gpu, model: VideoModel): Promise<string> {
  const arrays = await gpu.read([...model.state()].map(([, tensor]) => tensor.master ?? tensor));
  const hash = createHash('sha256');
  for (const { buffer, byteOffset, byteLength } of arrays) hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('hex').slice(0, 16);
}

/**
 * @param when or where they were those: `at the start`, `after step 100`, a checkpoint
 * @throws FirstlightError FL_RANKS with the ranks whose weights are not those of rank 0
 */
export async function compareWeights(world: World, gpu: Gpu, model: VideoModel, when: string): Promise<void> {
  const told = await world.gather({ host: world.host.name, hash: await hashOf(gpu, model) });
  const others = told.flatMap(({ host, hash }, rank) =>
    hash === told[0].hash ? [] : [`rank ${rank} on ${host}: ${hash}`]
  );
  if (others.length === 0) return;
  throw differing(`${when}: the weights are not those of rank 0, ${told[0].hash}\n${others.join('\n')}`,
    'start all ranks from the same files; if they were, one of the machines may not be sound');
}
