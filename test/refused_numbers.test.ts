/** Numbers beside operands: on either side of each bound of what an operation takes. On a device that runs nothing. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { FirstlightError, Tensor } from '../engine/index.ts';
import { attention, crossAttention, selfAttention } from '../kernels/attention/index.ts';
import { blendTargets, MIX } from '../kernels/blend/index.ts';
import { convolution } from '../kernels/convolution/index.ts';
import { crossEntropyWithLabels } from '../kernels/cross_entropy/index.ts';
import { dropPath } from '../kernels/dropout/index.ts';
import { patchify } from '../kernels/patchify/index.ts';
import { maxPool } from '../kernels/pool/index.ts';
import { concat, slice } from '../kernels/rearrange/index.ts';
import { temporalShift } from '../kernels/temporal_shift/index.ts';
import { nullGpu } from './null_gpu.ts';

const gpu = await nullGpu();
const zeros = (...shape: number[]) => Tensor.empty(gpu, shape, 'f32', 'x');
const whole = (...shape: number[]) => Tensor.empty(gpu, shape, 'u32', 'u');

/** Numbers that an operation takes, and ones that it refuses. */
const numbers: readonly {
  readonly what: string;
  readonly taken: readonly number[];
  readonly refused: readonly number[];
  readonly run: (value: number) => unknown;
}[] = [
  {
    what: 'a part of labels that is spread, in [0, 1)',
    taken: [0, 0.99],
    refused: [1, -0.01, Number.NaN],
    run: (smoothing) => crossEntropyWithLabels(zeros(3, 5), whole(3), smoothing),
  },
  {
    what: 'a number of classes, 1 or more',
    taken: [1, 7],
    refused: [0, 1.5, 2 ** 53, Number.NaN],
    run: (classes) => blendTargets(whole(3), whole(3), zeros(MIX.words), { classes, smoothing: 0 }),
  },
  {
    what: 'one part in so many of the channels, 2 or more',
    taken: [2, 9],
    refused: [1, 2.5, Number.NaN],
    run: (divisor) => temporalShift(zeros(6, 8), { frames: 3, divisor }),
  },
  {
    what: 'frames of a clip, so that clips are whole',
    taken: [1, 2, 6],
    refused: [0, -1, 1.5, 4, 12, Number.NaN],
    run: (frames) => temporalShift(zeros(6, 8), { frames }),
  },
  {
    what: 'a dimension of paths, from the front',
    taken: [0, 1],
    refused: [-1, 2, 0.5],
    run: (dim) => dropPath(zeros(3, 4), 0.5, { state: whole(4), layer: 0 }, dim),
  },
  {
    what: 'tokens that ask, from one to all',
    taken: [1, 5],
    refused: [0, 6, 1.5, Number.NaN],
    run: (queries) => selfAttention(zeros(2, 5, 24), 2, { queries }),
  },
  {
    what: 'heads that share a width',
    taken: [1, 2, 8],
    refused: [0, 3, -2, 1.6, 16],
    run: (heads) => crossAttention(zeros(2, 3, 8), zeros(2, 5, 8), zeros(2, 5, 8), heads),
  },
  {
    what: 'the width of a head, 256 at most',
    taken: [256],
    refused: [257],
    run: (width) => attention(zeros(1, 1, 2, width), zeros(1, 1, 3, width), zeros(1, 1, 3, width)),
  },
  {
    what: 'the width of a packed head, 256 at most',
    taken: [256],
    refused: [257],
    run: (width) => selfAttention(zeros(1, 2, 3 * width), 1),
  },
  {
    what: 'an axis to join along',
    taken: [0, 1],
    refused: [-1, 2, 0.5],
    run: (dim) => concat([zeros(2, 3), zeros(2, 3)], dim),
  },
  {
    what: 'an axis to cut',
    taken: [0, 1],
    refused: [-1, 2, 0.5],
    run: (dim) => slice(zeros(2, 3), dim, 0, 1),
  },
  {
    what: 'where a part begins, before its end',
    taken: [0, 2],
    refused: [-1, 3, 4, 0.5],
    run: (start) => slice(zeros(2, 5), 1, start, 3),
  },
  {
    what: 'where a part ends, within its axis',
    taken: [3, 5],
    refused: [2, 1, 6, 3.5],
    run: (end) => slice(zeros(2, 5), 1, 2, end),
  },
  {
    what: 'groups that channels of both sides are cut into',
    taken: [1, 2, 6],
    refused: [0, -1, 1.5, 4, 9],
    run: (groups) => convolution(zeros(1, 3, 12), zeros(18, 1, groups > 0 ? Math.ceil(12 / groups) : 12), { groups }),
  },
  {
    what: 'the side of a patch, of which frames have whole ones',
    taken: [1, 3, 6],
    refused: [4, 5, 12],
    run: (side) => patchify(zeros(2, 3, 6, 6), zeros(5, 3, side, side)),
  },
  {
    what: 'the padding of a window, half of it at most',
    taken: [0, 1],
    refused: [2, -1, 0.5],
    run: (padding) => maxPool(zeros(1, 4, 5, 2), { kernel: 3, padding }),
  },
];

for (const { what, taken, refused, run } of numbers) {
  test(`${what}: ${taken}, and not ${refused}`, () =>
    gpu.scope(() => {
      for (const value of taken) run(value);
      for (const value of refused) {
        const { message } = assert.throwsWith(() => run(value), FirstlightError);
        assert.ok(message.includes(`${value}`), message);
      }
    }));
}

test.run();
