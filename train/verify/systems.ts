/** Fixtures of whole systems other than X-CLIP: outputs, loss and every gradient. */
import { z } from 'zod';
import { assign, backward, FirstlightError, type FloatType, type Gpu, halve, type Shape,
  Tensor } from '../../engine/index.ts';
import { crossEntropyWithLabels } from '../../kernels/cross_entropy/index.ts';
import { DRAW } from '../../kernels/dropout/index.ts';
import { permute } from '../../kernels/rearrange/index.ts';
import type { Activation } from '../../kernels/shared/activation.ts';
import { fromStored, toStored } from '../../model/checkpoint/names/index.ts';
import { OF_VIT } from '../../model/checkpoint/starting.ts';
import { textBatch } from '../../model/parts/text.ts';
import { architectureOf, configFor, type TowerName, validateConfig,
  type VitConfig } from '../../model/systems/config.ts';
import { createModel } from '../../model/systems/index.ts';
import type { VideoModel } from '../../model/systems/system.ts';
import { type CheckResult, Comparison, tolerated } from './comparison.ts';
import type { FixtureFile, FixtureTensors } from './fixture.ts';
import { count, isImageNets, type Made, NETWORK_SIZES, networkFrom, timesformerSizes } from './networks.ts';

/** Of the ViT of CLIP, with what a system adds. */
const clipSizes = z.object({ input_resolution: count, patch_size: count, width: count, layers: count, heads: count,
  output_dim: count, T: count, mit_layers: count.optional(), mit_heads: count.optional(),
  context_length: count.optional(), vocab: count.optional(), text_width: count.optional(), text_heads: count.optional(),
  text_layers: count.optional(), classes: count.optional() });
/** Of an ImageNet ViT, as MMAction2 describes a TimeSformer that looks at one frame. */
const imagenetSizes = timesformerSizes.extend({ num_frames: z.literal(1), attention_type: z.literal('space_only') });

/** What is read of a description, beside its sizes. */
export const schema = z.object({
  config: z.union([clipSizes, imagenetSizes, ...NETWORK_SIZES]),
  num_classes: count.optional(),
  gelu: z.string().optional(),
  layernorm_eps: z.number().optional(),
  loss_def: z.string().regex(/label_smoothing=[\d.]+/),
  f32_vs_f64_max_rel: z.number(),
  params_without_grad: z.array(z.string()).default([]),
});
type Described = z.infer<typeof schema>;

/**
 * Share of the numbers so near 0 that rounding to f16 turns a gate: ReLU's, or a maximum's; on the small maps of
 * fixtures, of 512 numbers, that is one. Each turned one changes gradients before it as a whole, so that shares add up
 * over layers, as squares do.
 */
const TURNED = 2 ** -9;

/** Whether a fixture is of a system that is built here. */
export const isBuilt = (file: FixtureFile): boolean => schema.safeParse(file.json).success;

