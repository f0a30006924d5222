import { Tensor } from '../../engine/index.ts';
import type { Case, Room } from '../shared/room.ts';
import { normal } from '../shared/sample.ts';
import { adamw, cost, type Hyper, hyperRow, kernels } from './index.ts';
import * as reference from './reference.ts';

/** Several steps with the same gradients, so that moments and corrections move. */
function adamwCase(name: string, n: number, hyper: Hyper, steps: number, { factor = 1, notFinite = false, gradientStd = 1 } = {}): Case {
  return {
    name,
    inputs: { values: { ...normal('values', [n]), isWide: true }, grads: { ...normal('grads', [n], { std: gradientStd }), isWide: true } },
    wrt: [],
    run: (t) => {
      const [values, grads] = [t.values as Tensor, t.grads as Tensor];
      const { gpu } = values;
      return gpu.scope(() => {
        const [m, v] = [Tensor.zeros(gpu, [n], 'm'), Tensor.zeros(gpu, [n], 'v')];
        const control = Tensor.from(gpu, Float32Array.of(1, factor, notFinite ? 1 : 0, 0), [4], 'control');
        const updated = values.like();
        gpu.copy(values, updated); // inputs stay as they are
        for (let step = 1; step <= steps; step++) {
          // row 1 of 2: the first row must not be read
          const rows = Float32Array.of(...hyperRow({ ...hyper, lr: 7 }, 1), ...hyperRow(hyper, step));
          adamw({ values: updated, grads, m, v, hyper: Tensor.from(gpu, rows, [2, 8], 'hyper'), group: 1, control });
        }
        return [updated, m, v];
      });
    },
    reference: ({ values, grads }) => {
      let state: reference.State = { values, m: new Float64Array(n), v: new Float64Array(n) };
      if (!notFinite) for (let step = 1; step <= steps; step++) state = reference.adamw(state, grads, hyper, step, factor);
      return [state.values, state.m, state.v];
    },
    tolerance: { atol: 1e-6 * hyper.lr * steps, rtol: 4e-7 * Math.sqrt(steps) + 1e-6, why: 'a few roundings in each step, of values that may cross 0' },
    cost: cost(n),
  };
}

const usual: Hyper = { lr: 1e-3, beta1: 0.9, beta2: 0.98, eps: 1e-8, weightDecay: 1e-3 };

export const room: Room = {
  name: 'adamw',
  kernels,
  cases: [
    adamwCase('an odd length, five steps', 1001, usual, 5),
    adamwCase('packs of four, strong decay, ten steps', 2048, { lr: 1e-2, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.1 }, 10),
    adamwCase('clipped gradients', 33, usual, 2, { factor: 0.25 }),
    adamwCase('gradients so small that eps decides', 64, usual, 2, { gradientStd: 1e-9 }),
    adamwCase('a step that is skipped', 37, usual, 1, { notFinite: true }),
  ],
};
