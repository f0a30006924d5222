/** What `verify` finds wrong in fixtures of operations, mixes and optimisers, and how far off they may be. */
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { FirstlightError, open } from '../engine/index.ts';
import { kindOf, verifyFixture } from '../train/verify/index.ts';
import { copied, fixtureOf, type Held, held, off } from './fixture_sample.ts';
import { LACKS } from './this_adapter.ts';

const gpu = await open();
test.after(() => gpu.close());

/** The results of a fixture; all files are closed and all memory given back, whatever comes of it. */
async function checked(json: object, tensors: Held, type: 'f32' | 'f16' = 'f32') {
  const { file, opened } = fixtureOf(json, { '': tensors });
  const { live } = gpu.pool;
  try {
    return await verifyFixture(gpu, file, kindOf(file), { type });
  } finally {
    assert.equal([opened(), gpu.pool.live], [0, live]);
  }
}

async function refused(json: object, tensors: Held, message: string | RegExp): Promise<void> {
  await assert.rejectsWith(checked(json, tensors), FirstlightError, message);
}

const range = (count: number, from = 1) => Array.from({ length: count }, (_, i) => from + i);
const largest = (values: ArrayLike<number>) => Math.max(...Array.from(values, Math.abs));

// Operations of X-CLIP

/** y = mean(x, 1) of [2, 2, 2], and its gradient: half of dout. */
const MEAN = { name: 'm', op: 'mean_dim1', noise: { out: [1e-7, 6], 'grad.x': [2e-7, 2] } };
const ofMean = (): Held => ({ 'm/in.x': held([2, 2, 2], range(8)), 'm/dout': held([2, 2], [1, 2, 3, 4]),
  'm/out': held([2, 2], [2, 3, 6, 7]), 'm/grad.x': held([2, 2, 2], [0.5, 1, 0.5, 1, 1.5, 2, 1.5, 2]) });

test('of an operation its output and each gradient is compared, each within eight times its own noise', async () => {
  const [sound] = await checked({ ops: [MEAN] }, ofMean());
  assert.equal([sound.fixture, sound.check, sound.tensors, sound.passed, sound.lacks], ['some', 'm', 2, true, []]);
  for (const [part, noise, most] of [['out', 1e-7, 6], ['grad.x', 2e-7, 2]] as const) {
    const tensors = ofMean();
    off(tensors[`m/${part}`], 1, 1);
    const [{ worst, passed }] = await checked({ ops: [MEAN] }, tensors);
    assert.equal([passed, worst], [false, { tensor: part, error: 1, tolerance: 8 * noise + 1e-6 * most }]);
  }
});

test('an operation without a gradient to begin with has none; one that reaches nothing, and a noise that is not listed, are told', async () => {
  const { 'm/dout': _, ...forward } = ofMean();
  const [alone] = await checked({ ops: [MEAN] }, forward);
  assert.equal([alone.tensors, alone.passed, alone.lacks], [1, true, ['dout']]);
  const more = { ...ofMean(), 'm/in.w': held([1], [1]), 'm/grad.w': held([1], [0]) };
  const [unreached] = await checked({ ops: [MEAN] }, more);
  assert.equal([unreached.tensors, unreached.problem], [2, 'no gradient reached w']);
  await refused({ ops: [{ ...MEAN, noise: {} }] }, ofMean(), /case "m" has no noise for "out"$/);
  await refused({ ops: [{ ...MEAN, op: 'softmax', name: 'n' }] }, ofMean(), /case "n" has no input "x"$/);
  await refused({ ops: [{ ...MEAN, op: 'toString' }] }, ofMean(), /case "m" has the unknown operation "toString"$/);
});

// Operations of networks

const goldens = (...cases: object[]) => ({ kind: 'op goldens',
  cases: cases.map((item, i) => ({ case: `c${i}`, f32_vs_f64_max_rel: 1e-3, ...item })) });

/** A case that moves numbers of x about: out[i] = x[from[i]], 0 where that is nowhere; its gradient goes back. */
function moved(place: number, shape: readonly number[], outShape: readonly number[], from: readonly number[]): Held {
  const count = shape.reduce((a, b) => a * b);
  const cotangent = range(from.length, 3);
  const grad = new Array<number>(count).fill(0);
  from.forEach((at, i) => at >= 0 && (grad[at] += cotangent[i]));
  return { [`c${place}/in.x`]: held(shape, range(count)), [`c${place}/cotangent`]: held(outShape, cotangent),
    [`c${place}/out`]: held(outShape, from.map((at) => (at < 0 ? 0 : at + 1))),
    [`c${place}/grad.x`]: held(shape, grad) };
}

