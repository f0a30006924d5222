/** Folders of Hugging Face's CLIP, from which X-CLIP starts. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { open, StateDictError } from '../engine/index.ts';
import { loadWeights } from '../model/checkpoint/loading.ts';
import { encodeSafetensors } from '../model/checkpoint/safetensors.ts';
import { toHuggingFace } from '../model/checkpoint/encoding.ts';
import { initialise } from '../model/parts/init.ts';
import { Clip } from '../model/systems/clip.ts';
import { architectureOf, configFor, towersOf } from '../model/systems/config.ts';
import { Xclip } from '../model/systems/xclip.ts';
import { opened, SMALL as CONFIG } from './checkpoint_sample.ts';

const root = mkdtempSync(join(tmpdir(), 'firstlight-clip-'));
test.after(() => rmSync(root, { recursive: true, force: true }));
const gpu = await open();
test.after(() => gpu.close());

let folders = 0;

/**
 * A folder as transformers writes a CLIPModel: two towers, one misspelt name, a configuration without X-CLIP's parts.
 */
async function clipFolder(): Promise<{ folder: string; clip: Clip }> {
  const folder = join(root, String(folders++));
  mkdirSync(folder);
  const clip = new Clip(gpu, configFor('clip-mean', CONFIG));
  initialise(clip, 9);
  const tensors = [];
  for (const [name, tensor] of clip.parameters()) {
    tensors.push(...toHuggingFace(name, tensor.shape, await tensor.read()));
  }
  const stored = new Map(
    tensors.map(({ name, shape, values }) => [name.replace('pre_layernorm', 'pre_layrnorm'), { shape, values }]),
  );
  await writeFile(join(folder, 'model.safetensors'),
    encodeSafetensors([...stored].map(([name, { shape }]) => ({ name, shape })),
      (name) => stored.get(name)?.values as Float32Array));
  const { vision, text } = CONFIG;
  writeFileSync(join(folder, 'config.json'), JSON.stringify({
    architectures: ['CLIPModel'],
    model_type: 'clip',
    projection_dim: CONFIG.embedDim,
    logit_scale_init_value: 2.6592,
    text_config: { hidden_size: text.width, intermediate_size: text.mlp, num_hidden_layers: text.layers,
      num_attention_heads: text.heads, max_position_embeddings: text.context, vocab_size: text.vocab },
    vision_config: { hidden_size: vision.width, intermediate_size: vision.mlp, num_hidden_layers: vision.layers,
      num_attention_heads: vision.heads, patch_size: vision.patch, image_size: vision.imageSize },
  }));
  return { folder, clip };
}

test("a Hugging Face CLIP folder fills X-CLIP's towers and leaves the parts that CLIP lacks as they are", async () => {
  const { folder, clip } = await clipFolder();
  using towers = clip;
  const own = new Map(towers.parameters());
  await opened(folder, async ({ config, weights }) => {
    const architecture = architectureOf(towersOf(config, 'config.json'));
    assert.is(config.system, 'clip-mean');
    assert.equal(architecture, { ...CONFIG, frames: 8, mit: { activation: 'quick_gelu', layers: 1, heads: 1, mlp: 96 },
      prompts: { activation: 'quick_gelu', layers: 2, heads: 1, alpha: 0.1 } });
    using xclip = new Xclip(gpu, architecture);
    initialise(xclip, 1);
    using start = new Xclip(gpu, architecture);
    initialise(start, 1);
    await loadWeights(xclip, weights, { allowMissing: true });
    const before = new Map(start.parameters());
    for (const [name, tensor] of xclip.parameters()) {
      assert.equal(await tensor.read(), await (own.get(name) ?? before.get(name))?.read(), name);
    }
  });
});

test('without allowMissing, a CLIP folder does not pass for X-CLIP', async () => {
  const { folder, clip } = await clipFolder();
  clip.dispose();
  const loading = opened(folder, async ({ config, weights }) => {
    using xclip = new Xclip(gpu, architectureOf(towersOf(config, 'config.json')));
    await loadWeights(xclip, weights);
  });
  const { message } = await assert.rejectsWith(loading, StateDictError);
  assert.match(message, 'vision_model.encoder.layers.0.message_fc.weight [32,32]');
});

test('a CLIP folder that lacks a part of a packed projection is refused even with allowMissing', async () => {
  const { folder, clip } = await clipFolder();
  clip.dispose();
  const path = join(folder, 'model.safetensors');
  const name = 'vision_model.encoder.layers.1.self_attn.k_proj.bias';
  writeFileSync(path,
    readFileSync(path).toString('latin1').replace(`"${name}"`, `"${name.replace('k_proj', 'K_proj')}"`), 'latin1');
  await opened(folder, async ({ config, weights }) => {
    using xclip = new Xclip(gpu, architectureOf(towersOf(config, 'config.json')));
    const { message } = await assert.rejectsWith(loadWeights(xclip, weights, { allowMissing: true }), StateDictError);
    assert.match(message, `${name} [32] (did you mean ${name.replace('k_proj', 'K_proj')}?)`);
  });
});

test.run();
