/** A checkpoint that rank 0 has on its disk, and sends to the others: no disk need be shared. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { World } from '../../mpi/world.ts';
import { disk, writeAtomically } from '../../model/checkpoint/files.node.ts';
import { chunksOf, piecesOf } from '../checkpoint/seal.ts';
import { CheckpointStore, type Saved } from '../checkpoint/store.ts';

/** What is sent first: how the folder is called, and its files. */
interface Heading {
  readonly name: string;
  readonly files: readonly { readonly name: string; readonly size: number }[];
}

/** Of rank 0. @param saved undefined where the run begins */
export async function sendCheckpoint(world: World, saved: Saved | undefined): Promise<void> {
  if (world.size === 1) return;
  if (saved === undefined) {
    await world.gather<Heading | null>(null);
    return;
  }
  const { path } = saved;
  const opened = await Promise.all(
    (await disk.list(path)).map(async (name) => ({ name, file: await disk.open(join(path, name)) })),
  );
  try {
    await world.gather<Heading | null>({ name: basename(path),
      files: opened.map(({ name, file: { size } }) => ({ name, size })) });
    for (const { file } of opened) {
      for await (const piece of chunksOf(file)) await world.broadcast(piece, 0);
    }
  } finally {
    for (const { file } of opened) await file.close();
  }
}

/** What a rank was sent, in a folder of its own until it is disposed of. */
export interface Received extends AsyncDisposable {
  /** Undefined where the run begins. */
  readonly saved: Saved | undefined;
}

/** The pieces of a file, as rank 0 sends them. */
async function* piecesFrom(world: World, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (const { length } of piecesOf(size)) {
    const piece = new Uint8Array(length);
    await world.broadcast(piece, 0);
    yield piece;
  }
}

/** Of the other ranks. All of it is compared with the seals that it was saved with. */
export async function receiveCheckpoint(world: World): Promise<Received> {
  const [heading] = await world.gather<Heading | null>(null);
  if (heading === null) return { saved: undefined, [Symbol.asyncDispose]: async () => undefined };
  const folder = await mkdtemp(join(tmpdir(), 'firstlight-rank-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const path = join(folder, heading.name);
    await disk.mkdir(path);
    for (const { name, size } of heading.files) await writeAtomically(disk, join(path, name), piecesFrom(world, size));
    const store = await CheckpointStore.open(folder);
    try {
      return { saved: await store.latest(), [Symbol.asyncDispose]: remove };
    } finally {
      await store.close();
    }
  } catch (error) {
    await remove();
    throw error;
  }
}