test('rolls go around either end and by more than an axis, and zeros are put before and behind, last axis first', async () => {
  const x = [1, 2, 3, 1];
  const cases = [
    { kind: 'roll', shifts: 1, dims: -2 },
    { kind: 'roll', shifts: [-4, 3], dims: [2, 1] }, // by 3 − 4 of three columns, and by 3 = 1 of two rows
    { kind: 'roll', shifts: [3, -6, 1], dims: [2, 2, 1] }, // of columns nothing moves
    { kind: 'pad', pad: [0, 0, 1, 2, 1, 0] },
  ];
  const tensors = { ...moved(0, x, x, [2, 0, 1, 5, 3, 4]), ...moved(1, x, x, [4, 5, 3, 1, 2, 0]),
    ...moved(2, x, x, [3, 4, 5, 0, 1, 2]),
    ...moved(3, x, [1, 3, 6, 1], [-1, -1, -1, -1, -1, -1, -1, 0, 1, 2, -1, -1, -1, 3, 4, 5, -1, -1]) };
  const results = await checked(goldens(...cases), tensors);
  assert.equal(results.map(({ passed, tensors: count, problem }) => [passed, count, problem]),
    cases.map(() => [true, 2, undefined]));
});

test('of an operation of a network what is made beside the output is compared too, each within 20 times its share', async () => {
  const { json, parts: { '': tensors } } = await copied('systems/op_batchnorm2d', '');
  const cases = (json.cases as { case: string; f32_vs_f64_max_rel: number }[]).slice(0, 2);
  const parts = ['out', 'out.running_mean', 'out.running_var', 'grad.x', 'grad.w', 'grad.b'];
  for (const part of parts) {
    const wrong = Object.fromEntries(
      Object.entries(tensors).map(([name, { shape, values }]) => [name, held(shape, [...values])]),
    );
    for (const { case: name } of cases) off(wrong[`${name}/${part}`], 100);
    const results = await checked({ ...json, cases }, wrong);
    assert.equal(results.map(({ worst, passed }) => [worst?.tensor, worst?.tolerance, passed]), cases.map((
      { case: name, f32_vs_f64_max_rel: relative },
    ) => [part, 20 * relative * largest(wrong[`${name}/${part}`].values), false]));
  }
  const unused = { ...moved(0, [1, 1, 1, 2], [1, 1, 1, 2], [0, 1]), 'c0/in.w': held([1], [1]),
    'c0/grad.w': held([1], [0]) };
  assert.is((await checked(goldens({ kind: 'relu' }), unused))[0].problem, 'no gradient reached w');
});

testIf(gpu.features.has('shader-f16'), LACKS.f16)(
  'in f16 the gradient of a maximum is not compared, and that is told',
  async () => {
    const tensors = moved(0, [1, 1, 2, 2], [1, 1, 1, 1], [3]);
    const most = goldens({ kind: 'max', kernel_size: 2 });
    assert.equal((await checked(most, tensors))[0].tensors, 2);
    const [half] = await checked(most, tensors, 'f16');
    assert.equal([half.tensors, half.passed, half.lacks], [1, true, [
      'gradient in f16, where other numbers are the largest',
    ]]);
  },
);

// Templates

test('each mean over templates is compared, within a millionth times the scale of cosines', async () => {
  for (const [part, name] of [['out.per_template_logits', 'per_template_logits'], ['out', 'softmax'], [
    'out.mean_logits',
    'mean_logits',
  ], ['out.mean_embedding_logits', 'mean_embedding_logits']]) {
    const { json, parts: { '': tensors } } = await copied('systems/op_prompt_ensemble', '');
    off(tensors[`p1/${part}`], 1);
    const results = await checked(json, tensors);
    assert.equal(results.map(({ passed }) => passed), [true, false]);
    assert.equal([results[1].worst?.tensor, results[1].worst?.tolerance], [name, 1e-6 * 5]);
  }
});

// Mixes

const blending = (...cases: object[]) => ({ reference: 'VideoX datasets/blending.py',
  cases: cases.map((item, i) => ({ case: i, smoothing: 0, num_classes: 3, perm: [1, 0], ...item })) });
/** Two clips of one frame of 2 × 4, the first all 1 and the second all 2. */
const CLIPS = held([2, 1, 3, 2, 4], Array.from({ length: 48 }, (_, i) => (i < 24 ? 1 : 2)));
const mixed = (place: number, out: readonly number[], target: readonly number[], labels = [0, 2]): Held => ({
  [`${place}.x`]: CLIPS,
  [`${place}.labels`]: held([labels.length], Int32Array.from(labels)),
  [`${place}.x_out`]: held([2, 1, 3, 2, 4], out),
  [`${place}.target_out`]: held([2, 3], target),
});
const QUARTER = mixed(0, Array.from({ length: 48 }, (_, i) => (i < 24 ? 1.75 : 1.25)), [0.25, 0, 0.75, 0.75, 0, 0.25]);
/** Columns 0 and 1 of row 0 are the other's: a quarter of the picture. */
const BOX = mixed(0, Array.from({ length: 48 }, (_, i) => (i < 24) === (i % 8 < 2) ? 2 : 1), [0.75, 0, 0.25, 0.25, 0,
  0.75]);
