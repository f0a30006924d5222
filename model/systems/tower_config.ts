/**
 * Systems that see with a ViT: the sizes of their parts, and which they have. Ni et al. 2022, arXiv:2208.02816, section
 * 4.1.
 */
import { shownValue } from '../../engine/shown.ts';
import type { IntegrationConfig } from '../parts/mit.ts';
import type { PromptConfig } from '../parts/prompt.ts';
import type { TextConfig } from '../parts/text.ts';
import type { VisionConfig } from '../parts/vit.ts';
import { activationProblems, countProblems, divideProblems, epsProblems, MOST } from './sizes.ts';

/** What all systems have. */
interface Common {
  /** Frames per video. */
  readonly frames: number;
  readonly vision: VisionConfig;
}

/** What systems have that compare videos with sentences. */
interface WithTexts extends Common {
  /** Width of the space shared by videos and texts; also of the integration and prompt transformers. */
  readonly embedDim: number;
  readonly text: TextConfig;
  /** Video-specific prompting; without it, texts are what their tower makes of them. */
  readonly prompts?: PromptConfig;
  /** Learned vectors in front of the words of every text, in place of prompts; none if omitted. */
  readonly vectors?: number;
}

/** X-CLIP, and what is left of it without one part or another: table 6 of the paper. */
export interface XclipConfig extends WithTexts {
  readonly system: 'xclip';
  /** Whether frames send messages to one another; true if omitted. */
  readonly messages?: boolean;
  /** Multi-frame integration transformer; without it, features of frames are averaged. */
  readonly mit?: IntegrationConfig;
}

/** CLIP on videos: on one frame, on each frame alone and averaged, or on the patches of all frames jointly. */
export interface ClipConfig extends WithTexts {
  readonly system: 'clip-one' | 'clip-mean' | 'clip-joint';
}

/** A ViT with a head for fixed classes: X-CLIP's video encoder, or one of those above without texts. */
export interface VitConfig extends Common {
  readonly system: 'vit' | 'vit-mean' | 'vit-joint';
  /** Width of the projected class tokens; omitted: they are not projected. */
  readonly embedDim?: number;
  /** Of `vit`. */
  readonly mit?: IntegrationConfig;
  /** Names of the classes, in the order of the head's rows. */
  readonly classes: readonly string[];
}

/** Systems that see with a ViT: X-CLIP, CLIP, and what is left of them without texts. */
export type TowerConfig = XclipConfig | ClipConfig | VitConfig;
/** What a configuration calls one of them. */
export type TowerName = TowerConfig['system'];

/** X-CLIP whole: it has all parts that there are, so all systems take the sizes of theirs from it. */
export type Architecture = XclipConfig & { readonly mit: IntegrationConfig; readonly prompts: PromptConfig };

/** All of them. */
export const TOWER_NAMES = ['xclip', 'clip-one', 'clip-mean', 'clip-joint', 'vit', 'vit-mean',
  'vit-joint'] as const satisfies readonly TowerName[];

/** Which parts a system has, where that can be chosen. */
export interface Choices {
  /** Of X-CLIP; true if omitted. */
  readonly messages?: boolean;
  /** Of X-CLIP; true if omitted. */
  readonly integration?: boolean;
  /** Video-specific prompting: of X-CLIP true if omitted, of CLIP false. */
  readonly prompts?: boolean;
  /** So many learned vectors in place of it. */
  readonly vectors?: number;
  /** Of systems with a head: they must be given. */
  readonly classes?: readonly string[];
  /** Of systems with a head: whether class tokens are projected; true if omitted. */
  readonly isProjected?: boolean;
}

/** A system with the sizes of an architecture. */
export function configFor(system: ClipConfig['system'], architecture: Architecture, choices?: Choices): ClipConfig;
/** A system with the sizes of an architecture. */
export function configFor(system: TowerName, architecture: Architecture, choices?: Choices): TowerConfig;
export function configFor(system: TowerName, architecture: Architecture, choices: Choices = {}): TowerConfig {
  const { mit, prompts, text, embedDim, frames, vision } = architecture;
  const common = { embedDim, frames: system === 'clip-one' ? 1 : frames, vision };
  const { messages = true, integration = true, classes = [], isProjected = true, vectors } = choices;
  const prompting = (isPrompted: boolean) => vectors !== undefined ? { vectors } : isPrompted ? { prompts } : {};
  switch (system) {
    case 'xclip':
      return { ...common, system, text, ...(!messages && { messages }), ...(integration && { mit }),
        ...prompting(choices.prompts !== false) };
    case 'vit':
    case 'vit-mean':
    case 'vit-joint':
      return { frames, vision, system, classes, ...(isProjected && { embedDim }), ...(system === 'vit' && { mit }) };
    default:
      return { ...common, system, text, ...prompting(choices.prompts === true) };
  }
}

/** Learned vectors that a system has in front of its texts. */
const vectorsBefore = (config: TowerConfig): number => ('vectors' in config ? config.vectors ?? 0 : 0);

/**
 * X-CLIP with the towers of a system. Parts that it lacks are those of the published model with such a ViT, or shaped
 * as in the paper, 64 numbers to a head. Integration computes as the ViT does; prompts have the eps of texts, as in
 * transformers, where a configuration says it once for both.
 */
