import { sizeOf, type Tensor } from '../../engine/index.ts';
import type { Case, Input, Room } from '../shared/room.ts';
import { mapped, normal, wide } from '../shared/sample.ts';
import { workload } from '../shared/workload.ts';
import { cost, kernels, pack, packedLike, unpack } from './index.ts';
import * as reference from './reference.ts';

/** Packed, and unpacked again. */
function wireCase(name: string, x: Input): Case {
  return {
    name,
    inputs: { x: wide(x) },
    wrt: [],
    run: ({ x }) => {
      using packed = packedLike(x as Tensor);
      pack(x as Tensor, packed);
      const y = (x as Tensor).like();
      unpack(packed, y);
      return [y];
    },
    reference: ({ x }) => [reference.wire(x)],
    tolerance: { atol: 0, rtol: 0, why: 'rounded once, to the nearest, ties to even' },
    cost: () => cost(sizeOf(x.shape)),
  };
}

const spread = normal('spread', [5 * 1024]);
/** Each number times a power of two of its own, from 2^−45 to 1. */
let place = 0;
const binades = mapped(spread, (value) => value * 2 ** -(place++ % 46));

export const room: Room = {
  name: 'wire',
  kernels,
  cases: [
    wireCase('normal numbers, one block', normal('one', [1024])),
    wireCase('numbers down to what is nothing beside the largest', binades),
    wireCase('halves between two f16: ties', { shape: [1024],
      data: Float32Array.from({ length: 1024 }, (_, i) => (i === 0 ? 1 : (1 + (2 * i + 1) / 2048) / 1024)) }),
    wireCase('tiny ones, which become 0', { shape: [2048],
      data: Float32Array.from({ length: 2048 }, (_, i) => (i < 1024 ? (i + 1) * 2 ** -118 : (i - 1500) * 2 ** -100)) }),
    wireCase('huge ones', { shape: [1024], data: Float32Array.from({ length: 1024 }, (_, i) => (i - 512) * 2 ** 117) }),
    wireCase('all zero', { shape: [1024], data: new Float32Array(1024) }),
  ],
  workloads: [
    workload('tiny: 0.4 M gradients', (name) => wireCase(name, normal('x', [400 * 1024]))),
    workload('10 M gradients', (name) => wireCase(name, normal('x', [10_000 * 1024]))),
  ],
};
