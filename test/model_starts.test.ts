/** How every parameter of every model starts: by its name and its width, as published. No GPU draws anything. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { type Gpu, Random, type Tensor } from '../engine/index.ts';
import { initialise, normal, torchDefault, truncatedNormal, uniform, xavierUniform } from '../model/parts/init.ts';
import { configFor, familyOf, type FlorenceConfig, type ModelConfig, networkFor, networkOf, ofImageNet, RESNETS,
  type XclipConfig } from '../model/systems/config.ts';
import { createModel } from '../model/systems/index.ts';
import { counting } from './counting_gpu.ts';

/** What values are: all one number, U(±bound), or of a standard deviation around 0. */
type Start = { readonly all: number } | { readonly bound: number } | { readonly std: number };
const [ZERO, ONE] = [{ all: 0 }, { all: 1 }];

function assertStarts(name: string, values: Float32Array, start: Start): void {
  if ('all' in start) {
    assert.ok(values.every((value) => value === Math.fround(start.all)), `${name}: ${values[0]}`);
    return;
  }
  const rms = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const wanted = 'std' in start ? start.std : start.bound / Math.sqrt(3);
  // five standard deviations of what so many draws give
  assert.ok(Math.abs(rms / wanted - 1) < 5 / Math.sqrt(2 * values.length), `${name}: ${rms}, expected ${wanted}`);
  assert.ok(Math.abs(mean) < (5 * wanted) / Math.sqrt(values.length), `${name}: mean ${mean}`);
  const most = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  if ('bound' in start) assert.ok(most <= start.bound, `${name}: ${most} beyond ${start.bound}`);
  else if (values.length > 4000) assert.ok(most > 2.5 * wanted, `${name}: ${most} is no normal draw`);
}

/** Checks all parameters of a model, each by the first pattern that fits its name. */
function check(config: ModelConfig, starts: readonly (readonly [name: RegExp, start: Start])[]): void {
  const drawn = new Map<Tensor, Float32Array>();
  const gpu = { ...counting, upload: (tensor: Tensor, values: Float32Array) => void drawn.set(tensor, values) } as Gpu;
  const model = createModel(gpu, config);
  initialise(model, 7);
  for (const [name, tensor] of model.parameters()) {
    const [, start] = starts.find(([pattern]) => pattern.test(name)) ?? [];
    assert.ok(start, `no start is expected of ${name}`);
    assertStarts(name, drawn.get(tensor) as Float32Array, start);
  }
}

const norms = (
  names: string,
): [RegExp, Start][] => [[new RegExp(`(^|\\.)(${names})\\.weight$`), ONE], [new RegExp(`(^|\\.)(${names})\\.bias$`),
  ZERO]];

/** Sizes that differ. */
const [W, MLP, PATCH, E, TW, TMLP, TLAYERS] = [96, 160, 4, 64, 48, 100, 3];
const CONFIG: XclipConfig = {
  system: 'xclip',
  embedDim: E,
  frames: 5,
  vision: { activation: 'quick_gelu', width: W, layers: 1, heads: 3, mlp: MLP, patch: PATCH, imageSize: 16 },
  text: { activation: 'quick_gelu', width: TW, layers: TLAYERS, heads: 1, mlp: TMLP, context: 9, vocab: 50 },
  mit: { activation: 'quick_gelu', layers: 1, heads: 2, mlp: 150 },
  prompts: { activation: 'quick_gelu', layers: 1, heads: 2, alpha: 0.25 },
};
/** Glorot & Bengio 2010 of the packed projection of an attention. */
const packed = (width: number) => ({ bound: Math.sqrt(6 / (3 * width + width)) });
const OUT_STD = TW ** -0.5 * (2 * TLAYERS) ** -0.5;

