import { z } from 'zod';
import { backward, FirstlightError, type FloatType, type Gpu, halve, NonFiniteError,
  Tensor } from '../../engine/index.ts';
import { shown } from '../../engine/shown.ts';
import { crossEntropy, crossEntropyWithLabels } from '../../kernels/cross_entropy/index.ts';
import { mul } from '../../kernels/elementwise/index.ts';
import { mean } from '../../kernels/reduce/index.ts';
import { configFromHuggingFace } from '../../model/checkpoint/huggingface.ts';
import { openSafetensors } from '../../model/checkpoint/safetensors.ts';
import { loadWeights } from '../../model/checkpoint/loading.ts';
import { toHuggingFace } from '../../model/checkpoint/encoding.ts';
import { requireHeld, Weights } from '../../model/checkpoint/weights.ts';
import { architectureOf, towersOf, validateConfig, type XclipConfig } from '../../model/systems/config.ts';
import { type TextBatch, textBatch } from '../../model/parts/text.ts';
import { Xclip } from '../../model/systems/xclip.ts';
import { AdamW, CONTROL, freeze, type ParameterGroup, recipeGroups } from '../recipe/optimizer/index.ts';
import { learningRate } from '../recipe/schedule.ts';
import { MAX_SKIPPED } from '../recipe/step_reports.ts';
import { inLayout, sourceOf, withoutMessage } from './activations.ts';
import { type CheckResult, Comparison, NOISE, type Noise, toleranceOf } from './comparison.ts';
import type { FixtureFile, FixtureTensors } from './fixture.ts';

/** Weights after optimiser steps may differ by this much: AdamW magnifies rounding where a gradient is nearly zero. */
const SNAPSHOT_TOLERANCE = 2e-4;
/**
 * Share of a tensor's elements, beside one, whose gradient rounding to f16 may turn round. What is within the tolerance
 * of a gradient, near 1 % of its largest element or 1/25 of a deviation, may: that is 1/32 of normal numbers.
 */
const TURNED = 1 / 32;

type Flavour = 'hf' | 'official';
const count = z.int().min(1);
const maybe = z.number().optional();

/** What descriptions call the mean of the squares of all logits. */
const SQUARES = ['mse', 'squares', 'mean_squares', 'mean_square'] as const;

/** A group of the optimiser, of the recipe. */
const group = z.object({ params: z.array(z.string()), weight_decay: z.number(), initial_lr: z.number() });
type FixtureGroup = z.infer<typeof group>;

/** The parts of a sidecar that describe the optimiser. */
export const adamwSettings = z.object({
  betas: z.tuple([z.number(), z.number()]).optional(),
  eps: maybe,
  lr: z.number().default(0),
  weight_decay: z.number().default(0),
  groups: z.union([z.array(group).min(1), z.string()]).optional(),
  LR: z.number().default(0),
  WEIGHT_DECAY: z.number().default(0),
  EPOCHS: z.number().default(1),
  WARMUP_EPOCHS: z.number().default(0),
  n_iter_per_epoch: z.number().default(1),
  FIX_TEXT: z.boolean().optional(),
  losses: z.array(z.number()).optional(),
  losses_before_each_step_and_after_last: z.array(z.number()).optional(),
});
type AdamWSettings = z.infer<typeof adamwSettings>;

/** What a sidecar must hold, beside its configuration. */
export const sidecar = z.object({
  files: z.record(z.string(), z.unknown()),
  loss: z.object({ kind: z.enum(['ce', 'soft', ...SQUARES]) }),
  noise: z.record(z.string(), z.union([z.string(), z.record(z.string(), NOISE)])),
  adamw: adamwSettings.optional(),
  zero_gradient_params: z.array(z.string()).default([]),
});

/** The configuration of an official model, in the words of its code. */
export const officialSizes = z.object({
  config: z.object({ embed_dim: count, T: count, vision_width: count, vision_layers: count, vision_patch_size: count,
    image_resolution: count, transformer_width: count, transformer_layers: count, transformer_heads: count,
    context_length: count, vocab_size: count, mit_layers: count, prompts_layers: count, prompts_alpha: z.number() }),
  derived: z.object({ vision_heads: count, mit_heads: count, prompt_heads: count }),
});

