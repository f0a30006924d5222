/**
 * A checkpoint of 8 frames is taken for 16, and one of 224 pixels for 336, where that is asked for, with positions as
 * torch interpolates them.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { assign, ConfigError, open, StateDictError, Tensor } from '../engine/index.ts';
import { openCheckpoint, saveCheckpoint } from '../model/checkpoint/folder.node.ts';
import { FRAME_POSITIONS, interpolateFrames, interpolatePatches,
  PATCH_POSITIONS } from '../model/checkpoint/positions.ts';
import { loadWeights } from '../model/checkpoint/loading.ts';
import { initialise } from '../model/parts/init.ts';
import type { VideoModel } from '../model/systems/system.ts';
import { Xclip } from '../model/systems/xclip.ts';
import { parseConfig } from '../train/run/config.ts';
import { buildSystem, openSystem } from '../train/run/system.ts';

test('rows lie where torch.nn.functional.interpolate has them, with align_corners=False', () => {
  // by hand: row i of the result at (i + ½) · from / to − ½
  assert.equal([...interpolateFrames(Float32Array.of(0, 8), 2, 4)], [0, 2, 6, 8]);
  assert.equal([...interpolateFrames(Float32Array.of(0, 8, 4, 2), 4, 2)], [4, 3]);
  assert.equal([...interpolateFrames(Float32Array.of(0, 10, 30), 3, 6)], [0, 2.5, 7.5, 15, 25, 30]);
  assert.equal([...interpolateFrames(Float32Array.of(1, 2, 7, 4), 2, 3)], [1, 2, 4, 3, 7, 4], 'two numbers a row');
  assert.equal([...interpolateFrames(Float32Array.of(5), 1, 3)], [5, 5, 5]);
  const own = Float32Array.of(3, 1, 4, 1, 5, 9);
  assert.equal(interpolateFrames(own, 3, 3), own);
});

/** What torch 1.13 gives, in f32: `interpolate(x, size=(n, n), mode='bicubic', align_corners=False)`. */
const BICUBIC: readonly (readonly [from: readonly number[], to: readonly number[]])[] = [
  [[1, -2, 0.5, 4], [1.3527989, -0.7387155, -2.8302288, 0.7282988, 0.875, 1.0217015, 0.1037992, 2.4887152, 4.87363]],
  [[1, -2, 3, 0, 0.5, 4, -1, 2, 2, 0, 7, 1, 3, -3, 1, 5], [1.0976562, 0.5664062, -0.2382812, 4.4492188]],
  [[1, -2, 3, 0.5, 4, -1, 2, 0, 7], [1.3959041, -0.7872316, -2.5759997, 0.8105928, 3.9561603, 0.7058721, 0.6477523,
    0.6160008, 0.7667688, 0.8965766, 0.1640003, 2.2179997, 4, 1.1919999, -1.4799994, 1.3242086, 1.498648, 1.9839996,
    3.0212324, 3.7639058, 2.3866887, 0.5761932, -0.3839993, 4.4230094, 8.5505934]],
];

test('positions of patches are those of torch, bicubic with align_corners=False, and the class token keeps its own', () => {
  for (const [from, to] of BICUBIC) {
    // two numbers a position: the second is the first, doubled
    const rows = Float32Array.from([11, 22, ...from.flatMap((value) => [value, 2 * value])]);
    const result = interpolatePatches(rows, Math.sqrt(from.length), Math.sqrt(to.length));
    assert.equal([...result.subarray(0, 2)], [11, 22]);
    for (const [i, value] of to.entries()) {
      for (const [k, times] of [1, 2].entries()) {
        const got = result[2 + 2 * i + k];
        assert.ok(Math.abs(got - times * value) < 1e-5, `${i}: ${got}, torch has ${times * value}`);
      }
    }
  }
  const own = Float32Array.from({ length: 10 }, (_, i) => Math.sin(i));
  assert.equal(interpolatePatches(own, 3, 3), own);
});

const folder = mkdtempSync(join(tmpdir(), 'firstlight-positions-'));
const CONFIG = { system: 'xclip', embedDim: 8, frames: 2,
  vision: { activation: 'quick_gelu', width: 8, layers: 1, heads: 2, mlp: 8, patch: 4, imageSize: 8 },
  text: { activation: 'quick_gelu', width: 8, layers: 1, heads: 2, mlp: 8, context: 7, vocab: 49408 },
  mit: { activation: 'quick_gelu', layers: 1, heads: 2, mlp: 8 },
  prompts: { activation: 'quick_gelu', layers: 1, heads: 2, alpha: 0.2 } } as const;

/** Of an X-CLIP. */
const positionsOf = (model: VideoModel) => (model as Xclip).mit?.positionalEmbedding as Tensor;

