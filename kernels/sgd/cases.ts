import { copy, Tensor } from '../../engine/index.ts';
import { TILE } from '../shared/arena_update.ts';
import { together } from '../shared/cost.ts';
import type { Case, Input, Room } from '../shared/room.ts';
import { normal, wide } from '../shared/sample.ts';
import { CONTROL, MEASURED, STATE, stepControl, stepSettings } from '../shared/step_control.ts';
import { largeWorkload, workload } from '../shared/workload.ts';
import { kernels, sgd, SGD_COLUMNS, type SGDHyper, sgdRow } from './index.ts';
import { cost } from './cost.ts';
import * as reference from './reference.ts';

/** What the cases take for the norm of their gradients. */
const NORM = 4;
/** What is decided about a first step that is neither scaled nor clipped. */
const firstStep = { norm: NORM, factor: 1, skips: 0, loss_scale: 1, correction1: 1, correction2: 1, skipped_in_a_row: 0,
  step: 1 };

interface Options {
  readonly maxNorm?: number;
  readonly lossScale?: number;
  readonly notFinite?: boolean;
  /** Row of `hyper` for each tile; the first of two rows if omitted. */
  readonly groups?: readonly number[];
  /** With a shadow of f16, the last output. */
  readonly shadowed?: boolean;
}

/**
 * Several steps with the same gradients. Group 1 learns at ten times the rate, without decay, and looks ahead if
 * group 0 does not.
 */
function sgdCase(name: string, n: number, hyper: SGDHyper, steps: number, options: Options = {}): Case {
  const { maxNorm = 0, lossScale = 1, notFinite = false, groups, shadowed = false } = options;
  const tiles = Math.ceil(n / TILE);
  const groupOfTile = groups ?? Array.from({ length: tiles }, () => 0);
  const rows = [hyper, { ...hyper, lr: 10 * hyper.lr, weightDecay: 0, nesterov: !hyper.nesterov }];
  const settings = stepSettings('SGD', { growth: 2, backoff: 0.5, interval: 2000, beta1: 0, beta2: 0, maxNorm });
  const hasMomentum = hyper.momentum !== 0;
  return {
    name,
    inputs: { values: wide(normal('values', [n])), grads: wide(normal('grads', [n])) },
    wrt: [],
    run: (t) => {
      const [values, grads] = [t.values as Tensor, t.grads as Tensor];
      const { gpu } = values;
      return gpu.scope(() => {
        const momentum = hasMomentum ? Tensor.zeros(gpu, [n], 'momentum') : undefined;
        const updated = values.like();
        copy(values, updated); // inputs stay as they are
        const shadow = shadowed ? Tensor.empty(gpu, [n], 'f16', 'shadow') : undefined;
        if (shadow !== undefined) copy(values, shadow);
        const fixed = {
          hyper: Tensor.from(gpu, Float32Array.from(rows.flatMap((row) => [...sgdRow(row)])), [2, SGD_COLUMNS],
            'hyper'),
          groupOfTile: Tensor.from(gpu, Uint32Array.from(groupOfTile), [tiles], 'groups'),
        };
        const measured = Tensor.from(gpu, MEASURED.pack({ norm: lossScale * NORM, not_finite: notFinite ? 1 : 0 }),
          undefined, 'measured');
        const state = Tensor.from(gpu, new Uint32Array(STATE.words), undefined, 'state');
        const scale = Tensor.from(gpu, Float32Array.of(lossScale), [], 'scale');
        const constants = Tensor.from(gpu, settings, undefined, 'settings');
        for (let step = 1; step <= steps; step++) {
          const control = stepControl({ measured, settings: constants, state, scale });
          sgd({ values: updated, grads, momentum, shadow, ...fixed, control });
        }
        return [updated, ...(momentum === undefined ? [] : [momentum]), ...(shadow === undefined ? [] : [shadow])];
      });
    },
    reference: ({ values, grads }) => {
      const factor = (maxNorm > 0 ? Math.min(1, maxNorm / (NORM + 1e-6)) : 1) / lossScale;
      let state: reference.State = { values, momentum: new Float64Array(n) };
      const hyperOf = (i: number) => rows[groupOfTile[Math.floor(i / TILE)]];
      if (!notFinite) {
        for (let step = 1; step <= steps; step++) {
          state = reference.sgd(state, grads, hyperOf, factor);
        }
      }
      return [state.values, ...(hasMomentum ? [state.momentum] : []), ...(shadowed ? [state.values] : [])];
    },
    tolerance: { atol: 4e-7 * steps, rtol: 4e-7 * steps,
      why: 'a few roundings in each step, of values of about 1 that may cross 0' },
    cost: () => together(...Array.from({ length: steps }, () => cost(n, { hasMomentum, shadowed }))),
    skip: (gpu) => (shadowed && !gpu.features.has('shader-f16') ? 'no shader-f16' : undefined),
  };
}

