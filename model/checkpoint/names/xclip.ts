/**
 * X-CLIP's names: the official ones, which are ours, and those of Hugging Face's XCLIPModel. The two store the same
 * numbers; official attention packs query, key and value, and two projections are transposed.
 */
import { blockRows } from './clip.ts';
import type { Row } from './table.ts';

/** The first norm of pictures in XCLIPModel. */
export const XCLIP_FIRST_NORM: Row = ['visual.ln_pre.*', 'vision_model.pre_layernorm.*'];

const [ours, theirs] = ['visual.transformer.resblocks.#', 'vision_model.encoder.layers.#'];

/** What X-CLIP adds to CLIP. */
export const ADDITIONS: readonly Row[] = [
  [`${ours}.message_fc.*`, `${theirs}.message_fc.*`],
  [`${ours}.message_ln.*`, `${theirs}.message_ln.*`],
  [`${ours}.message_attn.in_proj_*`, `${theirs}.message_attn.{q,k,v}_proj.*`],
  [`${ours}.message_attn.out_proj.*`, `${theirs}.message_attn.out_proj.*`],
  ['mit.positional_embedding', 'mit.position_embedding'],
  ...blockRows('mit.resblocks.#', 'mit.encoder.layers.#'),
  ['prompts_visual_ln.*', 'prompts_visual_layernorm.*'],
  ['prompts_visual_proj', 'prompts_visual_projection'],
  ['prompts_generator.norm.*', 'prompts_generator.layernorm.*'],
  ['prompts_generator.decoder.#.*', 'prompts_generator.decoder.#.*'],
  ['prompts_generator.alpha', 'prompts_generator.alpha'],
];