/** Compares a system with a fixture. */
export async function verifySystem(gpu: Gpu, file: FixtureFile, type: FloatType): Promise<CheckResult[]> {
  const described = file.described(schema);
  const tensors = await file.tensors();
  const made = madeFrom(file, described, tensors);
  using model = createModel(gpu, validateConfig(made.config, `${file.name}.json: config`));
  const storedAs = (name: string, shape: Shape) => {
    const { parts: [stored], order } = made.storedAs(name, shape);
    return { stored, order };
  };
  const parameters = [...model.parameters()].filter(([name]) => made.lacks?.test(name) !== true);
  for (const [name, parameter] of parameters) {
    const { stored, order } = storedAs(name, parameter.shape);
    const entry = `param.${stored}`;
    assign(name, parameter, fromStored(order, tensors.floats(entry), tensors.get(entry).shape, parameter.shape));
  }
  if (type === 'f16') halve(model);
  const tolerance = (want: Float32Array) => tolerated(described.f32_vs_f64_max_rel, want, type);

  const seen = tensors.has('in.video') ? 'video' : 'image';
  const { shape } = tensors.get(`in.${seen}`);
  // a picture is a video of one frame
  using video = Tensor.from(gpu, tensors.floats(`in.${seen}`),
    seen === 'video' ? shape : [shape[0], 1, ...shape.slice(1)], 'video');
  video.requiresGrad = true;
  using labels = Tensor.from(gpu, Uint32Array.from(tensors.integers('in.labels')), undefined, 'labels');
  using draw = made.isTraining ? Tensor.from(gpu, new Uint32Array(DRAW.words), [DRAW.words], 'draw') : undefined;
  const running = runningStatistics(model, made.storedAs);
  for (const { tensor, stored } of running) tensor.write(tensors.floats(`buffer.${stored}`));
  const smoothing = Number(/label_smoothing=([\d.]+)/.exec(described.loss_def)?.[1]);
  using given = tensors.has('in.text_features')
    ? Tensor.from(gpu, tensors.floats('in.text_features'), tensors.get('in.text_features').shape, 'texts')
    : undefined;
  if (given !== undefined) given.requiresGrad = true;
  const results = gpu.scope(() => {
    const pixels = made.hasChannelsFirst ? permute(video, [0, 2, 1, 3, 4]) : video;
    const pass = draw === undefined ? {} : { draw };
    const logits = model.compare(model.encodeVideo(pixels, pass), given ?? textsOf(gpu, model, tensors), pass);
    const loss = crossEntropyWithLabels(logits, labels, smoothing);
    backward(loss);
    return [logits.detach(), loss.detach()];
  });
  const [logits, loss] = await gpu.read(results) as Float32Array[];
  for (const tensor of results) tensor.dispose();
  const outputs = new Comparison(file.name, 'outputs and loss');
  const compare = (to: Comparison, name: string, got: ArrayLike<number>, stored: string) => {
    const want = tensors.floats(stored);
    to.compare(name, got, want, tolerance(want));
  };
  compare(outputs, 'logits', logits, 'out.logits');
  compare(outputs, 'loss', loss, 'out.loss');
  const gradients = new Comparison(file.name, 'gradients');
  const compareGradient = (name: string, got: Float32Array, stored: string) => {
    if (type === 'f32' || made.gates === undefined) return compare(gradients, name, got, stored);
    const want = tensors.floats(stored);
    gradients.compareWay(name, got, want, new Float32Array(want.length), 2 * Math.sqrt(made.gates * TURNED));
  };
  if (video.grad === undefined) gradients.fail('no gradient reached the pixels');
  else compareGradient(seen, await video.grad.read(), `grad.in.${seen}`);
  const left = new Set(tensors.names('grad.param.'));
  for (const [name, parameter] of parameters) {
    const { stored, order } = storedAs(name, parameter.shape);
    if (described.params_without_grad.includes(stored)) continue;
    if (parameter.grad === undefined) gradients.fail(`no gradient reached "${name}"`);
    else {
      const own = toStored(order, await parameter.grad.read(), parameter.shape);
      compareGradient(stored, own, `grad.param.${stored}`);
    }
    left.delete(`grad.param.${stored}`);
  }
  if (given?.grad !== undefined) compareGradient('text features', await given.grad.read(), 'grad.in.text_features');
  video.grad?.dispose();
  given?.grad?.dispose();
  if (left.size > 0) gradients.fail(`the model has no parameter for ${[...left].join(', ')}`);
  const statistics = new Comparison(file.name, 'running statistics');
  for (const { tensor, stored } of made.isTraining ? running : []) {
    compare(statistics, stored, await tensor.read(), `buffer_after.${stored}`);
  }
  return [outputs, gradients, ...(statistics.isEmpty ? [] : [statistics])].map((comparison) => comparison.result());
}

/** Statistics that a model keeps of its batches, and what the fixture calls them. Counts of batches are not in it. */
function runningStatistics(model: VideoModel, storedAs: Made['storedAs']) {
  return [...model.buffers()].flatMap(([name, tensor]) =>
    tensor.dtype === 'f32' ? [{ tensor: tensor as Tensor<'f32'>, stored: storedAs(name, tensor.shape).parts[0] }] : []
  );
}

/** Features of the texts of a fixture, [K, P, E]: ids are [K, P, L]. */
function textsOf(gpu: Gpu, model: VideoModel, tensors: FixtureTensors): Tensor | undefined {
  if (model.texts === undefined) return undefined;
  const { shape: [classes, templates, length] } = tensors.get('in.token_ids');
  const features = model.encodeText(textBatch(gpu, tensors.integers('in.token_ids'), length));
  return features.reshape([classes, templates, features.shape[1]]);
}

