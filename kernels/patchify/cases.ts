import type { Tensor } from '../../engine/index.ts';
import type { Case, Room } from '../shared/room.ts';
import { normal } from '../shared/sample.ts';
import { workload } from '../shared/workload.ts';
import { cost, gradientCost, kernels, patchify } from './index.ts';
import * as reference from './reference.ts';

function patchifyCase(name: string, sizes: reference.Sizes,
  wrt: readonly ('pixels' | 'weight')[] = ['pixels', 'weight']): Case {
  const { frames, side, p, width } = sizes;
  const elements = 3 * p * p;
  const patches = frames * side * side;
  const why = (n: number) => `a sum of ${n} products of about 1`;
  const longest = Math.max(patches, width);
  return {
    name,
    inputs: { pixels: normal('pixels', [frames, 3, side * p, side * p]), weight: normal('weight', [width, 3, p, p]) },
    wrt,
    run: (t) => [patchify(t.pixels as Tensor, t.weight as Tensor)],
    reference: ({ pixels, weight }) => [reference.patchify(pixels, weight, sizes)],
    gradient: ({ pixels, weight }, dy) => reference.patchifyGradient(pixels, weight, dy, sizes),
    tolerance: { atol: 2e-6 * Math.sqrt(elements), rtol: 1e-6, why: why(elements) },
    gradientTolerance: { atol: 2e-6 * Math.sqrt(longest), rtol: 1e-6, why: why(longest) },
    cost: (type) => cost({ patches, elements, width }, type),
    gradientCost: (type) => gradientCost({ patches, elements, width }, wrt, type),
  };
}

export const room: Room = {
  name: 'patchify',
  kernels,
  cases: [
    patchifyCase('several tiles and splits of patches', { frames: 32, side: 4, p: 4, width: 20 }),
    patchifyCase('a last tile that is not full', { frames: 3, side: 4, p: 4, width: 68 }),
    patchifyCase('odd patches and width, read one by one', { frames: 2, side: 5, p: 3, width: 5 }),
    patchifyCase('one frame, one column', { frames: 1, side: 5, p: 3, width: 1 }, ['weight']),
  ],
  workloads: [
    workload('tiny, 16 clips: 128 frames, patches of 8',
      (name) => patchifyCase(name, { frames: 128, side: 4, p: 8, width: 64 }, ['weight'])),
    workload('B/32: 8 frames, patches of 32',
      (name) => patchifyCase(name, { frames: 8, side: 7, p: 32, width: 768 }, ['weight'])),
    workload('B/16: 8 frames, patches of 16',
      (name) => patchifyCase(name, { frames: 8, side: 14, p: 16, width: 768 }, ['weight'])),
  ],
};
