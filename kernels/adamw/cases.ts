import { copy, Tensor } from '../../engine/index.ts';
import type { Case, Input, Room } from '../shared/room.ts';
import { together } from '../shared/cost.ts';
import { normal, wide } from '../shared/sample.ts';
import { CONTROL, MEASURED, STATE } from '../shared/step_control.ts';
import { largeWorkload, workload } from '../shared/workload.ts';
import { adamw, adamwControl, controlSettings, type ControlSettings, type Hyper, HYPER_COLUMNS, hyperRow, kernels,
  TILE } from './index.ts';
import { cost } from './cost.ts';
import * as reference from './reference.ts';

const SCALING = { growth: 2, backoff: 0.5, interval: 2000 };

interface Options {
  readonly maxNorm?: number;
  readonly lossScale?: number;
  readonly notFinite?: boolean;
  readonly gradientStd?: number;
  /** Row of `hyper` for each tile; the first of two rows if omitted. */
  readonly groups?: readonly number[];
  /** With a shadow of f16, the fourth output. */
  readonly shadowed?: boolean;
}

/**
 * Several steps with the same gradients, so that moments and corrections move. Group 1 learns at ten times the rate,
 * without decay.
 */
function adamwCase(name: string, n: number, hyper: Hyper, steps: number, options: Options = {}): Case {
  const { maxNorm = 0, lossScale = 1, notFinite = false, gradientStd = 1, groups, shadowed = false } = options;
  const tiles = Math.ceil(n / TILE);
  const groupOfTile = groups ?? Array.from({ length: tiles }, () => 0);
  const rows = [hyper, { ...hyper, lr: 10 * hyper.lr, weightDecay: 0 }];
  const settings: ControlSettings = { ...SCALING, ...hyper, maxNorm };
  return {
    name,
    inputs: { values: wide(normal('values', [n])), grads: wide(normal('grads', [n], { std: gradientStd })) },
    wrt: [],
    run: (t) => {
      const [values, grads] = [t.values as Tensor, t.grads as Tensor];
      const { gpu } = values;
      return gpu.scope(() => {
        const [m, v] = [Tensor.zeros(gpu, [n], 'm'), Tensor.zeros(gpu, [n], 'v')];
        const updated = values.like();
        copy(values, updated); // inputs stay as they are
        const shadow = shadowed ? Tensor.empty(gpu, [n], 'f16', 'shadow') : undefined;
        if (shadow !== undefined) copy(values, shadow);
        const fixed = {
          shadow,
          hyper: Tensor.from(gpu, Float32Array.from(rows.flatMap((row) => [...hyperRow(row)])), [2, HYPER_COLUMNS],
            'hyper'),
          groupOfTile: Tensor.from(gpu, Uint32Array.from(groupOfTile), [tiles], 'groups'),
        };
        const measured = Tensor.from(gpu, MEASURED.pack({ norm: lossScale * NORM, not_finite: notFinite ? 1 : 0 }),
          undefined, 'measured');
        const state = Tensor.from(gpu, new Uint32Array(STATE.words), undefined, 'state');
        const scale = Tensor.from(gpu, Float32Array.of(lossScale), [], 'scale');
        const constants = Tensor.from(gpu, controlSettings(settings), undefined, 'settings');
        for (let step = 1; step <= steps; step++) {
          const control = adamwControl({ measured, settings: constants, state, scale });
          adamw({ values: updated, grads, m, v, ...fixed, control });
        }
        return shadow === undefined ? [updated, m, v] : [updated, m, v, shadow];
      });
    },
    reference: ({ values, grads }) => {
      const factor = (maxNorm > 0 ? Math.min(1, maxNorm / (NORM + 1e-6)) : 1) / lossScale;
      let state: reference.State = { values, m: new Float64Array(n), v: new Float64Array(n) };
      const hyperOf = (i: number) => rows[groupOfTile[Math.floor(i / TILE)]];
      if (!notFinite) {
        for (let step = 1; step <= steps; step++) state = reference.adamw(state, grads, hyperOf, step, factor);
      }
      return shadowed ? [state.values, state.m, state.v, state.values] : [state.values, state.m, state.v];
    },
    tolerance: { atol: (groups === undefined ? 1e-6 : 1e-5) * hyper.lr * steps, rtol: 4e-7 * Math.sqrt(steps) + 1e-6,
      why: 'a few roundings in each step, of values that may cross 0' },
    cost: () => together(...Array.from({ length: steps }, () => cost(n, { shadowed }))),
    skip: (gpu) => (shadowed && !gpu.features.has('shader-f16') ? 'no shader-f16' : undefined),
  };
}

