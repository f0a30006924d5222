/** What `verify` finds wrong in fixtures of models and systems, and how far off they may be. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { FirstlightError, open } from '../engine/index.ts';
import { ones } from '../engine/tape.ts';
import type { Noise } from '../train/verify/comparison.ts';
import { kindOf, verifyFixture } from '../train/verify/index.ts';
import { adamwSettings } from '../train/verify/model.ts';
import { copied, fixtureOf, type Held, held, off } from './fixture_sample.ts';

const gpu = await open();
test.after(() => gpu.close());
ones(gpu, []).dispose(); // the first one stays, for the life of the context

/** The results of a fixture by check; all files are closed and all memory given back, whatever comes of it. */
async function checked(json: object, parts: Readonly<Record<string, Held>>) {
  const { file, opened } = fixtureOf(json, parts);
  const { live } = gpu.pool;
  try {
    const results = await verifyFixture(gpu, file, kindOf(file), { type: 'f32' });
    return new Map(results.map((result) => [result.check, result]));
  } finally {
    assert.equal([opened(), gpu.pool.live], [0, live]);
  }
}

test('what a description leaves out of an optimiser is no rate, no decay, and one epoch of one step', () => {
  assert.equal(adamwSettings.parse({}), { lr: 0, weight_decay: 0, LR: 0, WEIGHT_DECAY: 0, EPOCHS: 1, WARMUP_EPOCHS: 0,
    n_iter_per_epoch: 1 });
});

/** What is read of a description of X-CLIP here. */
interface Sidecar {
  files: Record<string, unknown>;
  noise: { io: Record<string, Noise>; grads: Record<string, Noise> };
  adamw: Record<string, unknown> & { groups: { params: string[]; weight_decay: number; initial_lr: number }[] };
  zero_gradient_params: string[];
}

/** A fixture of X-CLIP, without steps unless they are asked for. */
async function xclip(name: string, ...parts: readonly string[]) {
  const copy = await copied(`xclip/${name}`, 'io', 'weights', 'grads', ...parts);
  const json = copy.json as unknown as Sidecar;
  json.files = { io: 1, weights: 1, grads: 1 };
  return { json, parts: copy.parts };
}

const allowed = ([error, largest]: Noise) => 8 * error + 1e-6 * largest;

test('outputs, activations and gradients of a model are each off by eight times their own noise at most', async () => {
  const { json, parts } = await xclip('hf_b');
  const activation = 'act.text.final_layer_norm';
  off(parts.io['out.loss'], 10);
  off(parts.io[activation], 10, 3);
  off(parts.grads.logit_scale, 10);
  const [, largest] = json.noise.grads.logit_scale;
  json.noise.grads.logit_scale = [0, largest]; // by luck
  const found = await checked(json, parts);
  const worst = (
    check: string,
  ) => [found.get(check)?.passed, found.get(check)?.worst?.tensor, found.get(check)?.worst?.tolerance];
  assert.equal(worst('outputs and loss'), [false, 'out.loss', allowed(json.noise.io['out.loss'])]);
  assert.equal(worst('activations'), [false, activation, allowed(json.noise.io[activation])]);
  // that of the logit scale may be off by what the logits are off by
  const error = Math.max(
    ...Object.keys(json.noise.io).filter((name) => name.startsWith('out.logits')).map((name) => json.noise.io[name][0]),
  );
  assert.equal(worst('gradients'), [false, 'logit_scale', allowed([error, largest])]);
});

test('what a model does not have is told by name, and a gradient of pixels is compared as others are', async () => {
  const { json, parts } = await xclip('hf_b');
  off(parts.io['grad.pixel_values'], 10, 5);
  const found = await checked(json, { ...parts, io: { ...parts.io, 'act.nothing': held([1], [0]) },
    grads: { ...parts.grads, nothing: held([1], [0]) } });
  const gradients = found.get('gradients');
  assert.is(found.get('activations')?.problem, '"act.nothing" is not an activation that this model has');
  assert.is(gradients?.problem, 'the model has no parameter for nothing');
  assert.equal([gradients?.worst?.tensor, gradients?.worst?.tolerance], ['pixel_values',
    allowed(json.noise.io['grad.pixel_values'])]);

  const { 'out.loss': _, ...others } = json.noise.io;
  await assert.rejectsWith(checked({ ...json, noise: { ...json.noise, io: others } }, parts), FirstlightError,
    'some.json: noise.io does not list "out.loss"');
});