export function architectureOf(config: TowerConfig): Architecture {
  const { frames, vision } = config;
  const { activation } = vision;
  const withEps = ({ eps }: { readonly eps?: number }) => (eps === undefined ? {} : { eps });
  const preset = towerPresetOf(config);
  const like = preset === undefined ? undefined : PRESETS[preset];
  const embedDim = config.embedDim ?? like?.embedDim ?? CLIP_WIDTH;
  const mit = { ...(like?.mit ?? { layers: 1, heads: headsOf(embedDim), mlp: 4 * embedDim }), activation,
    ...withEps(vision) };
  const text: TextConfig = ('text' in config ? config.text : undefined) ?? like?.text ??
    { activation: 'quick_gelu', width: embedDim, layers: 12, heads: headsOf(embedDim), mlp: 4 * embedDim,
      context: CLIP_CONTEXT, vocab: CLIP_VOCAB };
  const prompts = { ...(like?.prompts ?? { layers: 2, heads: headsOf(embedDim), alpha: 0.1 }), activation,
    ...withEps(text) };
  return { system: 'xclip', embedDim, frames, vision, text, mit: ('mit' in config ? config.mit : undefined) ?? mit,
    prompts: ('prompts' in config ? config.prompts : undefined) ?? prompts };
}

/** The form of ImageNet's ViTs, of the sizes of one of CLIP's. Dosovitskiy et al. 2021, as timm has them. */
export const ofImageNet = (vision: VisionConfig): VisionConfig => ({ ...vision, activation: 'gelu', eps: 1e-6,
  patchBias: true, lnPre: false });

/** Whether a ViT has CLIP's form, which classes of transformers have. */
export const isOfClip = ({ patchBias = false, lnPre = true }: VisionConfig): boolean => !patchBias && lnPre;

/** Width of CLIP's shared space, in its base models. */
const CLIP_WIDTH = 512;

/** CLIP's vocabulary: 256 bytes, each also as the end of a word, 48,894 merges, start and end of text. */
export const CLIP_VOCAB = 49408;
/** Longest text of CLIP, start and end included. */
export const CLIP_CONTEXT = 77;

/** Heads where nothing tells their number: 64 wide, as in every published model; widths under 64 make one head. */
export const headsOf = (width: number): number => Math.max(1, Math.floor(width / 64));

/** CLIP's, in every part. */
const activation = 'quick_gelu';

const base = (patch: number): Architecture => ({
  system: 'xclip',
  embedDim: 512,
  frames: 8,
  vision: { activation, width: 768, layers: 12, heads: 12, mlp: 3072, patch, imageSize: 224 },
  text: { activation, width: 512, layers: 12, heads: 8, mlp: 2048, context: CLIP_CONTEXT, vocab: CLIP_VOCAB },
  mit: { activation, layers: 1, heads: 8, mlp: 2048 },
  prompts: { activation, layers: 2, heads: 8, alpha: 0.1 },
});

const large = (imageSize: number): Architecture => ({
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
} as const satisfies Record<string, Architecture>;

/** Keys of parts that are no sizes. */
const NO_SIZES: ReadonlySet<string> = new Set(['alpha', 'eps', 'patchBias', 'lnPre']);

/** The published architecture that a model has, by its towers. */
export function towerPresetOf(config: TowerConfig): keyof typeof PRESETS | undefined {
  const { vision, embedDim } = config;
  const text = 'text' in config ? config.text : undefined;
  return (Object.keys(PRESETS) as (keyof typeof PRESETS)[]).find((name) => {
    const own = PRESETS[name];
    return (embedDim === undefined || own.embedDim === embedDim)
      && (text === undefined || (own.text.width === text.width && own.text.layers === text.layers))
      && (['width', 'layers', 'patch', 'imageSize'] as const).every((key) => own.vision[key] === vision[key]);
  });
}

/** What is wrong in a configuration from outside. */
export function towerProblems(config: TowerConfig): string[] {
  const problems: string[] = [];
  const count = (name: string, value: unknown) =>
    void problems.push(...countProblems(name, value, MOST[name.slice(name.indexOf('.') + 1)]));
  const divides = (...named: Parameters<typeof divideProblems>) => void problems.push(...divideProblems(...named));
  const { vision } = config;
  const text = 'text' in config ? config.text : undefined;
  const mit = 'mit' in config ? config.mit : undefined;
  const prompts = 'prompts' in config ? config.prompts : undefined;
  if (config.embedDim !== undefined) count('embedDim', config.embedDim);
  if ('vectors' in config) count('vectors', config.vectors);
  count('frames', config.frames);
  for (const [name, part] of Object.entries({ vision, text, mit, prompts })) {
    if (part === undefined) continue;
    const { activation, ...sizes } = part;
    problems.push(...activationProblems(`${name}.activation`, activation));
    for (const [key, value] of Object.entries(sizes)) if (!NO_SIZES.has(key)) count(`${name}.${key}`, value);
    const { eps } = part;
    if (eps !== undefined) problems.push(...epsProblems(`${name}.eps`, eps));
  }
  if (prompts !== undefined && !Number.isFinite(prompts.alpha)) {
    problems.push(`prompts.alpha must be a number, got ${shownValue(prompts.alpha)}`);
  }
  if (problems.length === 0) {
    divides('vision.heads', vision.heads, 'vision.width', vision.width);
    divides('vision.patch', vision.patch, 'vision.imageSize', vision.imageSize);
    for (const [name, part] of Object.entries({ mit, prompts })) {
      if (part !== undefined) divides(`${name}.heads`, part.heads, 'embedDim', config.embedDim ?? vision.width);
    }
  }
  if (problems.length === 0 && text !== undefined) {
    divides('text.heads', text.heads, 'text.width', text.width);
    if (text.endOfText !== undefined && text.endOfText >= text.vocab) {
      problems.push(`text.endOfText (${text.endOfText}) must be one of the ${text.vocab} tokens`);
    }
    const before = vectorsBefore(config);
    if (text.context < 3 + before) {
      problems.push(
        `text.context (${text.context}) has no room for a word between start and end of text${
          before === 0 ? '' : `, behind ${before} learned vectors`
        }`,
      );
    }
  }
  return problems;
}