const VISUAL: readonly (readonly [RegExp, Start])[] = [
  ...norms('ln_pre|ln_post|ln_1|ln_2|ln_final|message_ln|norm|norm1|norm3|prompts_visual_ln'),
  [/^visual\.(class_embedding|positional_embedding|proj)$/, { std: W ** -0.5 }],
  [/^visual\.conv1\./, { bound: (3 * PATCH ** 2) ** -0.5 }],
  [/\.in_proj_bias$|\.out_proj\.bias$|temporal_embedding$/, ZERO],
  [/^visual\..*in_proj_weight$/, packed(W)],
  [/^visual\..*(out_proj\.weight|message_fc\.\w+|c_fc\.\w+)$/, { bound: W ** -0.5 }],
  [/^visual\..*c_proj\.\w+$/, { bound: MLP ** -0.5 }],
  [/^mit\..*in_proj_weight$/, packed(E)],
  [/^mit\..*\.bias$/, ZERO],
  [/^mit\./, { std: 0.02 }],
  [/^head\.bias$/, ZERO],
  [/^head\.weight$/, { std: 0.02 }],
];
const TEXT: readonly (readonly [RegExp, Start])[] = [
  [/^token_embedding\.weight$|^prompts_learned\.vectors$/, { std: 0.02 }],
  [/^positional_embedding$/, { std: 0.01 }],
  [/^text_projection$|^transformer\..*in_proj_weight$/, { std: TW ** -0.5 }],
  [/^transformer\..*(out_proj|c_proj)\.weight$/, { std: OUT_STD }],
  [/^transformer\..*c_fc\.weight$/, { std: (2 * TW) ** -0.5 }],
  [/^transformer\..*c_fc\.bias$/, { bound: TW ** -0.5 }],
  [/^transformer\..*c_proj\.bias$/, { bound: TMLP ** -0.5 }],
  [/^logit_scale$/, { all: Math.log(1 / 0.07) }],
  [/^prompts_visual_proj$/, { std: 1 }],
  [/^prompts_generator\.alpha$/, { all: 0.25 }],
  [/^prompts_generator\..*\.bias$/, ZERO],
  [/^prompts_generator\./, { std: 0.02 }],
];

test('X-CLIP starts as the official code has it, and so do CLIP and a ViT with a head', () => {
  const architecture = CONFIG as Parameters<typeof configFor>[1];
  check(CONFIG, [...VISUAL, ...TEXT]);
  check(configFor('clip-joint', architecture, { vectors: 16 }), [...VISUAL, ...TEXT]);
  const classes = Array.from({ length: 50 }, (_, k) => `${k}`);
  const imageNet = { ...architecture, vision: ofImageNet(CONFIG.vision) };
  check(configFor('vit', imageNet, { classes }), VISUAL);
});

const classes = Array.from({ length: 50 }, (_, k) => `class ${k}`);
const HEAD: readonly (readonly [RegExp, Start])[] = [[/^cls_head\.fc_cls\.bias$/, ZERO], [/^cls_head\.fc_cls\.weight$/,
  {
    std: 0.02,
  }]];

test('transformers with a head draw their matrices narrowly; what is new in a ViT that one starts from is zero', () => {
  for (const system of ['timesformer', 'timesformer-joint', 'timesformer-space'] as const) {
    check(networkFor(system, 'tiny', { frames: 5, imageSize: 32, classes }), [...HEAD, ...norms('norm|norms\\.\\d'), [
      /^backbone\.patch_embed\./,
      { bound: (3 * 8 ** 2) ** -0.5 },
    ], [/time_embed$|temporal_fc\.|\.bias$|in_proj_bias$/, ZERO], [/^backbone\./, { std: 0.02 }]]);
  }
  check(networkFor('videomae', 'tiny', { frames: 4, imageSize: 32, classes }), [...HEAD,
    ...norms('norm1|norm2|fc_norm'), [/^backbone\.patch_embed\./, { bound: (3 * 2 * 8 ** 2) ** -0.5 }], [/bias$/, ZERO],
    [/^backbone\./, { std: 0.02 }]]);
  check(networkFor('video-swin', 'tiny', { frames: 4, imageSize: 32, classes }), [
    [/^cls_head\.fc_cls\.weight$/, { std: 0.01 }],
    ...HEAD,
    ...norms('patch_embed\\.norm|norm|norm1|norm2'),
    [/^backbone\.patch_embed\.proj/, { bound: (3 * 2 * 4 * 4) ** -0.5 }],
    [/\.bias$/, ZERO],
    [/^backbone\./, { std: 0.02 }],
  ]);
});

