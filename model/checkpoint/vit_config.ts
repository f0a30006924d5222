/** The `config.json` of transformers' models that are a ViT alone: ViTModel, and the one of CLIP's two towers. */
import { ConfigError } from '../../engine/errors.ts';
import type { JsonObject } from '../../engine/json.ts';
import { shownValue } from '../../engine/shown.ts';
import { type VitConfig, validateConfig } from '../systems/config.ts';
import { ACTIVATIONS } from './huggingface.ts';

/** What those files may leave out, by their `model_type`, and which form of ViT each is. */
const KINDS = {
  vit: { patch_size: 16, hidden_act: 'gelu', layer_norm_eps: 1e-12, form: { patchBias: true, lnPre: false } },
  clip_vision_model: { patch_size: 32, hidden_act: 'quick_gelu', layer_norm_eps: 1e-5, form: {} },
} as const;
const SIZES = { hidden_size: 768, intermediate_size: 3072, num_hidden_layers: 12, num_attention_heads: 12,
  image_size: 224 };

/** Whether a `config.json` is of a ViT alone. */
export function isVit(json: JsonObject): boolean {
  return typeof json.model_type === 'string' && Object.hasOwn(KINDS, json.model_type);
}

/** A ViT without a head, to start a system from: the class token is projected where the files hold a projection. */
export function configFromVit(json: JsonObject, source: string, embedDim: number | undefined): VitConfig {
  const { form, ...defaults } = KINDS[json.model_type as keyof typeof KINDS];
  const problems: string[] = [];
  const number = (key: string, fallback: number): number => {
    const value = json[key] ?? fallback;
    if (typeof value === 'number') return value;
    problems.push(`${key} must be a number, got ${shownValue(value)}`);
    return fallback;
  };
  const sizes = Object.fromEntries(
    Object.entries(SIZES).map(([key, fallback]) => [key, number(key, fallback)]),
  ) as typeof SIZES;
  const patch = number('patch_size', defaults.patch_size);
  const eps = number('layer_norm_eps', defaults.layer_norm_eps);
  const act = json.hidden_act ?? defaults.hidden_act;
  const activation = typeof act === 'string' && Object.hasOwn(ACTIVATIONS, act) ? ACTIVATIONS[act] : undefined;
  if (activation === undefined) {
    problems.push(`hidden_act is ${shownValue(act)}, known are ${Object.keys(ACTIVATIONS).join(', ')}`);
  }
  if (json.num_channels !== undefined && json.num_channels !== 3) {
    problems.push(`num_channels is ${shownValue(json.num_channels)}, only 3 is known`);
  }
  if (json.qkv_bias === false) problems.push('qkv_bias is false, only attention with biases is known');
  if (problems.length > 0 || activation === undefined) throw new ConfigError(source, problems);
  return validateConfig({ system: 'vit-mean', frames: 8, classes: [], ...(embedDim !== undefined && { embedDim }),
    vision: { activation, width: sizes.hidden_size, layers: sizes.num_hidden_layers, heads: sizes.num_attention_heads,
      mlp: sizes.intermediate_size, patch, imageSize: sizes.image_size, ...(eps !== 1e-5 && { eps }), ...form } },
    source);
}