const trainConfig = (interpolate: boolean, frames = 4) =>
  parseConfig(
    JSON.stringify({ model: { checkpoint: folder, interpolateFrames: interpolate },
      data: { train: 'a', labels: 'b', size: 8, frames } }),
    'c.yaml',
  );

test('a checkpoint of other frames is refused with what to do, and interpolated where that is asked for', async () => {
  await using gpu = await open();
  using model = new Xclip(gpu, CONFIG);
  initialise(model, 1);
  const positions = Float32Array.from([...Array(8).fill(0), ...Array(8).fill(8)]);
  assign(FRAME_POSITIONS, positionsOf(model), positions);
  await saveCheckpoint(folder, { config: CONFIG, parameters: model.parameters() });
  const rowsOf = async (tensor: Tensor) => [...(await tensor.read())].filter((_, i) => i % 8 === 0);

  const refused =
    /mit\.position_embedding is \[1,2,8\], the model needs \[1,4,8\]: it was trained on 2 frames; take data\.frames=2, or model\.interpolateFrames=true/;
  await assert.rejectsWith(buildSystem(gpu, trainConfig(false), []), StateDictError, refused);
  const { model: started } = await buildSystem(gpu, trainConfig(true), []);
  assert.equal(await rowsOf(positionsOf(started)), [0, 2, 6, 8]);
  started.dispose();

  const { model: opened } = await openSystem(gpu, folder, { frames: 4 });
  assert.equal(await rowsOf(positionsOf(opened)), [0, 2, 6, 8]);
  assert.is(opened.config.frames, 4);
  opened.dispose();
  const { model: same } = await openSystem(gpu, folder);
  assert.equal(await positionsOf(same).read(), positions);
  same.dispose();
});

test('positions of patches are taken for larger pictures where that is asked for, those of no square never', async () => {
  await using gpu = await open();
  using model = new Xclip(gpu, CONFIG);
  initialise(model, 1);
  using larger = new Xclip(gpu, { ...CONFIG, vision: { ...CONFIG.vision, imageSize: 12 } });
  await saveCheckpoint(folder, { config: CONFIG, parameters: model.parameters() });
  const load = async (demands: Parameters<typeof loadWeights>[2]) => {
    const checkpoint = await openCheckpoint(folder);
    await loadWeights(larger, checkpoint.weights, demands).finally(() => checkpoint.close());
  };
  const { message } = await assert.rejectsWith(load({ interpolateFrames: true }), StateDictError);
  assert.match(message,
    'position_embedding.weight is [5,8], the model needs [10,8]: it was trained on 2 x 2 patches; take pictures of as many, or model.interpolatePatches=true');
  await load({ interpolatePatches: true });
  const loaded = new Map(larger.parameters()).get(PATCH_POSITIONS) as Tensor;
  const own = new Map(model.parameters()).get(PATCH_POSITIONS) as Tensor;
  assert.equal(await loaded.read(), interpolatePatches(await own.read(), 2, 3));
  const { model: opened, preprocessor } = await openSystem(gpu, folder, { size: 12 });
  using taken = opened;
  assert.equal(await new Map(taken.parameters()).get(PATCH_POSITIONS)?.read(), await loaded.read());
  assert.equal([taken.input.size, preprocessor.resize], [12, { shortSide: 14, resampling: 'bilinear' }]);
  await assert.rejectsWith(openSystem(gpu, folder, { size: 10 }), ConfigError,
    /vision\.patch \(4\) must divide vision\.imageSize \(10\)/);
  using rows = Tensor.from(gpu, new Float32Array(4 * 8), [4, 8]);
  const parameters = [...model.parameters()].map(([name, tensor]) =>
    [name, name === PATCH_POSITIONS ? rows : tensor] as const
  );
  await saveCheckpoint(folder, { config: CONFIG, parameters });
  await assert.rejectsWith(load({ interpolatePatches: true }), StateDictError,
    /position_embedding\.weight is \[4,8\], the model needs \[10,8\]$/);
});

test('nothing else may differ: another width stays an error, asked for or not', async () => {
  await using gpu = await open();
  using wider = new Xclip(gpu, { ...CONFIG, embedDim: 16, mit: { ...CONFIG.mit, mlp: 8 } });
  const checkpoint = await openCheckpoint(folder);
  const { message } = await assert.rejectsWith(loadWeights(wider, checkpoint.weights, { interpolateFrames: true }),
    StateDictError);
  await checkpoint.close();
  assert.match(message, 'mit.position_embedding is [1,2,8], the model needs [1,2,16]');
});

test.after(() => rmSync(folder, { recursive: true }));
test.run();
