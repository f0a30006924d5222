import { ConfigError } from '../../engine/errors.ts';
import { isObject, type JsonObject } from '../../engine/json.ts';
import { shownValue } from '../../engine/shown.ts';
import { type Choices, CLIP_CONTEXT, CLIP_VOCAB, configFor, headsOf, isNetwork, isOfClip, type ModelConfig,
  SYSTEM_NAMES, textConfigOf, type TowerName, TOWER_NAMES, validateConfig } from '../systems/config.ts';
import { ACTIVATION_NAMES, activationOf, classesOf, numbersOf, requireColour } from './json_sizes.ts';
import { isNetworkJson, networkFromJson, networkToJson } from './network_json.ts';

/** Defaults of transformers' XCLIPConfig for keys that a config.json leaves out. */
const TEXT = { hidden_size: 512, intermediate_size: 2048, num_hidden_layers: 12, num_attention_heads: 8,
  max_position_embeddings: CLIP_CONTEXT, vocab_size: CLIP_VOCAB };
const VISION = {
  hidden_size: 768,
  intermediate_size: 3072,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  patch_size: 32,
  image_size: 224,
  num_frames: 8,
  mit_hidden_size: 512,
  mit_intermediate_size: 2048,
  mit_num_hidden_layers: 1,
  mit_num_attention_heads: 8,
};
const TOP = { projection_dim: 512, prompt_layers: 2, prompt_alpha: 0.1, prompt_num_attention_heads: 8 };

/** Of layer norms, where a file leaves it out. */
const EPS = 1e-5;

/** The id by which CLIPModel knows that the end of text is the largest id. */
const LEGACY_END = 2;
/** The kind of text tower that looks for its own end of text, in the place where files say the kind. */
const CLIP_TEXT = 'clip_text_model';

/** The system of a file that does not name one, by its `model_type`. CLIP averages over frames. */
const SYSTEM_OF: Readonly<Record<string, TowerName>> = { xclip: 'xclip', clip: 'clip-mean' };

/**
 * Reads a `config.json` of a Hugging Face XCLIPModel or CLIPModel, or of ours, which names its system. `source` names
 * it in errors.
 */
export function configFromHuggingFace(json: unknown, source: string): ModelConfig {
  const problems: string[] = [];
  const object = (value: unknown, name: string): JsonObject => {
    if (value === undefined || value === null) return {};
    if (isObject(value)) return value;
    problems.push(`${name} must be an object`);
    return {};
  };
  const root = object(json, 'config');
  if (isNetworkJson(root)) return networkFromJson(root, source);
  // files of early versions repeat the parts under names of their own, which count
  const textJson = { ...object(root.text_config, 'text_config'), ...object(root.text_config_dict, 'text_config_dict') };
  const visionJson = { ...object(root.vision_config, 'vision_config'),
    ...object(root.vision_config_dict, 'vision_config_dict') };
  const isClip = root.model_type === 'clip';
  const system = systemOf(root, problems);
  const top = numbersOf(root, TOP, '', problems);
  const text = numbersOf(textJson, TEXT, 'text_config.', problems);
  const vision = numbersOf(visionJson, VISION, 'vision_config.', problems);
  const hasOwnEnd = isClip || textJson.model_type === CLIP_TEXT;
  const endOfText = hasOwnEnd ? endOf(textJson, text.vocab_size, problems) : undefined;
  requireColour(visionJson, 'vision_config.', problems);
  const epsOf = (part: JsonObject, name: string) => {
    const eps = part.layer_norm_eps ?? EPS;
    if (typeof eps !== 'number') problems.push(`${name}.layer_norm_eps must be a number, got ${shownValue(eps)}`);
    return eps === EPS ? {} : { eps: eps as number };
  };
  const [textEps, visionEps] = [epsOf(textJson, 'text_config'), epsOf(visionJson, 'vision_config')];
  const ofVision = activationOf(visionJson, 'hidden_act', 'quick_gelu', 'vision_config.', problems);
  const ofText = activationOf(textJson, 'hidden_act', 'quick_gelu', 'text_config.', problems);
  const ofPrompts = activationOf(root, 'prompt_hidden_act', 'quick_gelu', 'config.', problems);
  const choices = choicesOf(root, problems);
  const form = { ...flagsOf(visionJson, ['patchBias', 'lnPre'], 'vision_config.', problems) };
  if (system === 'xclip' && choices.integration !== false && vision.mit_hidden_size !== top.projection_dim) {
    problems.push(
      `vision_config.mit_hidden_size (${vision.mit_hidden_size}) must equal projection_dim (${top.projection_dim})`,
    );
  }
  if (problems.length > 0) throw new ConfigError(source, problems);
  return validateConfig(
    configFor(system, {
      system: 'xclip',
      embedDim: top.projection_dim,
      frames: vision.num_frames,
      vision: { width: vision.hidden_size, layers: vision.num_hidden_layers, heads: vision.num_attention_heads,
        mlp: vision.intermediate_size, patch: vision.patch_size, imageSize: vision.image_size, activation: ofVision,
        ...visionEps, ...form },
      text: { width: text.hidden_size, layers: text.num_hidden_layers, heads: text.num_attention_heads,
        mlp: text.intermediate_size, context: text.max_position_embeddings, vocab: text.vocab_size, activation: ofText,
        ...(endOfText !== undefined && { endOfText }), ...textEps },
      // transformers makes its configuration from that of the vision tower
      mit: { layers: vision.mit_num_hidden_layers, heads: vision.mit_num_attention_heads,
        mlp: vision.mit_intermediate_size, activation: ofVision, ...visionEps },
      prompts: { layers: top.prompt_layers, heads: top.prompt_num_attention_heads, alpha: top.prompt_alpha,
        activation: ofPrompts, ...textEps },
    }, { ...choices, isProjected: root.projection_dim !== null }),
    source,
  );
}

