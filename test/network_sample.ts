/** Networks with a head that are not built of CLIP's towers, and files of them as their authors write them. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from './assert.ts';
import { type Gpu, Tensor } from '../engine/index.ts';
import { openCheckpoint, saveCheckpoint, saveOfficial } from '../model/checkpoint/folder.node.ts';
import { loadWeights } from '../model/checkpoint/loading.ts';
import type { Origin } from '../model/checkpoint/names/index.ts';
import { encodeTorch } from '../model/checkpoint/pickle/write.ts';
import type { Preprocessor } from '../model/checkpoint/preprocessor.ts';
import { planFile, type Readable } from '../model/checkpoint/encoding.ts';
import { initialise } from '../model/parts/init.ts';
import type { NetworkConfig, TimeSformerConfig } from '../model/systems/config.ts';
import { createModel } from '../model/systems/index.ts';
import type { VideoModel } from '../model/systems/system.ts';

export const CLASSES = ['up', 'down', 'away'];
/** Heads of 64, which is what shapes tell of heads, and every other size another. */
export const SIZES = { activation: 'gelu', width: 128, layers: 2, heads: 2, mlp: 48, patch: 4, eps: 1e-6 } as const;
export const timesformer = (system: TimeSformerConfig['system']): NetworkConfig => ({ system, frames: 3, imageSize: 8,
  classes: CLASSES, network: SIZES });

export const bits = async (tensor: { read(): Promise<Float32Array> }) => new Uint32Array((await tensor.read()).buffer);

/** Tensors of ours as torch writes them, in the names of an origin, without a configuration. */
async function encoded(tensors: Iterable<readonly [string, Readable]>, origin: Origin): Promise<Buffer> {
  const plan = planFile(tensors, origin);
  const pieces: Uint8Array[] = [];
  for await (const piece of encodeTorch(plan.tensors, plan.read)) pieces.push(piece);
  return Buffer.concat(pieces);
}

const contentOf = (folder: string) =>
  readdirSync(folder).sort().map((name) => [name, readFileSync(join(folder, name)).toString('latin1')]);

/** Models on a GPU, and a folder for their files; both are gone when it is closed. */
export class Networks {
  readonly gpu: Gpu;
  readonly #root = mkdtempSync(join(tmpdir(), 'firstlight-networks-'));
  readonly #made: VideoModel[] = [];

  constructor(gpu: Gpu) {
    this.gpu = gpu;
  }

  at(...path: readonly string[]): string {
    return join(this.#root, ...path);
  }

  /** A new model, drawn from a seed. */
  made(config: Parameters<typeof createModel>[1], seed: number): VideoModel {
    const model = createModel(this.gpu, config);
    initialise(model, seed);
    this.#made.push(model);
    return model;
  }

  /** A model as such a file. @param more what the origin's files hold beside */
  async written(name: string, model: VideoModel, origin: Origin,
    more: readonly (readonly [string, Readable])[] = []): Promise<string> {
    writeFileSync(this.at(name), await encoded([...model.state() as Iterable<[string, Readable]>, ...more], origin));
    return this.at(name);
  }

  /** That a file tells its model, and holds the weights of one bit for bit. */
  async assertSame(path: string, want: VideoModel, config: NetworkConfig): Promise<void> {
    const checkpoint = await openCheckpoint(path);
    try {
      assert.equal(checkpoint.config, config);
      using got = createModel(this.gpu, checkpoint.config);
      await loadWeights(got, checkpoint.weights);
      const own = new Map(want.state());
      assert.equal([...checkpoint.weights.parameters().keys()].sort(), [...own.keys()].sort(),
        'as `convert` sees them');
      for (const [name, tensor] of got.state()) {
        assert.equal(await bits(tensor as Tensor), await bits(own.get(name) as Tensor), name);
      }
    } finally {
      await checkpoint.close();
    }
  }

  close(): void {
    for (const model of this.#made) model.dispose();
    this.gpu.close();
    rmSync(this.#root, { recursive: true, force: true });
  }
}

/**
 * That a file becomes a folder, this a file of MMAction2's names, and this the folder again, byte for byte; and that
 * what came of the folder is the first file in the names of its origin.
 */
export async function assertReturns(path: string, more: readonly (readonly [string, Readable])[] = []): Promise<void> {
  const there = async (from: string, to: string) => {
    const { config, weights, preprocessor, close } = await openCheckpoint(from);
    const content = { config, parameters: weights.readables(), preprocessor };
    await (to.endsWith('.pth') ? saveOfficial(to, content) : saveCheckpoint(to, content));
    await close();
  };
  await there(path, `${path}-folder`);
  await there(`${path}-folder`, `${path}-official.pth`);
  await there(`${path}-official.pth`, `${path}-again`);
  assert.equal(contentOf(`${path}-again`), contentOf(`${path}-folder`), path);
  const [first, last] = [await openCheckpoint(path), await openCheckpoint(`${path}-again`)];
  const again = await encoded([...last.weights.readables(), ...more], first.weights.origin);
  assert.ok(again.equals(readFileSync(path)), path);
  const pixels = ({ mean, std, resize }: Preprocessor) => [resize, ...Float32Array.of(...mean, ...std)];
  assert.equal(pixels(last.preprocessor), pixels(first.preprocessor));
  await Promise.all([first.close(), last.close()]);
}
