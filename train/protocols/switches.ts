/**
 * What tells the rows of one system apart: the parts that it has, and how it was trained. Tables 6 to 10 of the paper.
 */
import { type Choices, configFor, isNetworkName, type ModelConfig, PRESETS,
  type SystemName } from '../../model/systems/config.ts';
import type { Templates } from '../../model/templates.ts';
import type { Tune } from '../recipe/optimizer/index.ts';

/** How texts are prompted, beside templates. */
export const PROMPTING = ['none', 'video-specific', 'learned'] as const;

/** Parts that a model has, or lacks. */
export interface Parts {
  readonly messages: boolean;
  readonly integration: boolean;
  readonly prompts: (typeof PROMPTING)[number];
}

/** The same, and how it was trained: undefined where nothing tells. */
export interface Switches extends Parts {
  readonly tune?: Tune;
  readonly templates?: Templates;
  /** What its towers were trained on before, or the name of a checkpoint. */
  readonly start?: string;
}

/** The parts of a model. */
export function partsOf(model: ModelConfig): Parts {
  return {
    messages: model.system === 'vit' || (model.system === 'xclip' && model.messages !== false),
    integration: 'mit' in model && model.mit !== undefined,
    prompts: 'vectors' in model && model.vectors !== undefined
      ? 'learned'
      : 'prompts' in model && model.prompts !== undefined
      ? 'video-specific'
      : 'none',
  };
}

/** The parts of a system as it is made. */
export function partsOfSystem(system: SystemName, choices?: Choices): Parts {
  return isNetworkName(system)
    ? { messages: false, integration: false, prompts: 'none' }
    : partsOf(configFor(system, PRESETS.tiny, choices));
}

/** What the paper's trainings of a system have, where a row says nothing else. */
export function usual(system: SystemName): Required<Switches> {
  return { ...partsOfSystem(system), tune: 'visual', templates: 'none', start: 'CLIP' };
}

/** What switches are called; what a model starts from has a column of its own. */
const WORDS: { readonly [K in keyof Omit<Switches, 'start'>]-?: (value: NonNullable<Switches[K]>) => string } = {
  messages: (has) => (has ? 'messages' : 'no messages'),
  integration: (has) => (has ? 'integration' : 'no integration'),
  prompts: (kind) =>
    ({ none: 'no prompts', 'video-specific': 'video-specific prompts', learned: 'learned vectors' })[kind],
  tune: (towers) =>
    ({ visual: 'texts are frozen', text: 'pictures are frozen', both: 'both towers learn',
      none: 'both towers are frozen' })[towers],
  templates: (which) => (which === 'none' ? 'no templates' : `templates ${which}`),
};

/** A switch that is not as another model has it. */
export interface Deviation {
  readonly own: string;
  readonly theirs: string;
}

/** The switches that differ, in words; those of which nothing tells do not. */
export function deviations(own: Switches, theirs: Required<Switches>): readonly Deviation[] {
  return (Object.keys(WORDS) as (keyof typeof WORDS)[]).flatMap((key) => {
    const word = WORDS[key] as (value: unknown) => string;
    return own[key] === undefined || own[key] === theirs[key]
      ? []
      : [{ own: word(own[key]), theirs: word(theirs[key]) }];
  });
}

/** A system by its name and what is unusual of it, e.g. `X-CLIP-B/16, no prompts`. */
export const named = (name: string, system: SystemName, switches: Switches): string =>
  [name, ...deviations(switches, usual(system)).map(({ own }) => own)].join(', ');
