import { test } from './test.ts';
import * as assert from './assert.ts';
import { Candidates, classOf, parseTunings, type Tuning } from '../engine/candidates.ts';
import { backward, type Gpu, Kernel, type Machine, open, Tensor } from '../engine/index.ts';
import { linear } from '../kernels/matmul/index.ts';

const MACHINE: Machine = { adapter: 'an adapter', driver: '1.0', dawn: 'webgpu 1' };
const KERNEL = { name: 'product', fingerprint: '1234abcd' };
const [WIDE, NARROW, PLAIN] = [
  { variant: 'tiled', sizes: { rows: 64 } },
  { variant: 'tiled', sizes: { rows: 32 } },
  { variant: 'naive', sizes: {} },
];
const CANDIDATES = [WIDE, NARROW, PLAIN];

function tuningOf(candidates: Readonly<Record<string, unknown>>, source = KERNEL.fingerprint): Tuning {
  return parseTunings(JSON.stringify([{ ...MACHINE, kernels: { product: { source, candidates } } }]), 'a.json')[0];
}

/** What `work` wrote to the console as warnings. */
function warningsOf(work: () => void): string[] {
  const { warn } = console;
  const said: string[] = [];
  console.warn = (text: string) => void said.push(text);
  try {
    work();
  } finally {
    console.warn = warn;
  }
  return said;
}

test('calls of like size are one class', () => {
  assert.is(classOf({ rows: 300, inner: 768, transposeA: false, transposeB: true }),
    'rows 512, inner 1024, transposeB');
  assert.is(classOf({ rows: 512, inner: 1024, transposeA: false, transposeB: true }),
    'rows 512, inner 1024, transposeB');
  assert.is(classOf({}), 'all');
});

test('the first candidate is taken, unless a tuning knows better for this class, unless something is preferred', () => {
  const candidates = new Candidates(MACHINE, tuningOf({ 'rows 4': { ...NARROW, gain: 1.2 } }));
  const pick = (rows: number) => candidates.choose(KERNEL, CANDIDATES, { rows });
  assert.is(pick(8), WIDE);
  assert.is(pick(3), NARROW);
  candidates.prefer('product', PLAIN);
  assert.equal([pick(3), pick(8)], [PLAIN, PLAIN]);
  candidates.prefer('product', WIDE, 'rows 4');
  assert.equal([pick(3), pick(8)], [WIDE, PLAIN]);
  candidates.clear();
  assert.equal([pick(3), pick(8)], [NARROW, WIDE]);
  assert.is(JSON.stringify(candidates.used), '{"product: rows 4":"tiled, rows 32","product: rows 8":"tiled, rows 64"}',
    'in the order of their names');
  assert.equal([candidates.stale, candidates.asked.length], [[], 2]);
  candidates.forget();
  assert.equal([candidates.asked, candidates.used], [[], {}]);
});

test('a chosen of another source, or one that is no candidate any more, is passed over and said once', () => {
  const old = { 'rows 4': { ...NARROW, gain: 1.2 }, 'rows 8': { ...NARROW, gain: 1.2 } };
  const gone = [{ variant: 'tiled', sizes: { rows: 16 } }, { variant: 'tiled', sizes: { rows: 64, columns: 1 } }, {
    variant: 'tiled',
    sizes: {},
  }, { variant: 'naive', sizes: { rows: 64 } }, { variant: 'other', sizes: {} }];
  const tunings = gone.map((candidate) => tuningOf({ 'rows 4': { ...candidate, gain: 1.2 } }));
  for (const tuning of [tuningOf(old, 'other'), ...tunings]) {
    const candidates = new Candidates(MACHINE, tuning);
    const said = warningsOf(() => {
      assert.is(candidates.choose(KERNEL, CANDIDATES, { rows: 4 }), WIDE);
      assert.is(candidates.choose(KERNEL, CANDIDATES, { rows: 8 }), WIDE);
    });
    assert.is(said.length, 1);
    assert.match(said[0], /product has changed since it was tuned/);
    assert.equal(candidates.stale, ['product']);
  }
});

test('a tuning of another machine is refused', () => {
  for (const key of ['adapter', 'driver', 'dawn'] as const) {
    assert.throwsWith(() => new Candidates({ ...MACHINE, [key]: 'another' }, tuningOf({})),
      new RegExp(`the tuning is of ${key}`));
  }
});

test('an adapter that names no driver, or not itself, is never given a tuning, because two of them would share it', () => {
  for (const key of ['adapter', 'driver'] as const) {
    const hidden = { ...MACHINE, [key]: '' };
    assert.throwsWith(() => new Candidates(hidden, { ...hidden, kernels: {} }),
      new RegExp(`nothing tells which ${key} this is`));
    assert.throwsWith(() => parseTunings(JSON.stringify([{ ...hidden, kernels: {} }]), 'a.json'),
      new RegExp(`a\\.json: nothing tells which ${key} this is`));
    assert.is(new Candidates(hidden).choose(KERNEL, CANDIDATES, { rows: 4 }), WIDE);
  }
});