/** Checks a whole model: outputs, activations, loss, every gradient, and the weights after optimiser steps. */
export async function verifyModel(gpu: Gpu, file: FixtureFile, flavour: Flavour,
  type: FloatType): Promise<CheckResult[]> {
  const config = configOf(file, flavour);
  const io = await file.tensors('io');
  const bytes = await file.open('weights');
  try {
    const weights = new Weights(bytes.name, [await openSafetensors(bytes)]);
    const results = await forwardAndGradients(gpu, file, flavour, await modelOf(gpu, config, weights, type), io, type);
    const { adamw, files } = file.described(sidecar);
    const snapshots = Object.keys(files).flatMap((part) => /^adamw(\d{1,3})$/.exec(part)?.[1] ?? []).map(Number);
    if (snapshots.length > 0 && adamw !== undefined) {
      results.push(
        ...(await optimiserSteps(gpu, file, flavour, await modelOf(gpu, config, weights, type), io, adamw, snapshots,
          type)),
      );
    }
    return results;
  } finally {
    await bytes.close();
  }
}

function configOf(file: FixtureFile, flavour: Flavour): XclipConfig {
  if (flavour === 'hf') {
    const source = `${file.name}.json: config`;
    return architectureOf(towersOf(configFromHuggingFace(file.json.config, source), source));
  }
  const { config: c, derived: heads } = file.described(officialSizes);
  return validateConfig(
    {
      system: 'xclip',
      embedDim: c.embed_dim,
      frames: c.T,
      vision: { activation: 'quick_gelu', width: c.vision_width, layers: c.vision_layers, heads: heads.vision_heads,
        mlp: 4 * c.vision_width, patch: c.vision_patch_size, imageSize: c.image_resolution },
      text: { activation: 'quick_gelu', width: c.transformer_width, layers: c.transformer_layers,
        heads: c.transformer_heads, mlp: 4 * c.transformer_width, context: c.context_length, vocab: c.vocab_size },
      mit: { activation: 'quick_gelu', layers: c.mit_layers, heads: heads.mit_heads, mlp: 4 * c.embed_dim },
      prompts: { activation: 'quick_gelu', layers: c.prompts_layers, heads: heads.prompt_heads,
        alpha: c.prompts_alpha },
    },
    `${file.name}.json: config`,
  );
}

async function modelOf(gpu: Gpu, config: XclipConfig, weights: Weights, type: FloatType): Promise<Xclip> {
  requireHeld(config, weights);
  const model = new Xclip(gpu, config);
  await loadWeights(model, weights);
  if (type === 'f16') halve(model);
  return model;
}

function noiseOf(file: FixtureFile, part: string, name: string): Noise {
  const { noise } = file.described(sidecar);
  const table = Object.hasOwn(noise, part) ? noise[part] : undefined;
  if (typeof table !== 'object' || !Object.hasOwn(table, name)) {
    throw new FirstlightError('FL_FIXTURE', `${file.name}.json: noise.${part} does not list "${shown(name)}"`);
  }
  return table[name];
}

/**
 * Noise of a parameter's gradient. That of the logit scale is one number, so the reference's error in it is one draw
 * and can be next to 0 by luck. It is Σ dlogits·logits, where each row of dlogits adds to 0 and Σ |dlogits| ≤ 2: what
 * the logits are off by, it may be off by.
 */
function gradientNoise(file: FixtureFile, io: FixtureTensors, name: string): Noise {
  const noise = noiseOf(file, 'grads', name);
  if (name !== 'logit_scale') return noise;
  const logits = io.names().filter((output) => output.startsWith('out.logits'));
  return [Math.max(noise[0], ...logits.map((output) => noiseOf(file, 'io', output)[0])), noise[1]];
}