function madeFrom(file: FixtureFile, described: Described, tensors: FixtureTensors): Made {
  const { config, layernorm_eps: eps = 1e-5, gelu = 'QuickGELU', num_classes: classes } = described;
  const activation: Activation = /quick/i.test(gelu) ? 'quick_gelu' : /tanh/i.test(gelu) ? 'gelu_tanh' : 'gelu';
  const shared = { activation, ...(eps !== 1e-5 && { eps }) };
  const names = Array.from({ length: classes ?? 0 }, (_, k) => `class ${k}`);
  const shapeOf = (name: string): Shape => tensors.get(`param.${name}`).shape;
  if (isImageNets(config)) {
    const [mlp] = shapeOf('backbone.transformer_layers.layers.0.ffns.0.layers.0.0.weight');
    const vit: VitConfig = { system: 'vit-mean', frames: 1, classes: names,
      vision: { ...shared, width: config.embed_dims, layers: config.num_transformer_layers, heads: config.num_heads,
        mlp, patch: config.patch_size, imageSize: config.img_size, patchBias: true, lnPre: false } };
    return { config: vit, storedAs: (name) => ({ parts: [mmactionName(name)], order: 'same' }), hasChannelsFirst: true,
      isTraining: false };
  }
  if (!('input_resolution' in config)) return networkFrom(config, { eps, activation, classes: names, tensors });
  const hasTexts = config.context_length !== undefined;
  const prefix = hasTexts ? 'm.' : '';
  const isJoint = tensors.has(`param.${prefix}temporal_embedding`);
  const [mlp] = shapeOf(`${prefix}visual.transformer.resblocks.0.mlp.c_fc.weight`);
  const vision = { ...shared, width: config.width, layers: config.layers, heads: config.heads, mlp,
    patch: config.patch_size, imageSize: config.input_resolution };
  const storedAs = (name: string) => {
    const own = name === 'visual.temporal_embedding' ? 'temporal_embedding' : name;
    return { parts: [/^(visual|mit|temporal_embedding)/.test(own) ? prefix + own : own], order: 'same' } as const;
  };
  const towers = architectureOf({ system: 'vit', embedDim: config.output_dim, frames: config.T, vision,
    classes: names });
  const mit = { ...shared, layers: config.mit_layers ?? 1, heads: config.mit_heads ?? 1, mlp: 4 * config.output_dim };
  const system = systemOf({ hasTexts, isJoint, isIntegrated: config.mit_layers !== undefined });
  const text = hasTexts ? textSizes(file, config, shapeOf('transformer.resblocks.0.mlp.c_fc.weight')[0]) : {};
  return { config: configFor(system, { ...towers, mit, text: { ...towers.text, ...shared, ...text } }, {
    classes: names,
  }), storedAs, hasChannelsFirst: false, isTraining: false };
}

function systemOf(
  { hasTexts, isJoint, isIntegrated }: Readonly<Record<'hasTexts' | 'isJoint' | 'isIntegrated', boolean>>,
): TowerName {
  if (hasTexts) return isJoint ? 'clip-joint' : 'clip-mean';
  if (isIntegrated) return 'vit';
  return isJoint ? 'vit-joint' : 'vit-mean';
}

function textSizes(file: FixtureFile, config: z.infer<typeof clipSizes>, mlp: number) {
  const { context_length: context, vocab, text_width: width, text_heads: heads, text_layers: layers } = config;
  if (vocab === undefined || width === undefined || heads === undefined || layers === undefined) {
    throw new FirstlightError('FL_FIXTURE',
      `${file.name}.json: config has a context_length, but not all of vocab, text_width, text_heads, text_layers`);
  }
  return { context: context as number, vocab, width, heads, layers, mlp };
}

/** A ViT's parameter as MMAction2 calls it, whose TimeSformer is one where only space is attended over. */
function mmactionName(name: string): string {
  return name.startsWith('head.') ? `cls_head.fc_cls.${name.slice('head.'.length)}` : OF_VIT.plain.meant(name).ours;
}