test('weights after a step are compared, but those without a gradient, and so are the losses before each', async () => {
  const { json, parts } = await xclip('hf_b', 'adamw1');
  const [frozen] = json.zero_gradient_params;
  const learns = 'visual_projection.weight';
  off(parts.adamw1[frozen], 10);
  off(parts.adamw1[learns], 10);
  const [loss] = json.adamw.losses_before_each_step_and_after_last as number[];
  const found = await checked({ ...json, files: { ...json.files, adamw1: 1, adamw: 1, adamwx: 1 },
    adamw: { ...json.adamw, losses_before_each_step_and_after_last: undefined, losses: [loss + 1, 0, 0] } }, parts);
  assert.equal([...found.keys()], ['outputs and loss', 'activations', 'gradients', 'weights after 1 step',
    'loss before each step']);
  const [weights, losses] = [found.get('weights after 1 step'), found.get('loss before each step')];
  assert.equal([weights?.passed, weights?.worst?.tensor, weights?.worst?.tolerance], [false, learns, 2e-4]);
  assert.equal([losses?.passed, losses?.worst?.tolerance], [false, 2e-4 * (loss + 1)]);
  for (const lacking of [{ betas: undefined }, { eps: undefined }]) {
    await assert.rejectsWith(
      checked({ ...json, files: { ...json.files, adamw1: 1 }, adamw: { ...json.adamw, ...lacking } }, parts),
      FirstlightError,
      'some.json: adamw lists neither betas nor eps',
    );
  }
});

test('groups of the recipe are compared, and of a packed projection the thirds that have a gradient', async () => {
  const { json, parts } = await xclip('off_b');
  const packed = 'mit.resblocks.0.attn.in_proj_bias';
  assert.ok(json.zero_gradient_params.includes(`${packed}[k]`));
  const copy = (from: Held): Held =>
    Object.fromEntries(
      Object.entries(from).map(([name, { shape, values }]) => [name, { shape, values: values.slice() }]),
    );
  const steps = { ...json, files: { ...json.files, adamw1: 1 } };
  const third = parts.weights[packed].values.length / 3;
  const adamw1 = copy(parts.weights); // as they were: the first rate is 0
  off(adamw1[packed], 5, third + 1); // of the keys: not compared
  off(adamw1[packed], 1, third - 1);
  off(adamw1[packed], 2, 3 * third - 1);
  const [first, ...others] = json.adamw.groups;
  const decays = { ...first, weight_decay: 0.5 };
  const found = await checked({ ...steps, adamw: { ...json.adamw, groups: [decays, ...others] } }, { ...parts,
    adamw1 });
  const weights = found.get('weights after 1 step');
  assert.equal([weights?.worst?.tensor, Math.round(weights?.worst?.error ?? 0)], [`${packed}[v]`, 2]);
  const [name] = [...first.params].sort();
  assert.match(found.get('optimiser groups')?.problem ?? '',
    new RegExp(`^groups differ: ${name.replaceAll('.', '\\.')} decay 0\\.001 scale 1\\.000; `));
});

test('outputs of a system are off by 20 times the error of the reference at most; gradients of nothing are told', async () => {
  const { json, parts: { '': tensors } } = await copied('systems/vit_imagenet_a', '');
  off(tensors['out.logits'], 10);
  const [spared] = Object.keys(tensors).filter((name) => name.startsWith('grad.param.'));
  const { [spared]: _, ...others } = tensors;
  const found = await checked({ ...json, params_without_grad: [spared.slice('grad.param.'.length)] }, {
    '': { ...others, 'grad.param.nothing': held([1], [0]) },
  });
  const outputs = found.get('outputs and loss');
  const largest = Math.max(...Array.from(tensors['out.logits'].values, Math.abs));
  const relative = json.f32_vs_f64_max_rel as number;
  assert.equal([outputs?.passed, outputs?.worst?.tensor, outputs?.worst?.tolerance], [false, 'logits',
    20 * relative * largest]);
  const gradients = found.get('gradients');
  assert.equal([gradients?.problem, gradients?.tensors, gradients?.worst !== undefined
    && gradients.worst.error <= gradients.worst.tolerance], ['the model has no parameter for grad.param.nothing', 32,
    true]);
});

test('a text tower whose sizes are not all told is refused', async () => {
  const { json, parts } = await copied('systems/clip_mean_text_p3_a', '');
  for (const size of ['vocab', 'text_width', 'text_heads', 'text_layers']) {
    const config = { ...json.config as object, [size]: undefined };
    await assert.rejectsWith(checked({ ...json, config }, parts), FirstlightError,
      'some.json: config has a context_length, but not all of vocab, text_width, text_heads, text_layers');
  }
});

test('sizes of a system are whole numbers from 1 on, else it is one that is not built', async () => {
  for (const name of ['clip_mean_text_p3_a', 'vit_ours_fc_a', 'timesformer_divst_a', 'vit_imagenet_a',
    'tsm_r50tiny_train', 'videoswin_even', 'coswin_like_a', 'xflorence_like_a']) {
    const { json } = await copied(`systems/${name}`);
    /** The description with all of its sizes so large, as deep as they lie. */
    const sized = (value: unknown, size: number): unknown =>
      typeof value === 'number' && Number.isInteger(value) ?
        size :
        Array.isArray(value) ?
        value.map((each) => sized(each, size)) :
        typeof value === 'object' && value !== null ?
        Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, sized(inner, size)])) :
        value;
    const kind = (size: number) => kindOf(fixtureOf({ ...json, config: sized(json.config, size) }, {}).file);
    assert.equal([kind(1), kind(0)], ['system', 'not built'], name);
  }
});

test.run();
