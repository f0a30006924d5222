/** Sizes of TimeSformers. Bertasius et al. 2021, arXiv:2102.05095, section 4. */
import type { TimeSformerSizes } from '../parts/timesformer.ts';
import type { Family, WithHead } from './family.ts';
import { activationProblems, divideProblems, epsProblems, sizeProblems } from './sizes.ts';

/** Attention over time and over space in turn, over both at once, or over space alone. */
export interface TimeSformerConfig extends WithHead {
  readonly system: 'timesformer' | 'timesformer-joint' | 'timesformer-space';
  readonly network: TimeSformerSizes;
}

const VIT_B16: TimeSformerSizes = { activation: 'gelu', width: 768, layers: 12, heads: 12, mlp: 3072, patch: 16,
  eps: 1e-6 };

export const TIMESFORMERS: Family<TimeSformerSizes> = {
  presets: {
    'B/16': VIT_B16,
    'L/16': { ...VIT_B16, width: 1024, layers: 24, heads: 16, mlp: 4096 },
    tiny: { ...VIT_B16, width: 64, layers: 3, heads: 2, mlp: 256, patch: 8 },
  },
  unit: ({ patch }) => patch,
  parameters: ({ layers, width, mlp }) => layers * (4 * width * width + 2 * width * mlp),
  shortest: (sizes) => ({ ...sizes, layers: 1 }),
  problems({ activation, eps, ...counts }) {
    const problems = [...sizeProblems(counts), ...activationProblems('activation', activation),
      ...epsProblems('eps', eps)];
    return problems.length > 0 ? problems : divideProblems('heads', counts.heads, 'width', counts.width);
  },
  words: ({ width, layers, patch }) => `width ${width}, ${layers} layers, patches of ${patch}`,
};