test('a file that is none is refused with its name and the place', () => {
  const refused = (value: unknown, place: RegExp) =>
    assert.throwsWith(() => parseTunings(JSON.stringify([value]), 'a.json'), place);
  assert.throwsWith(() => parseTunings('{', 'a.json'), /a\.json: not JSON/);
  assert.throwsWith(() => parseTunings('{}', 'a.json'), /a\.json: not a list/);
  refused([], /a\.json: a tuning is no object/);
  refused({ ...MACHINE, dawn: 1 }, /"dawn" is not a string/);
  refused(MACHINE, /"kernels"/);
  for (const entry of [{}, null, [], { source: 'x' }, { candidates: {} }, { source: 1, candidates: {} }, { source: 'x',
    candidates: [] }]) {
    refused({ ...MACHINE, kernels: { product: entry } }, /product has no "source" and "candidates"/);
  }
  const candidate = { variant: 'tiled', sizes: { rows: 8 }, gain: 1 };
  const withOne = (all: unknown) => ({ ...MACHINE, kernels: { product: { source: 'x', candidates: { all } } } });
  assert.is(parseTunings(JSON.stringify([withOne(candidate)]), 'a.json').length, 1);
  for (const wrong of [null, [candidate], { ...candidate, variant: 1 }, { ...candidate, sizes: null }, { ...candidate,
    sizes: { rows: 8, columns: '8' } }, { ...candidate, gain: '1' }, { ...candidate, gain: undefined }]) {
    refused(withOne(wrong), /product, all: not a variant, sizes and a gain/);
  }
  refused({ ...MACHINE,
    kernels: { product: { source: 'x', candidates: { all: { variant: 'tiled', sizes: { rows: '8' }, gain: 1 } } } } },
    /product, all/);
});

test('a variant for f16 alone is a candidate of calls in f16, a class of their own then; one on request is none, and runs all the same', async () => {
  await using gpu = await open();
  const copy = (note: string) => ({ file: 'copy.wgsl', text: `// ${note}
@group(0) @binding(1) var<storage, read> x: array<elem>;
@group(0) @binding(2) var<storage, read_write> y: array<elem>;
@compute @workgroup_size(1) fn copy() { y[0] = x[0]; }` });
  const kernel = new Kernel('copies', [], {
    halves: { parts: [copy('halves')], takes: 'f16', sizes: () => [{ rows: 2 }, { rows: 1 }] },
    plain: { parts: [copy('plain')] },
    shown: { parts: [copy('shown')], onRequest: true },
  });
  const names = (stored: 'f32' | 'f16') => kernel.candidates(gpu, stored).map(({ variant }) => variant);
  assert.equal([names('f32'), names('f16')], [['plain'], ['halves', 'halves', 'plain']]);
  assert.is(kernel.hasOwnCandidatesForHalves(gpu), true);
  assert.is(kernel.choose(gpu, { rows: 3 }).variant, 'plain');
  assert.is(kernel.choose(gpu, { rows: 3 }, 'f16').variant, 'halves');
  assert.equal(Object.keys(gpu.candidates.used), ['copies: rows 4, f16']);
  using x = Tensor.from(gpu, Float32Array.of(7));
  using y = x.like();
  assert.throwsWith(() => kernel.run(gpu, { tensors: { x, y }, grid: 1, variant: 'halves' }),
    /variant "halves" must be f16, got f32/);
  kernel.run(gpu, { tensors: { x, y }, grid: 1, variant: 'shown' });
  assert.is(await y.item(), 7);
});

/** Loss and gradient of a linear layer whose gradient is cut into parts, and the candidates that it took. */
async function trained(gpu: Gpu): Promise<{ bits: Uint32Array; used: Readonly<Record<string, string>> }> {
  const wave = (n: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(i * i));
  using x = Tensor.from(gpu, wave(2048 * 8), [2048, 8]);
  using weight = Tensor.from(gpu, wave(12 * 8), [12, 8]);
  weight.requiresGrad = true;
  using y = linear(x, weight);
  using dy = Tensor.from(gpu, wave(2048 * 12), [2048, 12]);
  backward(y, dy);
  const gradient = await (weight.grad as Tensor).read();
  weight.grad?.dispose();
  return { bits: new Uint32Array(gradient.buffer), used: gpu.candidates.used };
}

test('a tuning decides what runs, and the same tuning gives the same bits', async () => {
  await using plain = await open();
  const untuned = await trained(plain);
  const sums = plain.candidates.asked.find(({ kernel }) => kernel === 'split_k_reduction.vec4');
  assert.ok(sums);
  const kernels = {
    [sums.kernel]: { source: sums.fingerprint, candidates: { [sums.callClass]: { ...sums.candidates[1], gain: 1.1 } } },
  };
  const tuning = (machine: Machine) => ({ ...machine, kernels });
  await using tuned = await open({ tuning });
  await using again = await open({ tuning });
  const [first, second] = [await trained(tuned), await trained(again)];
  assert.equal(first, second);
  assert.is.not(first.used[`split_k_reduction.vec4: ${sums.callClass}`],
    untuned.used[`split_k_reduction.vec4: ${sums.callClass}`]);
  assert.ok(first.bits.some((word, i) => word !== untuned.bits[i]), 'another number of parts adds in another order');
});

test.run();
