/** The `config.json` of networks: transformers' of TimeSformer and VideoMAE, and ours of those that it lacks. */
import { ConfigError } from '../../engine/errors.ts';
import { isObject, type JsonObject } from '../../engine/json.ts';
import { shownValue } from '../../engine/shown.ts';
import { familyOf, isNetworkName, isTimeSformer, type NetworkConfig, type NetworkName, networkOf, type NetworkSizes,
  type TimeSformerConfig, validateConfig, type VideoMaeConfig } from '../systems/config.ts';
import { ACTIVATION_NAMES, activationOf, classesOf, numbersOf, requireColour } from './json_sizes.ts';

/** Defaults of transformers' TimesformerConfig for keys that a config.json leaves out. */
const TIMESFORMER = { hidden_size: 768, intermediate_size: 3072, num_hidden_layers: 12, num_attention_heads: 12,
  patch_size: 16, image_size: 224, num_frames: 8, layer_norm_eps: 1e-6 };
/** The same of its VideoMAEConfig. The norm behind the mean has torch's eps there, whatever that of the others is. */
const VIDEOMAE = { ...TIMESFORMER, num_frames: 16, tubelet_size: 2, layer_norm_eps: 1e-12, fc_norm_eps: 1e-5 };
/** transformers' names of what is attended over. */
const KINDS = { divided_space_time: 'timesformer', joint_space_time: 'timesformer-joint',
  space_only: 'timesformer-space' } as const satisfies Record<string, TimeSformerConfig['system']>;

/** Whether a `config.json` is of such a network. */
export function isNetworkJson({ model_type: type, system }: JsonObject): boolean {
  return type === 'timesformer' || type === 'videomae' || (typeof system === 'string' && isNetworkName(system));
}

/** Reads the `config.json` of a network. `source` names it in errors. */
export function networkFromJson(json: JsonObject, source: string): NetworkConfig {
  const problems: string[] = [];
  const { model_type: type } = json;
  const read = type === 'timesformer' ? timesformerFrom : type === 'videomae' ? videomaeFrom : ownFrom;
  const config = read(json, problems);
  if (problems.length > 0) throw new ConfigError(source, problems);
  return validateConfig(config, source);
}

/** What is wrong is added to `problems`, and then the result means nothing. */
function timesformerFrom(json: JsonObject, problems: string[]): TimeSformerConfig {
  const sizes = numbersOf(json, TIMESFORMER, '', problems);
  const { attention_type: kind = 'divided_space_time' } = json;
  const system = typeof kind === 'string' && Object.hasOwn(KINDS, kind) ? KINDS[kind as keyof typeof KINDS] : undefined;
  if (system === undefined) {
    problems.push(`attention_type is ${shownValue(kind)}, known are ${Object.keys(KINDS).join(', ')}`);
  }
  if (json.qkv_bias === false) problems.push('qkv_bias is false, only attention with biases is known');
  requireColour(json, '', problems);
  const activation = activationOf(json, 'hidden_act', 'gelu', '', problems);
  return { system: system ?? 'timesformer', frames: sizes.num_frames, imageSize: sizes.image_size,
    classes: classesOf(json, problems) ?? [],
    network: { activation, width: sizes.hidden_size, layers: sizes.num_hidden_layers, heads: sizes.num_attention_heads,
      mlp: sizes.intermediate_size, patch: sizes.patch_size, eps: sizes.layer_norm_eps } };
}

/** Of one that was fine-tuned; others have no head. */
function videomaeFrom(json: JsonObject, problems: string[]): VideoMaeConfig {
  const sizes = numbersOf(json, VIDEOMAE, '', problems);
  if (json.qkv_bias === false) problems.push('qkv_bias is false, only attention with biases is known');
  if (json.use_mean_pooling === false) {
    problems.push('use_mean_pooling is false: it was trained to fill in what is hidden, and not to tell classes apart');
  }
  requireColour(json, '', problems);
  const activation = activationOf(json, 'hidden_act', 'gelu', '', problems);
  return { system: 'videomae', frames: sizes.num_frames, imageSize: sizes.image_size,
    classes: classesOf(json, problems) ?? [],
    network: { activation, width: sizes.hidden_size, layers: sizes.num_hidden_layers, heads: sizes.num_attention_heads,
      mlp: sizes.intermediate_size, patch: sizes.patch_size, tubelet: sizes.tubelet_size, eps: sizes.layer_norm_eps,
      poolEps: sizes.fc_norm_eps } };
}

/** The same of a file that names its system, and has its sizes under `network`. */
function ownFrom(json: JsonObject, problems: string[]): NetworkConfig {
  const system = json.system as NetworkName;
  const [sample] = Object.values(familyOf(system).presets);
  const { num_frames: frames, image_size: imageSize } = numbersOf(json, { num_frames: 8, image_size: 224 }, '',
    problems);
  const network = alike(json.network, sample, 'network', problems) as NetworkSizes;
  return networkOf(system, network, { frames, imageSize, classes: classesOf(json, problems) ?? [] });
}

/** A value that is built as another one is: of numbers, texts, lists of numbers, and objects of such. */
function alike(value: unknown, like: unknown, name: string, problems: string[]): unknown {
  if (isObject(like) && isObject(value)) {
    return Object.fromEntries(
      Object.entries(like).map(([key, each]) => [key, alike(value[key], each, `${name}.${key}`, problems)]),
    );
  }
  const isRight = Array.isArray(like)
    ? Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'number')
    : typeof value === typeof like && !isObject(like);
  if (!isRight) problems.push(`${name} must be like ${JSON.stringify(like)}, got ${shownValue(value)}`);
  return value;
}

/** The `config.json` of a network. transformers reads those of TimeSformer and VideoMAE back. */
export function networkToJson(config: NetworkConfig): JsonObject {
  const { system, frames, imageSize } = config;
  const common = { system, num_frames: frames, image_size: imageSize,
    ...('classes' in config && { id2label: Object.fromEntries(config.classes.entries()) }) };
  if (isTimeSformer(config)) return { ...common, ...timesformerKeys(config), ...vitKeys(config) };
  return config.system === 'videomae'
    ? { ...common, ...videomaeKeys(config), ...vitKeys(config) }
    : { ...common, network: config.network };
}

function timesformerKeys({ system }: TimeSformerConfig): JsonObject {
  const [kind] = Object.entries(KINDS).find(([, own]) => own === system) as [string, string];
  return { architectures: ['TimesformerForVideoClassification'], model_type: 'timesformer', attention_type: kind };
}

function videomaeKeys({ network: { tubelet, poolEps } }: VideoMaeConfig): JsonObject {
  return {
    architectures: ['VideoMAEForVideoClassification'],
    model_type: 'videomae',
    tubelet_size: tubelet,
    use_mean_pooling: true,
    ...(poolEps !== VIDEOMAE.fc_norm_eps && { fc_norm_eps: poolEps }),
  };
}

/** What both say of their classes and sizes. */
function vitKeys({ classes, network }: TimeSformerConfig | VideoMaeConfig): JsonObject {
  return {
    label2id: Object.fromEntries(classes.map((name, id) => [name, id])),
    hidden_size: network.width,
    intermediate_size: network.mlp,
    num_hidden_layers: network.layers,
    num_attention_heads: network.heads,
    patch_size: network.patch,
    hidden_act: ACTIVATION_NAMES[network.activation],
    layer_norm_eps: network.eps,
    qkv_bias: true,
  };
}
