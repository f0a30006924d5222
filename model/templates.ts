/** Sentences that names of classes are put into, and how what they give is averaged. */
import { FirstlightError, Random } from '../engine/index.ts';
import type { ClipTokenizer } from './tokenizer.ts';

/**
 * Lists of templates; a name stands in place of `{}`. `paper` is what the supplement of X-CLIP prints (Ni et al. 2022,
 * arXiv:2208.02816, section 2.2), `actionclip` what the code of ActionCLIP has, where they come from (Wang et al. 2021,
 * arXiv:2109.08472; utils/Text_Prompt.py): two of them differ.
 */
export const TEMPLATES = {
  none: ['{}'],
  paper: sixteen('{}, this is an action', 'Can you recognize the action of {}'),
  actionclip: sixteen('{} this is an action', 'Can you recognize the action of {}?'),
} as const satisfies Record<string, readonly string[]>;

/** The name of a list. */
export type Templates = keyof typeof TEMPLATES;

function sixteen(thisIs: string, recognize: string): readonly string[] {
  return ['a photo of action {}', 'a picture of action {}', 'Human action of {}', '{}, an action', thisIs,
    '{}, a video of action', 'Playing action of {}', '{}', 'Playing a kind of action, {}', 'Doing a kind of action, {}',
    'Look, the human is {}', recognize, 'Video classification of {}', 'A video of {}', 'The man is {}',
    'The woman is {}'];
}

/**
 * What is averaged over templates: `softmax`, the probabilities, as ActionCLIP does it; `logits`; `embeddings`, those
 * of length 1 that clips are compared with, made of length 1 again, as CLIP does it.
 */
export const TEMPLATE_MEANS = ['softmax', 'logits', 'embeddings'] as const;
/** One of them. */
export type TemplateMean = (typeof TEMPLATE_MEANS)[number];

/** How classes are put into words, and how that is averaged. */
export interface Wording {
  readonly templates: Templates;
  readonly mean: TemplateMean;
}

/** A name in a template. */
const worded = (template: string, name: string): string => template.replace('{}', () => name);

/** All names in all templates, template by template. */
export function sentences(templates: Templates, names: readonly string[]): string[] {
  return TEMPLATES[templates].flatMap((template) => names.map((name) => worded(template, name)));
}

/** The template of an optimiser step, the same for all classes: a function of the seed and of the step's number. */
export function drawTemplate(templates: Templates, seed: number, step: number): number {
  return new Random(seed, `template of step ${step}`).below(TEMPLATES[templates].length);
}

/**
 * What a tokenizer says against names in templates, each with the class and the template that it is about.
 *
 * @param vectors learned ones in front of each text
 */
export function refusals(tokenizer: ClipTokenizer, templates: Templates, names: readonly string[], context: number,
  vectors = 0): FirstlightError[] {
  return TEMPLATES[templates].flatMap((template) =>
    names.flatMap((name) => {
      try {
        tokenizer.tokenize([worded(template, name)], context, vectors);
        return [];
      } catch (error) {
        if (!(error instanceof FirstlightError)) throw error;
        if (templates === 'none') return [error];
        const where = `class "${name}" in the template "${template}"`;
        return [
          new FirstlightError(error.code, `${where}: ${error.message}`, { ...error.context, name, template },
            error.hint),
        ];
      }
    })
  );
}