/** Keys that may say another number of heads than the weights were trained with, and the defaults that they have. */
const HEADS = [['mit', 'vision_config', 'mit_num_attention_heads', VISION.mit_num_attention_heads], ['prompts',
  'config', 'prompt_num_attention_heads', TOP.prompt_num_attention_heads]] as const;

/**
 * What is odd in a `config.json` of a Hugging Face XCLIPModel, but may be meant: heads of integration and prompts do
 * not show in the shapes of weights. The official code has one for every 64 numbers, 12 in L/14, and folders that were
 * made of its files may say 8, transformers' default: another function of the same weights.
 */
export function oddHeads(json: JsonObject, config: ModelConfig): string[] {
  if (config.system !== 'xclip' || json.system !== undefined) return [];
  const { embedDim } = config;
  const official = headsOf(embedDim);
  return HEADS.flatMap(([part, section, key, fallback]) => {
    const heads = config[part]?.heads;
    if (heads === undefined || heads === official || embedDim % 64 !== 0) return [];
    const own = section === 'config' ? json[key] : isObject(json[section]) ? json[section][key] : undefined;
    return [
      `${section}.${key} is ${own === undefined ? `left out, which means ${fallback}` : shownValue(own)}; `
      + `weights of a width of ${embedDim} that the official code trained have ${official} heads, and are another `
      + `function with ${heads}: set ${section}.${key} to ${official}, unless transformers trained them`,
    ];
  });
}

/** Which parts a file of ours says that its system has. */
function choicesOf(root: JsonObject, problems: string[]): Choices {
  const classes = classesOf(root, problems);
  const { prompt_vectors: vectors } = root;
  if (vectors !== undefined && typeof vectors !== 'number') {
    problems.push(`prompt_vectors must be a number, got ${shownValue(vectors)}`);
  }
  return { ...flagsOf(root, ['messages', 'integration', 'prompts'], '', problems), ...(classes && { classes }),
    ...(typeof vectors === 'number' && { vectors }) };
}

/** Those of some keys that a file has, which are true or false. */
function flagsOf<K extends string>(part: JsonObject, keys: readonly K[], prefix: string,
  problems: string[]): { readonly [key in K]?: boolean } {
  const found: { [key in K]?: boolean } = {};
  for (const key of keys) {
    const value = part[key];
    if (value === undefined) continue;
    if (typeof value === 'boolean') found[key] = value;
    else problems.push(`${prefix}${key} must be true or false, got ${shownValue(value)}`);
  }
  return found;
}

/**
 * The token that a CLIP text tower of transformers takes its feature from. XCLIPModel's takes the largest id always;
 * CLIPModel's, too, where this is 2, as old files have it by mistake. Undefined where the largest id it is.
 */
