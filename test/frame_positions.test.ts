/** A checkpoint of 8 frames is taken for 16 where that is asked for, with positions as torch interpolates them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { assign, open, StateDictError, type Tensor } from '../engine/index.ts';
import { openCheckpoint, saveCheckpoint } from '../model/checkpoint/folder.node.ts';
import { FRAME_POSITIONS, interpolateFrames } from '../model/checkpoint/frame_positions.ts';
import { loadWeights } from '../model/checkpoint/weights.ts';
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
