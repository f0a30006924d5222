/** Sizes of VideoMAEs. Tong et al. 2022, arXiv:2203.12602, appendix. */
import type { VideoMaeSizes } from '../parts/videomae.ts';
import type { Family, WithHead } from './family.ts';
import { activationProblems, divideProblems, epsProblems, sizeProblems } from './sizes.ts';

/** A ViT on tubelets, which was trained to fill in what was hidden of videos. */
export interface VideoMaeConfig extends WithHead {
  readonly system: 'videomae';
  readonly network: VideoMaeSizes;
}

/** As transformers has it. */
const B: VideoMaeSizes = { activation: 'gelu', width: 768, layers: 12, heads: 12, mlp: 3072, patch: 16, tubelet: 2,
  eps: 1e-12, poolEps: 1e-5 };

export const VIDEOMAES: Family<VideoMaeSizes> = {
  presets: {
    'S/16': { ...B, width: 384, heads: 6, mlp: 1536 },
    'B/16': B,
    'L/16': { ...B, width: 1024, layers: 24, heads: 16, mlp: 4096 },
    tiny: { ...B, width: 64, layers: 3, heads: 2, mlp: 256, patch: 8 },
  },
  unit: ({ patch }) => patch,
  frameUnit: ({ tubelet }) => tubelet,
  parameters: ({ layers, width, mlp, patch, tubelet }, { frames, imageSize }) =>
    layers * (4 * width * width + 2 * width * mlp) + (frames / tubelet) * (imageSize / patch) ** 2 * width,
  shortest: (sizes) => ({ ...sizes, layers: 1 }),
  problems({ activation, eps, poolEps, ...counts }) {
    const problems = [...sizeProblems(counts), ...activationProblems('activation', activation),
      ...epsProblems('eps', eps), ...epsProblems('poolEps', poolEps)];
    return problems.length > 0 ? problems : divideProblems('heads', counts.heads, 'width', counts.width);
  },
  words: ({ width, layers, patch, tubelet }) =>
    `width ${width}, ${layers} layers, patches of ${tubelet} x ${patch} x ${patch}`,
};
