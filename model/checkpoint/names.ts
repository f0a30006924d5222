/**
 * Names of parameters: the official ones, which are ours, and those of Hugging Face's XCLIPModel. The two store the
 * same numbers; official attention packs query, key and value, and two projections are transposed.
 */
import type { Shape } from '../../engine/index.ts';

/** How one official parameter is stored in a Hugging Face file. */
export interface Stored {
  /** Tensors of the file, concatenated along their first dimension. */
  readonly parts: readonly string[];
  /** The file holds the transpose of a matrix. */
  readonly transposed: boolean;
  /** Shape of each part in the file. */
  readonly partShape: Shape;
}

/** Official prefixes and their Hugging Face counterparts; the first that matches counts. */
const PREFIXES: readonly (readonly [official: RegExp, huggingFace: string])[] = [
  [/^token_embedding\.weight$/, 'text_model.embeddings.token_embedding.weight'],
  [/^positional_embedding$/, 'text_model.embeddings.position_embedding.weight'],
  [/^transformer\.resblocks\.(\d+)\./, 'text_model.encoder.layers.$1.'],
  [/^ln_final\./, 'text_model.final_layer_norm.'],
  [/^text_projection$/, 'text_projection.weight'],
  [/^visual\.class_embedding$/, 'vision_model.embeddings.class_embedding'],
  [/^visual\.positional_embedding$/, 'vision_model.embeddings.position_embedding.weight'],
  [/^visual\.conv1\.weight$/, 'vision_model.embeddings.patch_embedding.weight'],
  [/^visual\.ln_pre\./, 'vision_model.pre_layernorm.'],
  [/^visual\.ln_post\./, 'vision_model.post_layernorm.'],
  [/^visual\.transformer\.resblocks\.(\d+)\./, 'vision_model.encoder.layers.$1.'],
  [/^visual\.proj$/, 'visual_projection.weight'],
  [/^mit\.positional_embedding$/, 'mit.position_embedding'],
  [/^mit\.resblocks\.(\d+)\./, 'mit.encoder.layers.$1.'],
  [/^prompts_visual_ln\./, 'prompts_visual_layernorm.'],
  [/^prompts_visual_proj$/, 'prompts_visual_projection'],
  [/^prompts_generator\.norm\./, 'prompts_generator.layernorm.'],
];

/** Names inside a residual block. Prompt layers keep theirs. */
const IN_BLOCK: readonly (readonly [official: RegExp, huggingFace: string])[] = [
  [/\.attn\.in_proj_/, '.self_attn.{q,k,v}_proj.'],
  [/\.message_attn\.in_proj_/, '.message_attn.{q,k,v}_proj.'],
  [/\.attn\.out_proj\./, '.self_attn.out_proj.'],
  [/\.ln_1\./, '.layer_norm1.'],
  [/\.ln_2\./, '.layer_norm2.'],
  [/\.mlp\.c_fc\./, '.mlp.fc1.'],
  [/\.mlp\.c_proj\./, '.mlp.fc2.'],
];

const TRANSPOSED = new Set(['visual.proj', 'text_projection']);

/** Where an official parameter of this shape lies in a Hugging Face file. */
export function storedAs(official: string, shape: Shape): Stored {
  let name = official;
  for (const [pattern, replacement] of PREFIXES) {
    if (!pattern.test(name)) continue;
    name = name.replace(pattern, replacement);
    break;
  }
  if (/\.layers\.\d+\./.test(name)) {
    for (const [pattern, replacement] of IN_BLOCK) name = name.replace(pattern, replacement);
  }
  const transposed = TRANSPOSED.has(official);
  const parts = name.includes('{q,k,v}') ? ['q', 'k', 'v'].map((part) => name.replace('{q,k,v}', part)) : [name];
  const [first, ...rest] = shape;
  return { parts, transposed,
    partShape: transposed ? [...shape].reverse() : parts.length === 1 ? shape : [first / parts.length, ...rest] };
}

/** A Hugging Face name as XCLIPModel spells it: CLIPModel's first norm is misspelt. */
export function spelled(name: string): string {
  return name.replace(/^vision_model\.pre_layrnorm\./, 'vision_model.pre_layernorm.');
}

/** Buffers that old files carry and that hold no weights. */
export function isIgnored(name: string): boolean {
  return name.endsWith('position_ids');
}

/** Which names a file uses. */
export function flavourOf(names: readonly string[]): 'hf' | 'official' {
  return names.some((name) => name.startsWith('vision_model.') || name.startsWith('text_model.')) ? 'hf' : 'official';
}

/** The transpose of a [rows, columns] matrix. */
export function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) result[c * rows + r] = values[r * columns + c];
  return result;
}