const MIXUP = { kind: 'mixup', lam: 0.25 };
const CUTMIX = { kind: 'cutmix', bbox_x1y1x2y2: [0, 0, 2, 1], lam_used: 0.75 };

test('mixed clips, their labels, and the share that a box leaves are compared', async () => {
  assert.equal((await checked(blending(MIXUP), QUARTER)).map(({ check, tensors, passed }) => [check, tensors, passed]),
    [['case 0, mixup', 2, true]]);
  assert.equal((await checked(blending(CUTMIX), BOX)).map(({ check, tensors, passed }) => [check, tensors, passed]), [[
    'case 0, cutmix',
    3,
    true,
  ]]);
  for (const [part, name, tolerance] of [['x_out', 'x_out', 2e-6], ['target_out', 'target_out', 1e-6]] as const) {
    const wrong = { ...BOX, [`0.${part}`]: held(BOX[`0.${part}`].shape, [...BOX[`0.${part}`].values]) };
    off(wrong[`0.${part}`], 1);
    const [{ worst, passed }] = await checked(blending(CUTMIX), wrong);
    assert.equal([passed, worst?.tensor, worst?.tolerance], [false, name, tolerance]);
  }
  const [{ worst }] = await checked(blending({ ...CUTMIX, lam_used: 0.5 }), BOX);
  assert.equal([worst?.tensor, worst?.error, worst?.tolerance], ['lam', 0.25, 1e-6]);
});

test('a mix whose clips, labels and partners are not of one batch, or that is neither kind, is refused', async () => {
  const batch = /case 0: clips, labels and perm are not of one batch of 3 classes$/;
  for (const labels of [[0, 3], [-1, 0], [0], [0, 1, 2]]) {
    await refused(blending(MIXUP), { ...QUARTER,
      ...mixed(0, [...QUARTER['0.x_out'].values], [0, 0, 0, 0, 0, 0], labels) }, batch);
  }
  await refused(blending({ ...MIXUP, perm: [0, 1, 2] }), QUARTER, batch);
  await refused(blending({ ...MIXUP, perm: [0] }), QUARTER, batch);
  await refused(blending({ ...MIXUP, perm: [0, 2] }), QUARTER, /a place beyond the batch/);
  for (const item of [{ kind: 'mixup' }, { kind: 'cutmix' }, { ...CUTMIX, kind: 'mixup' }, { ...MIXUP, kind: 'cutmix' },
    { ...MIXUP, kind: 'none' }]) {
    await refused(blending(item), QUARTER,
      /case 0 is neither mixup with lam nor cutmix with bbox: "(mixup|cutmix|none)"$/);
  }
});

// Optimisers

test('of a trajectory each step and both moments are compared, within the error of the reference and a millionth', async () => {
  const { json, parts: { '': tensors } } = await copied('xclip/adamw', '');
  const [first] = json.cases as { n: number; steps: number; lrs: number[]; max_err_vs_f64: number }[];
  const run = async (name: string, at: number) => {
    const wrong = { ...tensors, [`0.${name}`]: held(tensors[`0.${name}`].shape, [...tensors[`0.${name}`].values]) };
    off(wrong[`0.${name}`], 9, at);
    const [{ worst, passed, check }] = await checked({ cases: [first] }, wrong);
    assert.equal([passed, check], [false, 'trajectory 0, 5 steps']);
    const all = wrong[`0.${name}`].values;
    const own = name === 'p_after' ? all.subarray(at - at % first.n, at - at % first.n + first.n) : all;
    assert.is(worst?.tolerance, 8 * first.max_err_vs_f64 + 1e-6 * largest(own));
    return worst?.tensor;
  };
  assert.equal([await run('p_after', 0), await run('p_after', 2 * first.n - 1), await run('p_after', 5 * first.n - 1),
    await run('exp_avg', 3), await run('exp_avg_sq', 4)], ['p after step 1', 'p after step 2', 'p after step 5',
    'exp_avg', 'exp_avg_sq']);
  await refused({ cases: [{ ...first, lrs: first.lrs.slice(1) }] }, tensors, /fewer rates than steps/);
});

test.run();
