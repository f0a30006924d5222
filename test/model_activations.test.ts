/** Which activation each part of a model has: QuickGELU as CLIP, or what a config.json says. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { noGrad, open, Tensor } from '../engine/index.ts';
import { gelu } from '../kernels/gelu/index.ts';
import { linear } from '../kernels/matmul/index.ts';
import { configFromHuggingFace, configToHuggingFace } from '../model/checkpoint/huggingface.ts';
import { architectureOf, towersOf, type XclipConfig } from '../model/systems/config.ts';
import { initialise, torchDefault } from '../model/parts/init.ts';
import { type Attending, Mlp } from '../model/parts/layers.ts';
import { textBatch } from '../model/parts/text.ts';
import { Xclip } from '../model/systems/xclip.ts';
import { close } from './close.ts';

const gpu = await open();
test.after(() => gpu.close());

const JSON_OF_A_TINY_MODEL = {
  projection_dim: 16,
  prompt_layers: 1,
  prompt_num_attention_heads: 2,
  text_config: { hidden_size: 16, intermediate_size: 32, max_position_embeddings: 5, num_attention_heads: 2,
    num_hidden_layers: 1, vocab_size: 30 },
  vision_config: {
    hidden_size: 16,
    image_size: 8,
    intermediate_size: 32,
    mit_hidden_size: 16,
    mit_intermediate_size: 32,
    mit_num_attention_heads: 2,
    mit_num_hidden_layers: 1,
    num_attention_heads: 2,
    num_frames: 2,
    num_hidden_layers: 1,
    patch_size: 4,
  },
};
const read = (json: unknown) => architectureOf(towersOf(configFromHuggingFace(json, 'tiny'), 'tiny'));
const CONFIG = read(JSON_OF_A_TINY_MODEL);

test('hidden_act and prompt_hidden_act are obeyed under every name that transformers has for them, and written back', () => {
  const { text_config, vision_config } = JSON_OF_A_TINY_MODEL;
  const of = (act: string) =>
    read({ ...JSON_OF_A_TINY_MODEL, prompt_hidden_act: act, text_config: { ...text_config, hidden_act: act },
      vision_config: { ...vision_config, hidden_act: act } });
  for (const [name, activation] of [['quick_gelu', 'quick_gelu'], ['gelu', 'gelu'], ['gelu_python', 'gelu'], [
    'gelu_new',
    'gelu_tanh',
  ], ['gelu_pytorch_tanh', 'gelu_tanh']] as const) {
    const config = of(name);
    assert.equal([config.vision, config.text, config.mit, config.prompts].map((part) => part.activation),
      Array(4).fill(activation), name);
    assert.equal(configFromHuggingFace(configToHuggingFace(config), 'written'), config);
  }
  assert.throwsWith(() => of('toString'), /vision_config\.hidden_act is "toString", known are quick_gelu, gelu,/);
});

test('the activation stands between the two layers of an MLP', async () => {
  const init = { expand: torchDefault(8), contract: torchDefault(16), expandBias: torchDefault(8),
    contractBias: torchDefault(16) };
  using mlp = new Mlp(gpu, { width: 8, hidden: 16, activation: 'gelu' }, init);
  initialise(mlp, 1);
  using x = Tensor.from(gpu, Float32Array.from({ length: 24 }, (_, i) => Math.sin(i) * 3), [3, 8]);
  const [y, want] = noGrad(() =>
    gpu.scope(
      () => [mlp.forward(x),
        linear(gelu(linear(x, mlp.expand.weight, { bias: mlp.expand.bias }), 'gelu'), mlp.contract.weight, {
          bias: mlp.contract.bias,
        })],
    )
  );
  const [got, wanted] = await gpu.read([y, want]);
  assert.ok(Array.from(wanted).every((value) => value !== 0));
  close('mlp', got, Float64Array.from(wanted as Float32Array), { atol: 1e-6, rtol: 1e-6 });
  for (const tensor of [y, want]) tensor.dispose();
});

/** All activations of one forward pass, in their order. */
async function activationsOf(config: XclipConfig): Promise<Map<string, ArrayLike<number>>> {
  using model = new Xclip(gpu, config);
  initialise(model, 1);
  using pixels = Tensor.from(gpu, Float32Array.from({ length: 2 * 3 * 64 }, (_, i) => Math.sin(i)), [1, 2, 3, 8, 8]);
  using texts = textBatch(gpu, Int32Array.of(1, 4, 29, 0, 0, 1, 7, 9, 29, 0), 5);
  const seen = new Map<string, Tensor>();
  noGrad(() =>
    gpu.scope(() => model.forward(pixels, texts, { tap: (name, value) => seen.set(name, gpu.keep(value.detach())) }))
  ).dispose();
  const values = await gpu.read([...seen.values()]);
  for (const tensor of seen.values()) tensor.dispose();
  return new Map([...seen.keys()].map((name, i) => [name, values[i] as Float32Array]));
}

test('who attends to whom is heard layer by layer, and changes no bit of what comes out', async () => {
  using model = new Xclip(gpu, CONFIG);
  initialise(model, 1);
  using pixels = Tensor.from(gpu, Float32Array.from({ length: 2 * 3 * 64 }, (_, i) => Math.cos(i)), [1, 2, 3, 8, 8]);
  using texts = textBatch(gpu, Int32Array.of(1, 4, 29, 0, 0, 1, 7, 9, 29, 0), 5);
  const heard: string[] = [];
  const attends = (name: string, { qkv, heads, queries, causal }: Attending) =>
    heard.push(`${name}: ${queries} of ${qkv.shape[1]} tokens, ${heads} heads${causal ? ', causal' : ''}`);
  const [plain, looked] = noGrad(() => [model.forward(pixels, texts), model.forward(pixels, texts, { attends })]);
  assert.equal(await looked.read(), await plain.read());
  assert.equal(heard, ['visual.block0.message_attn: 2 of 2 tokens, 2 heads',
    'visual.block0.attn: 5 of 6 tokens, 2 heads', 'mit.block0.attn: 2 of 2 tokens, 2 heads',
    'text.block0.attn: 5 of 5 tokens, 2 heads, causal']);
  for (const tensor of [plain, looked]) tensor.dispose();
});

for (const [part, first] of [['vision', 'visual.block0.mlp'], ['text', 'text.block0.mlp'], ['mit', 'mit.block0.mlp'], [
  'prompts',
  'prompts_generator.layer0.mlp',
]] as const) {
  test(`the activation of ${part} is its own: the first number that another one changes is in ${first}`, async () => {
    const [before, after] = [await activationsOf(CONFIG),
      await activationsOf({ ...CONFIG, [part]: { ...CONFIG[part], activation: 'gelu' } })];
    const changed = [...before].find(([name, values]) =>
      Array.from(values).some((value, i) => value !== after.get(name)?.[i])
    );
    assert.is(changed?.[0], first);
  });
}

test.run();
