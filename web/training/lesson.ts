/** What a page trains: sizes, recipe and texts in tokens, made when the site is built. Plain data. */
import type { FloatType } from '../../engine/dtype.ts';
import type { Preprocessor } from '../../model/checkpoint/preprocessor.ts';
import type { ClipConfig, XclipConfig } from '../../model/systems/config.ts';
import type { ClipTokenizer, TokenRows } from '../../model/tokenizer.ts';
import { CLASS_NAMES, SEEN } from '../../train/moving_shapes/scenes.ts';
import type { TrainConfig } from '../../train/run/config_keys.ts';

/** Texts in tokens, one row each. */
export interface Texts {
  /** [texts, length] */
  readonly ids: readonly number[];
  readonly length: number;
}

export interface Lesson {
  readonly clip: ClipConfig;
  readonly xclip: XclipConfig;
  /** Of stage 2, as `videoConfig` has it. */
  readonly recipe: Pick<TrainConfig, 'train' | 'optim'> & { readonly init: TrainConfig['model']['init'] };
  readonly preprocessor: Preprocessor;
  /** Of `CAPTIONS`. */
  readonly captions: Texts;
  /** Of `CLASS_NAMES`, those that are never trained among them. */
  readonly names: Texts;
  /** The files of the tokenizer, for those who take along what was trained. */
  readonly words: ReturnType<ClipTokenizer['files']>;
  /** A run that learns, and one that shows that all parts work. */
  readonly full: LessonPlan;
  readonly short: LessonPlan;
}

/** What a person chooses: the same plan and the same adapter give the same bits. */
export interface LessonPlan {
  readonly seed: number;
  readonly precision: FloatType;
  /** Pictures of a step of stage 1, and clips of a step of stage 2. */
  readonly pictures: number;
  readonly clips: number;
  readonly clipSteps: number;
  readonly videoSteps: number;
  /** Clips to measure on, and steps from one measurement of stage 2 to the next. */
  readonly testClips: number;
  readonly measureEvery: number;
  /** Steps from one checkpoint to the next. */
  readonly saveEvery: number;
}

/** The two parts of a run, in their order. */
export type StageName = 'CLIP' | 'X-CLIP';

/** The class names that are trained, in the order of their labels. */
export const SEEN_NAMES: readonly string[] = SEEN.map((id) => CLASS_NAMES[id]);

/** Texts as models take them. */
export const tokensOf = ({ ids, length }: Texts): TokenRows => ({ ids: Int32Array.from(ids), length });

/** Tokenises class names, which is all that a run needs: it needs no vocabulary. */
export const tokenizerOf = ({ ids, length }: Texts) => ({
  tokenize: (some: readonly string[]): TokenRows => ({ length, ids: Int32Array.from(some.flatMap((text) => {
    const place = CLASS_NAMES.indexOf(text);
    if (place < 0) throw new RangeError(`"${text}" is none of the ${CLASS_NAMES.length} names of this lesson`);
    return ids.slice(place * length, (place + 1) * length);
  })) }),
});