/**
 * One step in place over parameters of a model, all of them in memory before it: moments and weights drift from run
 * to run.
 */
function updateCase(name: string, n: number): Case {
  const tiles = Math.ceil(n / TILE);
  const zeros: Input = { shape: [n], data: new Float32Array(n), isWide: true };
  return {
    name,
    inputs: {
      values: wide(normal('values', [n])),
      grads: wide(normal('grads', [n])),
      m: zeros,
      v: zeros,
      hyper: { shape: [1, HYPER_COLUMNS], data: hyperRow(usual), isWide: true },
      groupOfTile: { shape: [tiles], data: new Uint32Array(tiles) },
      control: { shape: [CONTROL.words], data: CONTROL.pack(firstStep), isWide: true },
    },
    wrt: [],
    run: (t) => {
      const { values, grads, m, v, hyper, control } = t as Record<string, Tensor>;
      adamw({ values, grads, m, v, hyper, groupOfTile: t.groupOfTile as Tensor<'u32'>, control });
      return [values.alias(values.shape)];
    },
    reference: (t) => [reference.adamw({ values: t.values, m: t.m, v: t.v }, t.grads, () => usual, 1, 1).values],
    tolerance: { atol: 1e-6 * usual.lr, rtol: 2e-6, why: 'a few roundings' },
    cost: () => cost(n),
  };
}

/** What the cases take for the norm of their gradients. */
const NORM = 4;

const usual: Hyper = { lr: 1e-3, beta1: 0.9, beta2: 0.98, eps: 1e-8, weightDecay: 1e-3 };

/** What is decided about a first step that is neither scaled nor clipped. */
const firstStep = {
  norm: NORM,
  factor: 1,
  skips: 0,
  loss_scale: 1,
  correction1: 1 - usual.beta1,
  correction2: 1 - usual.beta2,
  skipped_in_a_row: 0,
  step: 1,
};

export const room: Room = {
  name: 'adamw',
  kernels,
  cases: [
    adamwCase('an odd length, five steps', 1001, usual, 5),
    adamwCase('vectors of four, strong decay, ten steps', 2048, { lr: 1e-2, beta1: 0.9, beta2: 0.999, eps: 1e-8,
      weightDecay: 0.1 }, 10),
    adamwCase('tiles of two groups, the last one partial', 5 * TILE + 20, usual, 2, { groups: [0, 1, 1, 0, 1, 0] }),
    adamwCase('tiles of two groups, an odd length', 2 * TILE + 7, usual, 1, { groups: [1, 0, 1] }),
    adamwCase('clipped gradients of a scaled loss', 33, usual, 2, { maxNorm: 1, lossScale: 1024 }),
    adamwCase('gradients so small that eps decides', 64, usual, 2, { gradientStd: 1e-9 }),
    adamwCase('a step that is skipped', 37, usual, 1, { notFinite: true }),
    adamwCase('a shadow of f16, in vectors', 1084, usual, 3, { shadowed: true }),
    adamwCase('a shadow of f16, an odd length', 33, usual, 3, { shadowed: true }),
    adamwCase('a shadow of f16 in a step that is skipped', 36, usual, 1, { shadowed: true, notFinite: true }),
  ],
  workloads: [
    workload('tiny: 0.4 M parameters', (name) => updateCase(name, 400_000)),
    workload('10 M parameters', (name) => updateCase(name, 10_000_000)),
    largeWorkload('50 M parameters', (name) => updateCase(name, 50_000_000)),
  ],
};
