/**
 * Sizes of CoSwins and of X-Florence. CoSwin-H is inferred: of all regular sizes it alone has the 637 M parameters that
 * Florence prints, and with both input sizes the arithmetic that X-CLIP prints. Yuan et al. 2021, arXiv:2111.11432.
 */
import type { CoSwinSizes } from '../parts/coswin.ts';
import type { IntegrationConfig } from '../parts/mit.ts';
import type { PromptConfig } from '../parts/prompt.ts';
import type { TextConfig } from '../parts/text.ts';
import type { Clips, Family, WithHead } from './family.ts';
import { activationProblems, divideProblems, epsProblems, sizeProblems, windowProblems } from './sizes.ts';

/** A CoSwin on each frame, with a head. */
export interface CoSwinConfig extends WithHead {
  readonly system: 'coswin';
  readonly network: CoSwinSizes;
}

/** Sizes of X-Florence. */
export interface FlorenceSizes {
  readonly image: CoSwinSizes;
  /** Width of the space that videos and texts share. */
  readonly embedDim: number;
  readonly text: TextConfig;
  readonly mit: IntegrationConfig;
  readonly prompts: PromptConfig;
}

/** X-CLIP with a CoSwin. */
export interface FlorenceConfig extends Clips {
  readonly system: 'x-florence';
  readonly network: FlorenceSizes;
}

const H: CoSwinSizes = { width: 256, depths: [2, 2, 24, 6], heads: [8, 16, 32, 64], window: 7, mlpRatio: 4,
  activation: 'gelu', eps: 1e-5 };
const TINY: CoSwinSizes = { ...H, width: 32, depths: [2, 2], heads: [1, 2], window: 4 };

export const COSWINS: Family<CoSwinSizes> = {
  presets: { H, 'H@384': { ...H, window: 12 }, tiny: TINY },
  unit: () => 1,
  parameters: ({ width, depths, mlpRatio }) =>
    depths.reduce((sum, count, stage) => sum + count * (4 + 2 * mlpRatio) * (width * 2 ** stage) ** 2, 0),
  shortest: (sizes) => ({ ...sizes, depths: sizes.depths.map(() => 1) }),
  problems({ activation, eps, ...counts }) {
    const { width, depths, heads, window } = counts;
    const problems = [...sizeProblems(counts), ...activationProblems('activation', activation),
      ...epsProblems('eps', eps)];
    if (heads.length !== depths.length) {
      problems.push(`heads has ${heads.length} numbers, and depths ${depths.length}: one for each stage`);
    }
    return problems.length > 0
      ? problems
      : [
        ...windowProblems([window, window]),
        ...heads.flatMap((own, stage) =>
          divideProblems(`heads of stage ${stage}`, own, 'its width', width * 2 ** stage)
        ),
      ];
  },
  words: ({ width, depths, window }) =>
    `width ${width}, ${depths.join(' + ')} blocks, windows of ${window} x ${window}`,
};

const activation = 'quick_gelu';
const BASE: Omit<FlorenceSizes, 'image'> = {
  embedDim: 1024,
  text: { activation, width: 1024, layers: 12, heads: 16, mlp: 4096, context: 77, vocab: 49408 },
  mit: { activation, layers: 4, heads: 16, mlp: 4096 },
  prompts: { activation, layers: 2, heads: 16, alpha: 0.1 },
};

export const FLORENCES: Family<FlorenceSizes> = {
  presets: {
    H: { image: H, ...BASE },
    'H@384': { image: COSWINS.presets['H@384'], ...BASE },
    tiny: {
      image: TINY,
      embedDim: 64,
      text: { activation, width: 64, layers: 2, heads: 2, mlp: 256, context: 77, vocab: 49408 },
      mit: { activation, layers: 1, heads: 2, mlp: 256 },
      prompts: { activation, layers: 2, heads: 2, alpha: 0.1 },
    },
  },
  unit: ({ image }) => COSWINS.unit(image),
  parameters: ({ image, text }, clips) =>
    COSWINS.parameters(image, clips) + text.layers * (4 * text.width ** 2 + 2 * text.width * text.mlp),
  shortest: (sizes) => ({ ...sizes, image: COSWINS.shortest(sizes.image) }),
  problems({ image, embedDim, text, mit, prompts }) {
    const problems = [...COSWINS.problems(image), ...sizeProblems({ embedDim })];
    for (const [name, { activation: own, ...part }] of Object.entries({ text, mit, prompts })) {
      const { alpha: _, eps: __, ...counts } = { alpha: 0, eps: 0, ...part };
      problems.push(...sizeProblems(counts), ...activationProblems(`${name}.activation`, own));
    }
    return problems.length > 0 ? problems : [
      ...divideProblems('text.heads', text.heads, 'text.width', text.width),
      ...divideProblems('mit.heads', mit.heads, 'embedDim', embedDim),
      ...divideProblems('prompts.heads', prompts.heads, 'embedDim', embedDim),
    ];
  },
  words: ({ image }) => COSWINS.words(image),
};
