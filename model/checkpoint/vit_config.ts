/** The `config.json` of transformers' models that are a ViT alone: ViTModel, and the one of CLIP's two towers. */
import { ConfigError } from '../../engine/errors.ts';
import type { JsonObject } from '../../engine/json.ts';
import { type VitConfig, validateConfig } from '../systems/config.ts';
import { activationOf, numbersOf, requireColour } from './json_sizes.ts';

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
  const problems: string[] = [];
  const { form, hidden_act: ownActivation, ...ownSizes } = KINDS[json.model_type as keyof typeof KINDS];
  const sizes = numbersOf(json, { ...SIZES, ...ownSizes }, '', problems);
  const activation = activationOf(json, 'hidden_act', ownActivation, '', problems);
  const { layer_norm_eps: eps } = sizes;
  requireColour(json, '', problems);
  if (json.qkv_bias === false) problems.push('qkv_bias is false, only attention with biases is known');
  if (problems.length > 0) throw new ConfigError(source, problems);
  return validateConfig({ system: 'vit-mean', frames: 8, classes: [], ...(embedDim !== undefined && { embedDim }),
    vision: { activation, width: sizes.hidden_size, layers: sizes.num_hidden_layers, heads: sizes.num_attention_heads,
      mlp: sizes.intermediate_size, patch: sizes.patch_size, imageSize: sizes.image_size, ...(eps !== 1e-5 && { eps }),
      ...form } }, source);
}
