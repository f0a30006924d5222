/** The sizes of an X-CLIP model, in one place. Ni et al. 2022, arXiv:2208.02816, section 4.1 and supplement. */
import { ConfigError } from '../engine/errors.ts';
import { shownValue } from '../engine/shown.ts';
import { ACTIVATIONS, type Activation } from '../kernels/shared/activation.ts';

/** What all transformers have. */
interface Transformer {
  readonly layers: number;
  readonly heads: number;
  readonly activation: Activation;
}

/**
 * Everything that fixes the shapes of the parameters, the number of attention heads and the activations. `mlp` is the
 * hidden width.
 */
export interface XclipConfig {
  /** Width of the space shared by videos and texts; also of the integration and prompt transformers. */
  readonly embedDim: number;
  /** Frames per video. */
  readonly frames: number;
  readonly vision: Transformer & { readonly width: number; readonly mlp: number; readonly patch: number;
    readonly imageSize: number };
  readonly text: Transformer & {
    readonly width: number;
    readonly mlp: number;
    readonly context: number;
    readonly vocab: number;
    /** The token whose first place in a text its feature is taken from; omitted: the largest id of the text. */
    readonly endOfText?: number;
  };
  /** Multi-frame integration transformer. */
  readonly mit: Transformer & { readonly mlp: number };
  /** Video-specific prompting; `alpha` is where the learned mixing weight starts. */
  readonly prompts: Transformer & { readonly alpha: number };
}

/** CLIP's vocabulary: 256 bytes, each also as the end of a word, 48,894 merges, start and end of text. */
export const CLIP_VOCAB = 49408;
/** Longest text of CLIP, start and end included. */
export const CLIP_CONTEXT = 77;

/** Heads where nothing tells their number: 64 wide, as in every published model; widths under 64 make one head. */
export const headsOf = (width: number): number => Math.max(1, Math.floor(width / 64));

/** CLIP's, in every part. */
const activation = 'quick_gelu';

const base = (patch: number): XclipConfig => ({
  embedDim: 512,
  frames: 8,
  vision: { activation, width: 768, layers: 12, heads: 12, mlp: 3072, patch, imageSize: 224 },
  text: { activation, width: 512, layers: 12, heads: 8, mlp: 2048, context: CLIP_CONTEXT, vocab: CLIP_VOCAB },
  mit: { activation, layers: 1, heads: 8, mlp: 2048 },
  prompts: { activation, layers: 2, heads: 8, alpha: 0.1 },
});

const large = (imageSize: number): XclipConfig => ({
  embedDim: 768,
  frames: 8,
  // 16 heads, as CLIP and the official code have it (width / 64); the supplement prints 12
  vision: { activation, width: 1024, layers: 24, heads: 16, mlp: 4096, patch: 14, imageSize },
  text: { activation, width: 768, layers: 12, heads: 12, mlp: 3072, context: CLIP_CONTEXT, vocab: CLIP_VOCAB },
  mit: { activation, layers: 1, heads: 12, mlp: 3072 },
  prompts: { activation, layers: 2, heads: 12, alpha: 0.1 },
});

/** The published models with 8 frames, and a tiny one that learns in minutes without a GPU. */
export const PRESETS = {
  'B/32': base(32),
  'B/16': base(16),
  'L/14': large(224),
  'L/14@336': large(336),
  tiny: {
    embedDim: 64,
    frames: 8,
    vision: { activation, width: 64, layers: 3, heads: 2, mlp: 256, patch: 8, imageSize: 32 },
    text: { activation, width: 64, layers: 2, heads: 2, mlp: 256, context: CLIP_CONTEXT, vocab: CLIP_VOCAB },
    mit: { activation, layers: 1, heads: 2, mlp: 256 },
    prompts: { activation, layers: 2, heads: 2, alpha: 0.1 },
  },
} as const satisfies Record<string, XclipConfig>;

/** What sizes may be at most: several times those of the largest models there are. */
const MOST: Readonly<Record<string, number>> = { embedDim: 2 ** 14, frames: 1024, width: 2 ** 14, layers: 256,
  heads: 256, mlp: 2 ** 16, patch: 1024, imageSize: 4096, context: 2 ** 14, vocab: 2 ** 18, endOfText: 2 ** 18 };

/** The published architecture that a model has, by its towers. */
export function presetOf({ vision, text, embedDim }: XclipConfig): keyof typeof PRESETS | undefined {
  return (Object.keys(PRESETS) as (keyof typeof PRESETS)[]).find((name) => {
    const own = PRESETS[name];
    return own.embedDim === embedDim && own.text.width === text.width && own.text.layers === text.layers
      && (['width', 'layers', 'patch', 'imageSize'] as const).every((key) => own.vision[key] === vision[key]);
  });
}

/** Checks a configuration from outside; throws one error with all problems. `source` names where it came from. */
export function validateConfig(config: XclipConfig, source: string): XclipConfig {
  const problems: string[] = [];
  const count = (name: string, value: unknown) => {
    if (!Number.isSafeInteger(value) || (value as number) < 1) {
      problems.push(`${name} must be a whole number of at least 1, got ${shownValue(value)}`);
    }
    const most = MOST[name.slice(name.indexOf('.') + 1)];
    if ((value as number) > most) problems.push(`${name} is ${shownValue(value)}, at most ${most} is read`);
  };
  const divides = (part: string, partValue: number, whole: string, wholeValue: number) => {
    if (wholeValue % partValue !== 0) problems.push(`${part} (${partValue}) must divide ${whole} (${wholeValue})`);
  };
  const { vision, text, mit, prompts } = config;
  count('embedDim', config.embedDim);
  count('frames', config.frames);
  for (const [name, part] of Object.entries({ vision, text, mit, prompts })) {
    const { activation, ...sizes } = part;
    if (!ACTIVATIONS.includes(activation)) {
      problems.push(`${name}.activation must be one of ${ACTIVATIONS.join(', ')}, got ${shownValue(activation)}`);
    }
    for (const [key, value] of Object.entries(sizes)) if (key !== 'alpha') count(`${name}.${key}`, value);
  }
  if (!Number.isFinite(prompts.alpha)) {
    problems.push(`prompts.alpha must be a number, got ${shownValue(prompts.alpha)}`);
  }
  if (problems.length === 0) {
    divides('vision.heads', vision.heads, 'vision.width', vision.width);
    divides('vision.patch', vision.patch, 'vision.imageSize', vision.imageSize);
    divides('text.heads', text.heads, 'text.width', text.width);
    divides('mit.heads', mit.heads, 'embedDim', config.embedDim);
    divides('prompts.heads', prompts.heads, 'embedDim', config.embedDim);
    if (text.endOfText !== undefined && text.endOfText >= text.vocab) {
      problems.push(`text.endOfText (${text.endOfText}) must be one of the ${text.vocab} tokens`);
    }
    if (text.context < 3) {
      problems.push(`text.context (${text.context}) has no room for a word between start and end of text`);
    }
  }
  if (problems.length > 0) throw new ConfigError(source, problems);
  return config;
}
