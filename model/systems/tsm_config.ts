/** Sizes of ResNets on videos. He et al. 2016, arXiv:1512.03385, table 1. */
import type { ResNetSizes } from '../parts/resnet.ts';
import type { Family, WithHead } from './family.ts';
import { epsProblems, sizeProblems } from './sizes.ts';

/** A ResNet whose frames shift channels along time (TSM), or know nothing of one another (TSN). */
export interface TsmConfig extends WithHead {
  readonly system: 'tsm' | 'tsn';
  readonly network: ResNetSizes;
}

const NORM = { shift: 8, eps: 1e-5, momentum: 0.1 };

export const RESNETS: Family<ResNetSizes> = {
  presets: {
    R50: { width: 64, blocks: [3, 4, 6, 3], ...NORM },
    R101: { width: 64, blocks: [3, 4, 23, 3], ...NORM },
    tiny: { width: 16, blocks: [1, 1, 1, 1], ...NORM },
  },
  unit: () => 1,
  parameters: ({ width, blocks }) =>
    blocks.reduce((sum, count, stage) => sum + count * 17 * (width * 2 ** stage) ** 2, 0),
  shortest: (sizes) => ({ ...sizes, blocks: sizes.blocks.map(() => 1) }),
  problems: (
    { eps, momentum, ...counts },
  ) => [...sizeProblems(counts), ...epsProblems('eps', eps), ...epsProblems('momentum', momentum)],
  words: ({ width, blocks }) => `width ${width}, ${blocks.join(' + ')} blocks`,
};