/** What a fixture puts in, on the GPU. */
class Inputs {
  readonly pixels: Tensor;
  readonly texts: TextBatch;
  /** Undefined where the loss asks for none. */
  readonly #target: { readonly soft: Tensor } | { readonly labels: Tensor<'u32'> } | undefined;

  constructor(gpu: Gpu, file: FixtureFile, io: FixtureTensors) {
    const { loss: { kind } } = file.described(sidecar);
    // all that can be missing, before anything is on the GPU
    const [pixels, ids] = [io.floats('in.pixel_values'), io.integers('in.input_ids')];
    const target = kind === 'soft'
      ? io.floats('in.soft_targets')
      : kind === 'ce'
      ? io.integers('in.labels')
      : undefined;
    this.pixels = Tensor.from(gpu, pixels, io.get('in.pixel_values').shape, 'pixels');
    this.texts = textBatch(gpu, ids, io.get('in.input_ids').shape[1]);
    if (target === undefined) return;
    this.#target = target instanceof Float32Array
      ? { soft: Tensor.from(gpu, target, io.get('in.soft_targets').shape, 'targets') }
      : { labels: Tensor.from(gpu, Uint32Array.from(target), undefined, 'labels') };
  }

  loss(logits: Tensor): Tensor {
    if (this.#target === undefined) return mean(mul(logits, logits).reshape([logits.size]), 0);
    return 'soft' in this.#target
      ? crossEntropy(logits, this.#target.soft)
      : crossEntropyWithLabels(logits, this.#target.labels);
  }

  [Symbol.dispose](): void {
    this.pixels.grad?.dispose();
    this.pixels.dispose();
    this.texts[Symbol.dispose]();
    if (this.#target !== undefined) ('soft' in this.#target ? this.#target.soft : this.#target.labels).dispose();
  }
}

/** What a forward pass shows to its tap. */
class Seen {
  readonly #tensors = new Map<string, Tensor>();

  add(name: string, value: Tensor): void {
    this.#tensors.set(name, value.gpu.keep(value.detach()));
  }

  get(name: string): Tensor | undefined {
    return this.#tensors.get(name);
  }

  [Symbol.dispose](): void {
    for (const tensor of this.#tensors.values()) tensor.dispose();
  }
}

async function forwardAndGradients(gpu: Gpu, file: FixtureFile, flavour: Flavour, loaded: Xclip, io: FixtureTensors,
  type: FloatType): Promise<CheckResult[]> {
  using model = loaded;
  using inputs = new Inputs(gpu, file, io);
  inputs.pixels.requiresGrad = true;
  using seen = new Seen();
  gpu.scope(() => {
    const loss = inputs.loss(
      model.forward(inputs.pixels, inputs.texts, { tap: (name, value) => seen.add(name, value) }),
    );
    backward(loss);
    seen.add('loss', loss);
  });

  const outputs = new Comparison(file.name, 'outputs and loss');
  const activations = new Comparison(file.name, 'activations');
  for (const name of io.names()) {
    if (name.startsWith('in.') || name === 'grad.pixel_values') continue;
    const comparison = name.startsWith('out.') ? outputs : activations;
    const source = name === 'out.loss'
      ? { tap: 'loss', layout: 'same' as const, hasMessage: false }
      : sourceOf(flavour, name);
    const tensor = source && seen.get(source.tap);
    if (source === undefined || tensor === undefined) {
      comparison.fail(`"${name}" is not an activation that this model has`);
      continue;
    }
    const want = source.hasMessage
      ? withoutMessage(io.floats(name), io.get(name).shape, source.layout)
      : io.floats(name);
    comparison.compare(name, inLayout(await tensor.read(), tensor.shape, source.layout), want,
      toleranceOf(noiseOf(file, 'io', name), type));
  }

  if (!('grads' in file.described(sidecar).files)) {
    outputs.lack('gradients');
    return resultsOf(outputs, activations);
  }
  const gradients = new Comparison(file.name, 'gradients');
  const wanted = await file.tensors('grads');
  const left = new Set(wanted.names());
  for (const [name, parameter] of model.parameters()) {
    if (parameter.grad === undefined) {
      gradients.fail(`no gradient reached "${name}"`);
      continue;
    }
    for (const { name: stored, values } of storedTensors(flavour, name, parameter.shape, await parameter.grad.read())) {
      if (!left.delete(stored)) gradients.lack(`gradient of ${stored}`);
      else gradients.compare(stored, values, wanted.floats(stored), toleranceOf(gradientNoise(file, io, stored), type));
    }
  }
  if (left.size > 0) gradients.fail(`the model has no parameter for ${[...left].join(', ')}`);
  const { grad } = inputs.pixels;
  if (!io.has('grad.pixel_values')) gradients.lack('grad.pixel_values');
  else if (grad === undefined) gradients.fail('no gradient reached the pixels');
  else {gradients.compare('pixel_values', await grad.read(), io.floats('grad.pixel_values'),
      toleranceOf(noiseOf(file, 'io', 'grad.pixel_values'), type));}
  return resultsOf(outputs, activations, gradients);
}

/** A fixture may come without activations: what the outputs are like says as much, if less about where an error is. */
function resultsOf(outputs: Comparison, activations: Comparison, ...others: readonly Comparison[]): CheckResult[] {
  if (activations.isEmpty) outputs.lack('activations');
  return [outputs, ...(activations.isEmpty ? [] : [activations]), ...others].map((comparison) => comparison.result());
}

/** A parameter of ours as the fixture's file stores it. */
function storedTensors(flavour: Flavour, name: string, shape: readonly number[],
  values: Float32Array): { name: string; values: Float32Array }[] {
  return flavour === 'hf' ? toHuggingFace(name, shape, values) : [{ name, values }];
}

async function optimiserSteps(gpu: Gpu, file: FixtureFile, flavour: Flavour, loaded: Xclip, io: FixtureTensors,
  settings: AdamWSettings, snapshots: readonly number[], type: FloatType): Promise<CheckResult[]> {
  using model = loaded;
  using inputs = new Inputs(gpu, file, io);
  const { betas, eps } = settings;
  if (betas === undefined || eps === undefined) {
    throw new FirstlightError('FL_FIXTURE', `${file.name}.json: adamw lists neither betas nor eps`);
  }
  const recipe = Array.isArray(settings.groups);
  if (recipe && settings.FIX_TEXT) freeze(model, 'visual');
  const groups = recipe
    ? recipeGroups(model, { weightDecay: settings.WEIGHT_DECAY, newPartsLrScale: 10 })
    : [everything(model, settings.weight_decay)];
  using optimizer = new AdamW(gpu, groups, { beta1: betas[0], beta2: betas[1], eps, maxNorm: 0 });
  const lrs = (step: number) =>
    optimizer.groups.map((
      group,
    ) => (recipe ? learningRate(scheduleOf(settings), step, group.lrScale) : settings.lr));
  const results: CheckResult[] = recipe ? [groupsAgree(file, groups, settings.groups as readonly FixtureGroup[])] : [];
  const losses: number[] = [];
  // in half precision the first steps find the loss scale: they change nothing, and are done again
  for (let step = 1; step <= Math.max(...snapshots);) {
    optimizer.zeroGrad();
    optimizer.schedule(lrs(step - 1));
    const [loss, control] = gpu.scope(() => {
      const value = inputs.loss(model.forward(inputs.pixels, inputs.texts));
      backward(value, optimizer.lossScale);
      return [value.detach(), optimizer.step()];
    });
    const [[value], report] = await gpu.read([loss, control]);
    loss.dispose();
    control.dispose();
    if (report[CONTROL.skipped] !== 0) {
      if (report[CONTROL.skippedInARow] < MAX_SKIPPED) continue;
      throw new NonFiniteError(`${file.name}: the gradient of ${MAX_SKIPPED} steps in a row`);
    }
    losses.push(value);
    if (snapshots.includes(step)) results.push(await snapshot(file, flavour, model, step, type));
    step++;
  }
  const wanted = (settings.losses_before_each_step_and_after_last ?? settings.losses ?? []).slice(0, losses.length);
  if (wanted.length === 0) return results;
  const lossCheck = new Comparison(file.name, 'loss before each step');
  lossCheck.compare('losses', losses.slice(0, wanted.length), wanted,
    type === 'f32' ? SNAPSHOT_TOLERANCE * Math.max(1, ...wanted) : toleranceOf(noiseOf(file, 'io', 'out.loss'), type));
  results.push(lossCheck.result());
  return results;
}

function everything(model: Xclip, weightDecay: number): ParameterGroup {
  return { name: 'all', lrScale: 1, weightDecay, parameters: [...model.parameters()] };
}

function scheduleOf({ LR, EPOCHS, WARMUP_EPOCHS, n_iter_per_epoch }: AdamWSettings) {
  return { form: 'recipe' as const, baseLr: LR, minLr: LR / 100, warmup: WARMUP_EPOCHS * n_iter_per_epoch,
    total: EPOCHS * n_iter_per_epoch, batchesPerEpoch: n_iter_per_epoch };
}

/** The recipe's groups, name by name. */
function groupsAgree(file: FixtureFile, groups: readonly ParameterGroup[],
  wanted: readonly FixtureGroup[]): CheckResult {
  const comparison = new Comparison(file.name, 'optimiser groups');
  const base = wanted[0].initial_lr;
  const lines = (own: readonly { names: readonly string[]; decay: number; scale: number }[]) =>
    own.flatMap(({ names, decay, scale }) => names.map((name) => `${name} decay ${decay} scale ${scale.toFixed(3)}`))
      .sort();
  const ours = lines(
    groups.map((group) => ({ names: group.parameters.map(([name]) => name), decay: group.weightDecay,
      scale: group.lrScale })
    ),
  );
  const theirs = lines(
    wanted.map((group) => ({ names: group.params, decay: group.weight_decay, scale: group.initial_lr / base })),
  );
  const different = [...ours.filter((line) => !theirs.includes(line)),
    ...theirs.filter((line) => !ours.includes(line))];
  comparison.compare('parameters in groups', [ours.length], [theirs.length], 0);
  if (different.length > 0) comparison.fail(`groups differ: ${different.slice(0, 4).join('; ')}`);
  return comparison.result();
}

async function snapshot(file: FixtureFile, flavour: Flavour, model: Xclip, step: number,
  type: FloatType): Promise<CheckResult> {
  const comparison = new Comparison(file.name, `weights after ${step} step${step === 1 ? '' : 's'}`);
  const wanted = await file.tensors(`adamw${step}`);
  const starts = type === 'f16' ? await file.tensors('weights') : undefined;
  const zero = new Set(file.described(sidecar).zero_gradient_params);
  for (const [name, parameter] of model.parameters()) {
    for (const { name: stored, values } of storedTensors(flavour, name, parameter.shape,
      await (parameter.master ?? parameter).read())) {
      if (zero.has(stored)) continue;
      const want = wanted.floats(stored);
      // a packed projection may have zero gradients in its rows of queries or keys only
      const third = values.length / 3;
      const pieces = ['q', 'k', 'v'].some((part) => zero.has(`${stored}[${part}]`))
        ? ['q', 'k', 'v'].flatMap((part, i) => (zero.has(`${stored}[${part}]`)
          ? []
          : [{ label: `${stored}[${part}]`, from: i * third, to: (i + 1) * third }])
        )
        : [{ label: stored, from: 0, to: values.length }];
      for (const { label, from, to } of pieces) {
        const [own, wished] = [values.subarray(from, to), want.subarray(from, to)];
        if (starts === undefined) {
          comparison.compare(label, own, wished, SNAPSHOT_TOLERANCE);
        } else {comparison.compareWay(label, own, wished, starts.floats(stored).subarray(from, to),
            2 * Math.sqrt(1 / own.length + TURNED));}
      }
    }
  }
  return comparison.result();
}
