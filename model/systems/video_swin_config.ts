/** Sizes of Video Swins. Liu et al. 2022, arXiv:2106.13230, section 3.3. */
import type { SwinSizes } from '../parts/swin.ts';
import type { Family, WithHead } from './family.ts';
import { activationProblems, divideProblems, epsProblems, sizeProblems, windowProblems } from './sizes.ts';

/** A Swin whose windows reach over time, too. */
export interface SwinConfig extends WithHead {
  readonly system: 'video-swin';
  readonly network: SwinSizes;
}

const T: SwinSizes = { width: 96, depths: [2, 2, 6, 2], heads: [3, 6, 12, 24], window: [8, 7, 7], patch: [2, 4, 4],
  mlpRatio: 4, activation: 'gelu', eps: 1e-5 };

export const SWINS: Family<SwinSizes> = {
  presets: {
    T,
    S: { ...T, depths: [2, 2, 18, 2] },
    B: { ...T, width: 128, depths: [2, 2, 18, 2], heads: [4, 8, 16, 32] },
    L: { ...T, width: 192, depths: [2, 2, 18, 2], heads: [6, 12, 24, 48] },
    tiny: { ...T, width: 32, depths: [2, 2], heads: [2, 4], window: [4, 4, 4] },
  },
  unit: () => 1,
  parameters: ({ width, depths, mlpRatio }) =>
    depths.reduce((sum, count, stage) => sum + count * (4 + 2 * mlpRatio) * (width * 2 ** stage) ** 2, 0),
  shortest: (sizes) => ({ ...sizes, depths: sizes.depths.map(() => 1) }),
  problems({ activation, eps, ...counts }) {
    const { width, depths, heads, window, patch } = counts;
    const problems = [...sizeProblems(counts), ...activationProblems('activation', activation),
      ...epsProblems('eps', eps)];
    if (heads.length !== depths.length) {
      problems.push(`heads has ${heads.length} numbers, and depths ${depths.length}: one for each stage`);
    }
    for (const [name, { length }] of Object.entries({ window, patch })) {
      if (length !== 3) problems.push(`${name} has ${length} numbers, expected 3: of time, height and width`);
    }
    return problems.length > 0
      ? problems
      : [
        ...windowProblems(window),
        ...heads.flatMap((own, stage) =>
          divideProblems(`heads of stage ${stage}`, own, 'its width', width * 2 ** stage)
        ),
      ];
  },
  words: ({ width, depths, window }) =>
    `width ${width}, ${depths.join(' + ')} blocks, windows of ${window.join(' x ')}`,
};