function endOf(text: JsonObject, vocab: number, problems: string[]): number | undefined {
  const end = text.eos_token_id ?? CLIP_VOCAB - 1;
  if (!Number.isSafeInteger(end) || (end as number) < 0) {
    problems.push(`text_config.eos_token_id must be the id of one token, got ${shownValue(end)}`);
    return undefined;
  }
  const isLargest = end === LEGACY_END || end === vocab - 1 || (text.eos_token_id === undefined && vocab < CLIP_VOCAB);
  return isLargest ? undefined : (end as number);
}

/** The system that a file names, or that its `model_type` is. */
function systemOf({ system, model_type: type = 'xclip' }: JsonObject, problems: string[]): TowerName {
  const named = TOWER_NAMES.find((name) => name === system);
  if (named !== undefined) return named;
  if (system !== undefined) {
    problems.push(`system is ${shownValue(system)}, known are ${SYSTEM_NAMES.join(', ')}`);
  } else if (typeof type !== 'string' || !Object.hasOwn(SYSTEM_OF, type)) {
    problems.push(`model_type is ${shownValue(type)}, expected "xclip" or "clip"`);
  } else return SYSTEM_OF[type];
  return 'xclip';
}

/** Whether transformers' CLIPModel is that model, for each frame: CLIP's two towers, and nothing else. */
export function isClipModel(config: ModelConfig): boolean {
  return (config.system === 'clip-one' || config.system === 'clip-mean') && config.prompts === undefined
    && config.vectors === undefined && isOfClip(config.vision);
}

/**
 * The `config.json` of a configuration. Of the whole X-CLIP, and of CLIP, transformers reads it back; others have no
 * `model_type`, for no class of transformers is that model.
 */
export function configToHuggingFace(config: ModelConfig): JsonObject {
  if (isNetwork(config)) return networkToJson(config);
  const { embedDim, frames, vision, system } = config;
  const text = textConfigOf(config);
  const mit = 'mit' in config ? config.mit : undefined;
  const prompts = 'prompts' in config ? config.prompts : undefined;
  const { messages = true } = system === 'xclip' ? config : {};
  const isWhole = system === 'xclip' && messages && mit !== undefined && prompts !== undefined && isOfClip(vision);
  return {
    system,
    ...(isWhole && { architectures: ['XCLIPModel'], model_type: 'xclip' }),
    ...(isClipModel(config) && { architectures: ['CLIPModel'], model_type: 'clip' }),
    ...(system === 'xclip' && !isWhole && { messages, integration: mit !== undefined }),
    ...(text !== undefined && !isWhole && { prompts: prompts !== undefined }),
    ...('vectors' in config && { prompt_vectors: config.vectors }),
    ...('classes' in config && { id2label: Object.fromEntries(config.classes.entries()) }),
    projection_dim: embedDim ?? null,
    ...(prompts !== undefined && {
      prompt_layers: prompts.layers,
      prompt_alpha: prompts.alpha,
      prompt_num_attention_heads: prompts.heads,
      prompt_hidden_act: ACTIVATION_NAMES[prompts.activation],
    }),
    ...(text !== undefined && {
      text_config: {
        hidden_size: text.width,
        intermediate_size: text.mlp,
        num_hidden_layers: text.layers,
        num_attention_heads: text.heads,
        max_position_embeddings: text.context,
        vocab_size: text.vocab,
        ...(text.endOfText !== undefined && { model_type: CLIP_TEXT, eos_token_id: text.endOfText }),
        hidden_act: ACTIVATION_NAMES[text.activation],
        layer_norm_eps: text.eps ?? EPS,
      },
    }),
    vision_config: {
      hidden_size: vision.width,
      intermediate_size: vision.mlp,
      num_hidden_layers: vision.layers,
      num_attention_heads: vision.heads,
      patch_size: vision.patch,
      image_size: vision.imageSize,
      num_frames: frames,
      ...(mit !== undefined && {
        mit_hidden_size: embedDim ?? vision.width,
        mit_intermediate_size: mit.mlp,
        mit_num_hidden_layers: mit.layers,
        mit_num_attention_heads: mit.heads,
      }),
      hidden_act: ACTIVATION_NAMES[vision.activation],
      layer_norm_eps: vision.eps ?? EPS,
      ...(vision.patchBias !== undefined && { patchBias: vision.patchBias }),
      ...(vision.lnPre !== undefined && { lnPre: vision.lnPre }),
    },
  };
}
