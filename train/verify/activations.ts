/**
 * Which activation of ours a fixture's activation is. Names are those that the towers hand to `tap`; layouts differ:
 * official tensors are sequence-first, and what is one tensor for one is a reshaped one for another.
 */

/** How a tensor of ours is brought into the fixture's layout. */
export type Layout = 'same' | 'sequence first' | 'channels first' | 'transposed';

export interface Source {
  /** Name given to `tap`. */
  readonly tap: string;
  readonly layout: Layout;
  /**
   * The fixture has one token more per sequence, the last: what a message asks, which nobody reads, is not computed
   * here.
   */
  readonly hasMessage: boolean;
}

type Rule = readonly [fixture: RegExp, tap: string, layout?: Layout, hasMessage?: 'with message'];

const HUGGING_FACE: readonly Rule[] = [
  [/^act\.vision\.embeddings$/, 'visual.embeddings'],
  [/^act\.vision\.pre_layernorm$/, 'visual.ln_pre'],
  [/^act\.vision\.layer(\d+)$/, 'visual.block$1'],
  [/^act\.vision\.layer(\d+)\.self_attn$/, 'visual.block$1.attn', 'same', 'with message'],
  [/^act\.vision\.layer(\d+)\.(message_fc|message_attn|mlp)$/, 'visual.block$1.$2'],
  [/^(?:act\.vision\.post_layernorm_cls|out\.vision\.pooler_output)$/, 'visual.ln_post'],
  [/^out\.vision\.last_hidden_state$/, 'visual.last'],
  [/^act\.visual_projection$/, 'visual.frames'],
  [/^act\.prompts_visual_layernorm$/, 'prompts_visual_ln'],
  [/^act\.prompts_generator\.layernorm$/, 'prompts_generator.norm'],
  [/^act\.(prompts_generator(?:\.layer\d+(?:\.cross_attn)?)?)$/, '$1'],
  [/^act\.mit\.layer(\d+)$/, 'mit.block$1'],
  [/^out\.mit\.last_hidden_state$/, 'mit.integrated'],
  [/^out\.mit\.pooler_output$/, 'mit'],
  [/^act\.text\.embeddings$/, 'text.embeddings'],
  [/^act\.text\.layer(\d+)$/, 'text.block$1'],
  [/^act\.text\.layer(\d+)\.self_attn$/, 'text.block$1.attn'],
  [/^act\.text\.layer(\d+)\.mlp$/, 'text.block$1.mlp'],
  [/^(?:act\.text\.final_layer_norm|out\.text\.last_hidden_state)$/, 'ln_final'],
  [/^out\.text\.pooler_output$/, 'text.pooled'],
  [/^act\.text_projection$/, 'text_features'],
  [/^out\.text_embeds$/, 'text_embeds'],
  [/^out\.video_embeds$/, 'video_embeds'],
  [/^out\.logits_per_video$/, 'logits'],
  [/^out\.logits_per_text$/, 'logits', 'transposed'],
];

const OFFICIAL: readonly Rule[] = [
  [/^act\.visual\.conv1$/, 'visual.conv1', 'channels first'],
  [/^act\.visual\.ln_pre$/, 'visual.ln_pre'],
  [/^act\.visual\.block(\d+)\.LND$/, 'visual.block$1', 'sequence first'],
  [/^act\.visual\.block(\d+)\.attn\.LND$/, 'visual.block$1.attn', 'sequence first', 'with message'],
  [/^act\.visual\.block(\d+)\.message_fc$/, 'visual.block$1.message_fc'],
  [/^act\.visual\.block(\d+)\.message_attn\.TBD$/, 'visual.block$1.message_attn', 'sequence first'],
  [/^act\.visual\.ln_post$/, 'visual.ln_post'],
  [/^act\.visual\.cls_x$/, 'visual.frames'],
  [/^act\.prompts_visual_ln$/, 'prompts_visual_ln'],
  [/^act\.(prompts_generator(?:\.norm|\.layer\d+)?)$/, '$1'],
  [/^act\.mit\.block(\d+)\.LND$/, 'mit.block$1', 'sequence first'],
  [/^act\.mit$/, 'mit'],
  [/^out\.video_features$/, 'mit'],
  [/^act\.text\.block(\d+)\.LND$/, 'text.block$1', 'sequence first'],
  [/^act\.ln_final$/, 'ln_final'],
  [/^out\.text_features$/, 'text_features'],
  [/^out\.img_features$/, 'img_features'],
  [/^out\.logits$/, 'logits'],
];

/** Where a fixture's tensor comes from, or undefined if its name is not known. */
export function sourceOf(flavour: 'hf' | 'official', name: string): Source | undefined {
  for (const [pattern, tap, layout = 'same', hasMessage] of flavour === 'hf' ? HUGGING_FACE : OFFICIAL) {
    if (pattern.test(name)) return { tap: name.replace(pattern, tap), layout, hasMessage: hasMessage !== undefined };
  }
  return undefined;
}

/** Values of ours in the fixture's layout: the first two dimensions swapped, or the last two. */
export function inLayout(values: Float32Array, shape: readonly number[], layout: Layout): Float32Array {
  if (layout === 'same') return values;
  const [a, b, inner] = layout === 'channels first'
    ? [shape[1], shape[2], 1]
    : [shape[0], shape[1], shape.slice(2).reduce((x, y) => x * y, 1)];
  const outer = layout === 'channels first' ? shape[0] : 1;
  const result = new Float32Array(values.length);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < a; i++) {
      for (let j = 0; j < b; j++) {
        for (let k = 0; k < inner; k++) {
          result[((o * b + j) * a + i) * inner + k] = values[((o * a + i) * b + j) * inner + k];
        }
      }
    }
  }
  return result;
}

/** A fixture's tensor without the last token of each sequence. */
export function withoutMessage(values: ArrayLike<number>, [first, second, width]: readonly number[],
  layout: Layout): ArrayLike<number> {
  if (layout === 'sequence first') return Array.from(values).slice(0, (first - 1) * second * width);
  return Array.from(values).filter((_, i) => i % (second * width) < (second - 1) * width);
}
