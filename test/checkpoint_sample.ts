import type { Files } from '../model/checkpoint/files.node.ts';
import type { Checkpoint } from '../model/checkpoint/checkpoint.ts';
import { openCheckpoint } from '../model/checkpoint/folder.node.ts';
import { type Architecture, PRESETS } from '../model/systems/config.ts';
import { CheckpointStore, type Snapshot } from '../train/checkpoint/store.ts';
import type { Validation } from '../train/checkpoint/validation.ts';

/** A small checkpoint whose content depends on its step, and on how often that step was done. */
export function snapshotAt(step: number, attempt = 1, validations: readonly Validation[] = []): Snapshot {
  const values = Float32Array.from({ length: 33 }, (_, i) => Math.sin(step + i / attempt));
  // a quiet and a signalling NaN with payloads, −0, the smallest denormal, −∞
  const odd = new Float32Array(Uint32Array.of(0x7fc01234, 0xff812345, 0x80000000, 1, 0xff800000, step).buffer);
  return {
    content: {
      config: PRESETS.tiny,
      parameters: [['ln_final.weight', { shape: [1], read: () => Promise.resolve(Float32Array.of(step)) }], [
        'text_projection',
        { shape: [3, 11], read: () => Promise.resolve(values) },
      ]],
    },
    moments: new Map([['text_projection', { m: values.map((value) => -value), v: values }], ['odd', { m: odd,
      v: odd }]]),
    state: { step, optimizer: { steps: step - 1, finiteInARow: step - 1, skippedInARow: 0, skipped: 1, lossScale: 1 },
      seed: 3, config: 'model:\n', data: { 'data.train': '2 clips' }, elapsedSeconds: attempt, validations,
      epoch: { steps: 2, lossSum: 0.1 } },
  };
}

/** A store that is closed after its work. */
export async function using<T>(folder: string, files: Files, work: (store: CheckpointStore) => Promise<T>): Promise<T> {
  const store = await CheckpointStore.open(folder, files);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** Every size another, so that no two can be mistaken for each other; heads that cannot be told from widths. */
export const SMALL: Architecture = {
  system: 'xclip',
  embedDim: 24,
  frames: 3,
  vision: { activation: 'quick_gelu', width: 32, layers: 2, heads: 4, mlp: 48, patch: 4, imageSize: 8 },
  text: { activation: 'quick_gelu', width: 16, layers: 1, heads: 2, mlp: 40, context: 9, vocab: 120 },
  mit: { activation: 'quick_gelu', layers: 1, heads: 3, mlp: 56 },
  prompts: { activation: 'quick_gelu', layers: 2, heads: 6, alpha: 0.2 },
};

/** Opens a checkpoint, and closes it after some work. */
export async function opened<T>(path: string, work: (checkpoint: Checkpoint) => Promise<T> | T): Promise<T> {
  const checkpoint = await openCheckpoint(path);
  try {
    return await work(checkpoint);
  } finally {
    await checkpoint.close();
  }
}
