/** What fixes a system: the sizes of its parts, and which it has. Ni et al. 2022, arXiv:2208.02816, section 4.1. */
import { ConfigError } from '../../engine/errors.ts';
import { shownValue } from '../../engine/shown.ts';
import { ACTIVATIONS } from '../../kernels/shared/activation.ts';
import type { IntegrationConfig } from '../parts/mit.ts';
import type { PromptConfig } from '../parts/prompt.ts';
import type { TextConfig } from '../parts/text.ts';
import type { VisionConfig } from '../parts/vit.ts';

/** What all systems have. */
interface Common {
  /** Width of the space shared by videos and texts; also of the integration and prompt transformers. */
  readonly embedDim: number;
  /** Frames per video. */
  readonly frames: number;
  readonly vision: VisionConfig;
}

/** X-CLIP. */
export interface XclipConfig extends Common {
  readonly system: 'xclip';
  readonly text: TextConfig;
  /** Multi-frame integration transformer. */
  readonly mit: IntegrationConfig;
  /** Video-specific prompting. */
  readonly prompts: PromptConfig;
}

/** CLIP on videos, each frame alone. */
export interface ClipConfig extends Common {
  readonly system: 'clip-mean';
  readonly text: TextConfig;
}

/** Everything that fixes the shapes of the parameters, the number of attention heads and the activations. */
export type ModelConfig = XclipConfig | ClipConfig;
export type SystemName = ModelConfig['system'];

/** All systems. */
export const SYSTEM_NAMES = ['xclip', 'clip-mean'] as const satisfies readonly SystemName[];

/** A system with the towers of X-CLIP, which has all parts that there are. */
export function configFor<S extends SystemName>(system: S,
  { mit, prompts, ...towers }: XclipConfig): Extract<ModelConfig, { system: S }> {
  const config: ModelConfig = system === 'xclip'
    ? { ...towers, system: 'xclip', mit, prompts }
    : { ...towers, system: 'clip-mean' };
  return config as Extract<ModelConfig, { system: S }>;
}

/**
 * X-CLIP with the towers of a system. Parts that it lacks are those of the published model with such towers, or shaped
 * as in the paper: 64 numbers to a head.
 */
export function architectureOf(config: ModelConfig): XclipConfig {
  if (config.system === 'xclip') return config;
  const { embedDim, vision: { activation } } = config;
  const preset = presetOf(config);
  if (preset !== undefined) {
    const { mit, prompts } = PRESETS[preset];
    return { ...config, system: 'xclip', mit: { ...mit, activation }, prompts: { ...prompts, activation } };
  }
  const added = { activation, heads: headsOf(embedDim) };
  return { ...config, system: 'xclip', mit: { ...added, layers: 1, mlp: 4 * embedDim },
    prompts: { ...added, layers: 2, alpha: 0.1 } };
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
  system: 'xclip',
  embedDim: 512,
  frames: 8,
  vision: { activation, width: 768, layers: 12, heads: 12, mlp: 3072, patch, imageSize: 224 },
  text: { activation, width: 512, layers: 12, heads: 8, mlp: 2048, context: CLIP_CONTEXT, vocab: CLIP_VOCAB },
  mit: { activation, layers: 1, heads: 8, mlp: 2048 },
  prompts: { activation, layers: 2, heads: 8, alpha: 0.1 },
});

const large = (imageSize: number): XclipConfig => ({
  system: 'xclip',
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
    system: 'xclip',
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

/** Keys of parts that are no sizes. */
const NO_SIZES: ReadonlySet<string> = new Set(['alpha', 'eps', 'patchBias', 'lnPre']);

/** The published architecture that a model has, by its towers. */
export function presetOf({ vision, text, embedDim }: Pick<XclipConfig, 'vision' | 'text' | 'embedDim'>): keyof typeof PRESETS | undefined {
  return (Object.keys(PRESETS) as (keyof typeof PRESETS)[]).find((name) => {
    const own = PRESETS[name];
    return own.embedDim === embedDim && own.text.width === text.width && own.text.layers === text.layers
      && (['width', 'layers', 'patch', 'imageSize'] as const).every((key) => own.vision[key] === vision[key]);
  });
}

/** Checks a configuration from outside; throws one error with all problems. `source` names where it came from. */
export function validateConfig<C extends ModelConfig>(config: C, source: string): C {
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
  const { vision, text } = config;
  const { mit, prompts } = config.system === 'xclip' ? config : { mit: undefined, prompts: undefined };
  count('embedDim', config.embedDim);
  count('frames', config.frames);
  for (const [name, part] of Object.entries({ vision, text, mit, prompts })) {
    if (part === undefined) continue;
    const { activation, ...sizes } = part;
    if (!ACTIVATIONS.includes(activation)) {
      problems.push(`${name}.activation must be one of ${ACTIVATIONS.join(', ')}, got ${shownValue(activation)}`);
    }
    for (const [key, value] of Object.entries(sizes)) if (!NO_SIZES.has(key)) count(`${name}.${key}`, value);
    const { eps } = part;
    if (eps !== undefined && !(eps > 0 && eps < 1)) {
      problems.push(`${name}.eps must be a number between 0 and 1, got ${shownValue(eps)}`);
    }
  }
  if (prompts !== undefined && !Number.isFinite(prompts.alpha)) {
    problems.push(`prompts.alpha must be a number, got ${shownValue(prompts.alpha)}`);
  }
  if (problems.length === 0) {
    divides('vision.heads', vision.heads, 'vision.width', vision.width);
    divides('vision.patch', vision.patch, 'vision.imageSize', vision.imageSize);
    divides('text.heads', text.heads, 'text.width', text.width);
    for (const [name, part] of Object.entries({ mit, prompts })) {
      if (part !== undefined) divides(`${name}.heads`, part.heads, 'embedDim', config.embedDim);
    }
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
