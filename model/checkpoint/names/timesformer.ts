/**
 * Names of TimeSformers: MMAction2's, which are ours, those of its authors, and those of Hugging Face's
 * TimesformerForVideoClassification; and those of a ViT that one starts from. Attention that is divided has names of
 * its own, for time and for space; the others have one for both.
 */
import type { Row } from './table.ts';

const OURS = 'backbone.transformer_layers.layers.#';

/** Tokens in front, as files have them: with the axes that they are broadcast over. */
const tokens = (classToken: string, places: string, times: string): Row[] => [
  ['backbone.cls_token', classToken, 2],
  ['backbone.pos_embed', places, 1],
  ['backbone.time_embed', times, 1],
];

/** MMAction2's: ours, but for axes of 1. */
export const MMACTION: readonly Row[] = tokens('backbone.cls_token', 'backbone.pos_embed', 'backbone.time_embed');

/** What a block of another origin calls its parts. */
interface Block {
  /** Query, key and value, packed, with the place of `weight` and `bias`. */
  readonly qkv: string;
  readonly out: string;
  readonly norm: string;
}

/** Attention of a block, with the norm in front of it where both belong together. */
const attention = (ours: string, norm: string, theirs: Block): Row[] => [
  [`${OURS}.${ours}.in_proj_*`, theirs.qkv],
  [`${OURS}.${ours}.out_proj.*`, `${theirs.out}.*`],
  [`${OURS}.${norm}.*`, `${theirs.norm}.*`],
];

/** What an origin calls the parts of a model. */
interface Origin {
  readonly tokens: readonly Row[];
  readonly patches: string;
  readonly space: Block;
  /** Its projection is new where the origin is no video model's. */
  readonly time: Block & { readonly projection?: string };
  readonly mlp: { readonly norm: string; readonly expand: string; readonly contract: string };
  readonly norm: string;
  readonly head?: string;
}

/** A row of weight and bias, where the origin has them. */
const row = (ours: string, theirs: string | undefined): Row[] =>
  theirs === undefined ? [] : [[`${ours}.*`, `${theirs}.*`]];

function rowsOf({ tokens: ofTokens, patches, space, time, mlp, norm, head }: Origin, isDivided: boolean): Row[] {
  return [
    ...ofTokens,
    ['backbone.patch_embed.projection.*', `${patches}.*`],
    ...(isDivided
      ? [
        ...attention('attentions.0.attn', 'attentions.0.norm', time),
        ...row(`${OURS}.attentions.0.temporal_fc`, time.projection),
        ...attention('attentions.1.attn', 'attentions.1.norm', space),
        [`${OURS}.ffns.0.norm.*`, `${mlp.norm}.*`] as const,
      ]
      : [
        ...attention('attentions.0.attn', 'norms.0', space),
        [`${OURS}.norms.1.*`, `${mlp.norm}.*`] as const,
      ]),
    [`${OURS}.ffns.0.layers.0.0.*`, `${mlp.expand}.*`],
    [`${OURS}.ffns.0.layers.1.*`, `${mlp.contract}.*`],
    ['backbone.norm.*', `${norm}.*`],
    ...row('cls_head.fc_cls', head),
  ];
}

const LAYER = 'timesformer.encoder.layer.#';
const HUGGING_FACE: Origin = {
  tokens: tokens('timesformer.embeddings.cls_token', 'timesformer.embeddings.position_embeddings',
    'timesformer.embeddings.time_embeddings'),
  patches: 'timesformer.embeddings.patch_embeddings.projection',
  space: { qkv: `${LAYER}.attention.attention.qkv.*`, out: `${LAYER}.attention.output.dense`,
    norm: `${LAYER}.layernorm_before` },
  time: { qkv: `${LAYER}.temporal_attention.attention.qkv.*`, out: `${LAYER}.temporal_attention.output.dense`,
    norm: `${LAYER}.temporal_layernorm`, projection: `${LAYER}.temporal_dense` },
  mlp: { norm: `${LAYER}.layernorm_after`, expand: `${LAYER}.intermediate.dense`, contract: `${LAYER}.output.dense` },
  norm: 'timesformer.layernorm',
  head: 'classifier',
};

/** https://github.com/facebookresearch/TimeSformer @param prefix of all names, `model.`; of a bare model, nothing */
function authors(prefix: string): Origin {
  const block = `${prefix}blocks.#`;
  return {
    tokens: tokens(`${prefix}cls_token`, `${prefix}pos_embed`, `${prefix}time_embed`),
    patches: `${prefix}patch_embed.proj`,
    space: { qkv: `${block}.attn.qkv.*`, out: `${block}.attn.proj`, norm: `${block}.norm1` },
    time: { qkv: `${block}.temporal_attn.qkv.*`, out: `${block}.temporal_attn.proj`, norm: `${block}.temporal_norm1`,
      projection: `${block}.temporal_fc` },
    mlp: { norm: `${block}.norm2`, expand: `${block}.mlp.fc1`, contract: `${block}.mlp.fc2` },
    norm: `${prefix}norm`,
    head: `${prefix}head`,
  };
}

const RESBLOCK = 'visual.transformer.resblocks.#';
/** Of a ViT as X-CLIP has it, by which other ViTs are known here. Time starts with the attention of space. */
const VIT: Origin = {
  tokens: [['backbone.cls_token', 'visual.class_embedding'], ['backbone.pos_embed', 'visual.positional_embedding']],
  patches: 'visual.conv1',
  space: { qkv: `${RESBLOCK}.attn.in_proj_*`, out: `${RESBLOCK}.attn.out_proj`, norm: `${RESBLOCK}.ln_1` },
  time: { qkv: `${RESBLOCK}.attn.in_proj_*`, out: `${RESBLOCK}.attn.out_proj`, norm: `${RESBLOCK}.ln_1` },
  mlp: { norm: `${RESBLOCK}.ln_2`, expand: `${RESBLOCK}.mlp.c_fc`, contract: `${RESBLOCK}.mlp.c_proj` },
  norm: 'visual.ln_post',
};

export const TIMESFORMER_ROWS = { huggingFace: (isDivided: boolean) => rowsOf(HUGGING_FACE, isDivided),
  authors: (prefix: string, isDivided: boolean) => rowsOf(authors(prefix), isDivided),
  vit: (isDivided: boolean) => rowsOf(VIT, isDivided) };