test('a CoSwin draws its convolutions as torch does, of their own fan-in, and its projection by its width', () => {
  const own: readonly (readonly [RegExp, Start])[] = [...norms('norm|norm1|norm2'), [/embeds\.0\.proj\./, {
    bound: (3 * 7 * 7) ** -0.5,
  }], [/embeds\.1\.proj\./, { bound: (32 * 3 * 3) ** -0.5 }]];
  check(networkFor('coswin', 'tiny', { frames: 2, imageSize: 32, classes }), [...HEAD, ...own, [/\.bias$/, ZERO], [
    /^backbone\./,
    { std: 0.02 },
  ]]);
  const tiny = familyOf('x-florence').presets.tiny as FlorenceConfig['network'];
  const florence = networkOf('x-florence', { ...tiny,
    text: { ...tiny.text, width: TW, mlp: TMLP, layers: TLAYERS, vocab: 50 } }, { frames: 2, imageSize: 32, classes });
  check(florence, [...own, [/^visual\.proj$/, { std: 64 ** -0.5 }], [/^visual\..*\.bias$/, ZERO], [/^visual\.layers\./,
    { std: 0.02 }], [/^mit\..*in_proj_weight$/, packed(64)], [/^prompts_generator\.alpha$/, { all: 0.1 }], ...VISUAL,
    ...TEXT]);
});

test('a ResNet draws by what comes out of a convolution, and its head narrowly', () => {
  const config = networkOf('tsm', { ...RESNETS.presets.tiny, width: 16, blocks: [1, 2] }, { frames: 2, imageSize: 32,
    classes });
  const he = (outputs: number, kernel: number) => ({ std: Math.sqrt(2 / (outputs * kernel ** 2)) });
  check(config, [...norms('bn'), [/^cls_head\.fc_cls\.weight$/, { std: 0.001 }], [/^cls_head\.fc_cls\.bias$/, ZERO], [
    /^backbone\.conv1\./,
    he(16, 7),
  ], ...[1, 2].flatMap((stage): [RegExp, Start][] => {
    const width = 16 * stage;
    const of = (part: string) => new RegExp(`^backbone\\.layer${stage}\\.\\d\\.${part}\\.conv\\.`);
    return [[of('conv1'), he(width, 1)], [of('conv2'), he(width, 3)], [of('conv3'), he(4 * width, 1)], [
      of('downsample'),
      he(4 * width, 1),
    ]];
  })]);
});

test('draws lie within their bounds, follow the seed and the name, and nothing else', () => {
  const of = (init: ReturnType<typeof normal>, shape: readonly number[], seed = 1) =>
    init(new Random(seed, 'init'), shape);
  assertStarts('uniform', of(uniform(0.5), [9000]), { bound: 0.5 });
  assertStarts('torch', of(torchDefault(25), [9000]), { bound: 0.2 });
  assertStarts('xavier', of(xavierUniform, [40, 20, 10]), { bound: Math.sqrt(6 / 240) });
  assertStarts('normal', of(normal(3), [9000]), { std: 3 });
  const wide = of(truncatedNormal(2), [9000]);
  assert.ok(wide.every((value) => Math.abs(value) <= 2) && wide.some((value) => Math.abs(value) > 1.95));
  assert.equal(of(normal(1), [3, 4]), of(normal(1), [12]));
  assert.not.equal(of(normal(1), [12]), of(normal(1), [12], 2));
});

test.run();
