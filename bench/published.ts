/**
 * Networks at their published sizes: a checkpoint of weights that are drawn, opened as `predict` does, and one forward
 * pass of one clip.
 *
 *   npm run bench -- --published                               all of them, one after another
 *   npm run bench -- --published --system tsm
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Gpu, open, Random, Tensor } from '../engine/index.ts';
import { tuned } from '../kernels/tuned.ts';
import { saveCheckpoint } from '../model/checkpoint/folder.node.ts';
import { initialise } from '../model/parts/init.ts';
import { NETWORK_NAMES, networkFor, type NetworkConfig, type NetworkName } from '../model/systems/config.ts';
import { createModel } from '../model/systems/index.ts';
import { evenly, textFeatures, type VideoModel } from '../model/systems/system.ts';
import { elapsed } from './elapsed.ts';
import type { Flags } from '../train/cli/flags.ts';
import { digits, markdownTable } from '../train/log/table.ts';
import { evaluationBytes } from '../train/protocols/batch.ts';
import { comparedWith } from '../train/protocols/logits.ts';
import { SYSTEM } from '../model/systems/title.ts';
import { forwardMacs } from '../train/run/macs.ts';
import { openSystem } from '../train/run/system.ts';

/** Sizes and frames of a clip, as published; of X-Florence 8 frames at the smaller size. */
const PUBLISHED: { readonly [S in NetworkName]: { readonly preset: string; readonly frames: number } } = {
  timesformer: { preset: 'B/16', frames: 8 },
  'timesformer-joint': { preset: 'B/16', frames: 8 },
  'timesformer-space': { preset: 'B/16', frames: 8 },
  tsm: { preset: 'R50', frames: 8 },
  tsn: { preset: 'R50', frames: 8 },
  'video-swin': { preset: 'B', frames: 32 },
  videomae: { preset: 'B/16', frames: 16 },
  coswin: { preset: 'H', frames: 1 },
  'x-florence': { preset: 'H', frames: 8 },
};
/** Rows of a head, as many as Kinetics-400 has. */
const CLASSES = Array.from({ length: 400 }, (_, k) => `class ${k}`);
/** What a system with texts compares a clip with. */
const TEXTS = ['juggling', 'surfing'];

const configOf = (system: NetworkName): NetworkConfig =>
  networkFor(system, PUBLISHED[system].preset, { frames: PUBLISHED[system].frames, imageSize: 224, classes: CLASSES });

/** Prints a row for each network. Returns the exit status. */
export async function benchPublished(flags: Flags): Promise<number> {
  const systems = flags.text('system') === undefined ? NETWORK_NAMES : [flags.oneOf('system', NETWORK_NAMES)];
  const rows: string[][] = [];
  for (const system of systems) rows.push(await rowOf(system));
  console.log(
    markdownTable(['network', 'frames', 'parameters', 'GMAC', 'file, MiB', 'estimate, MiB', 'tensors at most, MiB',
      'buffers at most, MiB', 'seconds', 'of the processor'], rows),
  );
  return 0;
}

const mebibytes = (bytes: number) => Math.round(bytes / 2 ** 20).toLocaleString('en-US');

async function rowOf(system: NetworkName): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'firstlight-published-'));
  try {
    const file = await write(folder, configOf(system));
    await using gpu = await open({ tuning: tuned }); // in which nothing was, so that its peak is the pass's
    const macs = forwardMacs(gpu, configOf(system));
    const { model, tokenizer } = await openSystem(gpu, folder);
    using _model = model;
    const parameters = [...model.parameters()].reduce((sum, [, { size }]) => sum + size, 0);
    using features = model.texts && textFeatures(gpu, { model, tokenizer }, TEXTS);
    gpu.pool.trim();
    const estimate = gpu.pool.live + evaluationBytes(gpu, model, 1, TEXTS.length);
    const [wall, processor] = [performance.now(), elapsed(gpu)];
    await pass(gpu, model, features);
    return [`${SYSTEM[system]}-${PUBLISHED[system].preset}`, String(PUBLISHED[system].frames),
      parameters.toLocaleString('en-US'), digits(macs / 1e9), mebibytes(file), mebibytes(estimate),
      mebibytes(gpu.pool.peak), mebibytes(gpu.pool.peakReserved), digits((performance.now() - wall) / 1000),
      digits((elapsed(gpu) - processor) / 1000)];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Writes a checkpoint of weights that are drawn. Returns the bytes of its weights. */
async function write(folder: string, config: NetworkConfig): Promise<number> {
  await using gpu = await open();
  using model = createModel(gpu, config);
  initialise(model, 1);
  await saveCheckpoint(folder, { config, parameters: model.state() }, { shardBytes: Infinity });
  return statSync(join(folder, 'model.safetensors')).size;
}

/** A clip of noise through a model. */
async function pass(gpu: Gpu, model: VideoModel, features: Tensor | undefined): Promise<void> {
  const { frames, size } = model.input;
  const random = new Random(1, 'pixels');
  const noise = Float32Array.from({ length: frames * 3 * size * size }, () => 2 * random.next() - 1);
  using pixels = Tensor.from(gpu, noise, [1, frames, 3, size, size], 'pixels');
  await comparedWith(gpu, model, evenly(gpu, () => model.encodeVideo(pixels)), features);
}
