/**
 * Names of Vision Transformers that were trained on ImageNet: timm's, which those of Google and Facebook were brought
 * to, and those of Hugging Face's ViTModel. They have a bias of patches, and no norm before the first block.
 */
import type { Row } from './table.ts';

const OURS = 'visual.transformer.resblocks.#';

/** timm's. Query, key and value are packed in the order that ours have. */
export const TIMM: readonly Row[] = [
  ['visual.class_embedding', 'cls_token', 2],
  ['visual.positional_embedding', 'pos_embed', 1],
  ['visual.conv1.*', 'patch_embed.proj.*'],
  [`${OURS}.ln_1.*`, 'blocks.#.norm1.*'],
  [`${OURS}.attn.in_proj_*`, 'blocks.#.attn.qkv.*'],
  [`${OURS}.attn.out_proj.*`, 'blocks.#.attn.proj.*'],
  [`${OURS}.ln_2.*`, 'blocks.#.norm2.*'],
  [`${OURS}.mlp.c_fc.*`, 'blocks.#.mlp.fc1.*'],
  [`${OURS}.mlp.c_proj.*`, 'blocks.#.mlp.fc2.*'],
  ['visual.ln_post.*', 'norm.*'],
];

/** Heads for ImageNet's classes, and the layer that those of 21,000 classes stand on. */
export const TIMM_ASIDE = /^(head|head_dist|pre_logits)\./;

/** Hugging Face's. @param prefix of a model with a head, `vit.`; of one without, nothing */
export const huggingFaceVit = (prefix: string): Row[] => {
  const theirs = `${prefix}encoder.layer.#`;
  return [
    ['visual.class_embedding', `${prefix}embeddings.cls_token`, 2],
    ['visual.positional_embedding', `${prefix}embeddings.position_embeddings`, 1],
    ['visual.conv1.*', `${prefix}embeddings.patch_embeddings.projection.*`],
    [`${OURS}.ln_1.*`, `${theirs}.layernorm_before.*`],
    [`${OURS}.attn.in_proj_*`, `${theirs}.attention.attention.{query,key,value}.*`],
    [`${OURS}.attn.out_proj.*`, `${theirs}.attention.output.dense.*`],
    [`${OURS}.ln_2.*`, `${theirs}.layernorm_after.*`],
    [`${OURS}.mlp.c_fc.*`, `${theirs}.intermediate.dense.*`],
    [`${OURS}.mlp.c_proj.*`, `${theirs}.output.dense.*`],
    ['visual.ln_post.*', `${prefix}layernorm.*`],
  ];
};

/** A head for ImageNet's classes, and a layer on the class token that classification does without. */
export const VIT_ASIDE = /^(classifier|(vit\.)?pooler)\./;