/**
 * One step in place over parameters of a model, all of them in memory before it: what is gathered drifts from run to
 * run.
 */
function updateCase(name: string, n: number, hyper: SGDHyper): Case {
  const tiles = Math.ceil(n / TILE);
  const hasMomentum = hyper.momentum !== 0;
  const gathered: Input = { shape: [n], data: new Float32Array(n), isWide: true };
  return {
    name,
    inputs: {
      values: wide(normal('values', [n])),
      grads: wide(normal('grads', [n])),
      ...(hasMomentum && { momentum: gathered }),
      hyper: { shape: [1, SGD_COLUMNS], data: sgdRow(hyper), isWide: true },
      groupOfTile: { shape: [tiles], data: new Uint32Array(tiles) },
      control: { shape: [CONTROL.words], data: CONTROL.pack(firstStep), isWide: true },
    },
    wrt: [],
    run: (t) => {
      const { values, grads, momentum, hyper, control } = t as Record<string, Tensor>;
      sgd({ values, grads, momentum, hyper, groupOfTile: t.groupOfTile as Tensor<'u32'>, control });
      return [values.alias(values.shape)];
    },
    reference: (
      t,
    ) => [reference.sgd({ values: t.values, momentum: new Float64Array(n) }, t.grads, () => hyper, 1).values],
    tolerance: { atol: 1e-6, rtol: 1e-6, why: 'a few roundings' },
    cost: () => cost(n, { hasMomentum }),
  };
}

const usual: SGDHyper = { lr: 0.01, momentum: 0.9, weightDecay: 1e-3, nesterov: false };
const plain: SGDHyper = { ...usual, momentum: 0 };

export const room: Room = {
  name: 'sgd',
  kernels,
  cases: [
    sgdCase('momentum, an odd length, five steps', 1001, usual, 5),
    sgdCase('Nesterov’s momentum in vectors, strong decay, ten steps', 2048, { lr: 0.1, momentum: 0.5, weightDecay: 0.1,
      nesterov: true }, 10),
    sgdCase('no momentum, two groups of which the last tile is partial', 4 * TILE + 20, plain, 3, {
      groups: [0, 1, 1, 0, 1],
    }),
    sgdCase('no momentum, an odd length', 33, plain, 3),
    sgdCase('momentum in tiles of two groups, of which one looks ahead', 2 * TILE + 7, usual, 3, { groups: [1, 0, 1] }),
    sgdCase('clipped gradients of a scaled loss', 33, usual, 2, { maxNorm: 1, lossScale: 1024 }),
    sgdCase('a step that is skipped', 37, usual, 1, { notFinite: true }),
    sgdCase('momentum and a shadow of f16, in vectors', 1084, usual, 3, { shadowed: true }),
    sgdCase('a shadow of f16 without momentum, an odd length', 33, plain, 3, { shadowed: true }),
    sgdCase('a shadow of f16 in a step that is skipped', 36, usual, 1, { shadowed: true, notFinite: true }),
  ],
  workloads: [
    workload('10 M parameters', (name) => updateCase(name, 10_000_000, plain)),
    workload('10 M parameters, momentum', (name) => updateCase(name, 10_000_000, usual)),
    largeWorkload('50 M parameters, momentum', (name) => updateCase(name, 50_000_000, usual)),
  ],
};
