/** CLIP's names: OpenAI's, which are ours, and those of Hugging Face's CLIPModel. */
import type { Row } from './table.ts';

/** A residual block of CLIP's: OpenAI packs query, key and value. */
export const blockRows = (ours: string, theirs: string): Row[] => [
  [`${ours}.attn.in_proj_*`, `${theirs}.self_attn.{q,k,v}_proj.*`],
  [`${ours}.attn.out_proj.*`, `${theirs}.self_attn.out_proj.*`],
  [`${ours}.ln_1.*`, `${theirs}.layer_norm1.*`],
  [`${ours}.ln_2.*`, `${theirs}.layer_norm2.*`],
  [`${ours}.mlp.c_fc.*`, `${theirs}.mlp.fc1.*`],
  [`${ours}.mlp.c_proj.*`, `${theirs}.mlp.fc2.*`],
];

/** Both towers, but for the first norm of pictures, which CLIPModel spells in a way of its own. */
export const TOWERS: readonly Row[] = [
  ['token_embedding.weight', 'text_model.embeddings.token_embedding.weight'],
  ['positional_embedding', 'text_model.embeddings.position_embedding.weight'],
  ...blockRows('transformer.resblocks.#', 'text_model.encoder.layers.#'),
  ['ln_final.*', 'text_model.final_layer_norm.*'],
  ['text_projection', 'text_projection.weight', 'transposed'],
  ['visual.class_embedding', 'vision_model.embeddings.class_embedding'],
  ['visual.positional_embedding', 'vision_model.embeddings.position_embedding.weight'],
  ['visual.conv1.*', 'vision_model.embeddings.patch_embedding.*'],
  ...blockRows('visual.transformer.resblocks.#', 'vision_model.encoder.layers.#'),
  ['visual.ln_post.*', 'vision_model.post_layernorm.*'],
  ['visual.proj', 'visual_projection.weight', 'transposed'],
  ['logit_scale', 'logit_scale'],
];

/** The first norm of pictures in CLIPModel. */
export const CLIP_FIRST_NORM: Row = ['visual.ln_pre.*', 'vision_model.pre_layrnorm.*'];

/** Buffers, and sizes that OpenAI's archives hold as tensors. */
export const CLIP_ASIDE = /(^|\.)(position_ids|attn_mask)$|^(input_resolution|context_length|vocab_size)$/;
