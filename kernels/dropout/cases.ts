import { type Shape, sizeOf, type Tensor } from '../../engine/index.ts';
import type { Case, Room } from '../shared/room.ts';
import { normal } from '../shared/sample.ts';
import { workload } from '../shared/workload.ts';
import { cost, DRAW, dropout, dropPath, gradientCost, kernels } from './index.ts';
import * as reference from './reference.ts';

const LAYER = 7;
const STATE = { shape: [DRAW.words], data: DRAW.pack({ seed_low: 0xdeadbeef, seed_high: 3, step: 41, unused: 0 }) };

function dropoutCase(name: string, shape: Shape, rate: number, dim?: number): Case {
  const [extent, inner] = dim === undefined ? [sizeOf(shape), 1] : [shape[dim], sizeOf(shape.slice(dim + 1))];
  const apply = (x: Float64Array, state: Float64Array) =>
    reference.drop(x, rate, { state, layer: LAYER }, extent, inner);
  return {
    name,
    inputs: { x: normal('dropout', shape), state: STATE },
    wrt: ['x'],
    run: (t) => {
      const draw = { state: t.state as Tensor<'u32'>, layer: LAYER };
      return [dim === undefined ? dropout(t.x as Tensor, rate, draw) : dropPath(t.x as Tensor, rate, draw, dim)];
    },
    reference: ({ x, state }) => [apply(x, state)],
    gradient: ({ state }, dy) => ({ x: apply(dy, state) }),
    tolerance: { atol: 0, rtol: 4e-7,
      why: 'one division; which elements are dropped must be the same bits as on the host' },
    cost: (type) => cost(sizeOf(shape), type),
    gradientCost: (type) => gradientCost(sizeOf(shape), type),
  };
}

export const room: Room = {
  name: 'dropout',
  kernels,
  cases: [
    dropoutCase('elements, an odd number', [97, 43], 0.3),
    dropoutCase('most elements', [600], 0.9),
    dropoutCase('whole samples', [9, 2, 5], 0.5, 0),
    dropoutCase('token positions of every sample alike', [30, 13, 11], 0.25, 1),
  ],
  workloads: [
    workload('B/32: 400 × 3072', (name) => dropoutCase(name, [400, 3072], 0.1)),
    workload('B/32: whole samples', (name) => dropoutCase(name, [8, 50, 768], 0.1, 0)),
  ],
};
