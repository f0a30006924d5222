/** Names of VideoMAEs: MMAction2's, which are ours, and those of Hugging Face's VideoMAEForVideoClassification. */
import type { Row } from './table.ts';

/** Ours as files have them: channels before the kernel. */
export const MMACTION_VIDEOMAE: readonly Row[] = [
  ['backbone.patch_embed.projection.weight', 'backbone.patch_embed.projection.weight', 'channels first'],
];

/** Positions, which are computed. */
export const VIDEOMAE_ASIDE = /^backbone\.pos_embed$/;

const [OURS, THEIRS] = ['backbone.blocks.#', 'videomae.encoder.layer.#'];

/** Hugging Face's. Its norm of all tokens and its head stand beside the encoder. */
export const HUGGING_FACE_VIDEOMAE: readonly Row[] = [
  ['backbone.patch_embed.projection.weight', 'videomae.embeddings.patch_embeddings.projection.weight',
    'channels first'],
  ['backbone.patch_embed.projection.bias', 'videomae.embeddings.patch_embeddings.projection.bias'],
  [`${OURS}.norm1.*`, `${THEIRS}.layernorm_before.*`],
  [`${OURS}.attn.qkv.weight`, `${THEIRS}.attention.attention.{query,key,value}.weight`],
  [`${OURS}.attn.proj.*`, `${THEIRS}.attention.output.dense.*`],
  [`${OURS}.attn.*`, `${THEIRS}.attention.attention.*`],
  [`${OURS}.norm2.*`, `${THEIRS}.layernorm_after.*`],
  [`${OURS}.mlp.layers.0.0.*`, `${THEIRS}.intermediate.dense.*`],
  [`${OURS}.mlp.layers.1.*`, `${THEIRS}.output.dense.*`],
  ['backbone.fc_norm.*', 'fc_norm.*'],
  ['cls_head.fc_cls.*', 'classifier.*'],
];
