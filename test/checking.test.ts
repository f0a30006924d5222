/** How cases of rooms are gone through: in which storage, with which tolerance, as which run. One test runs some. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { type FloatType, type Gpu, Kernel, open, type Tensor } from '../engine/index.ts';
import { checkRoom, isRight } from '../kernels/checking/check_room.ts';
import { compareCase, expected } from '../kernels/checking/comparison.ts';
import { candidateName, chosenRun, combinations, Runs } from '../kernels/checking/runs.ts';
import { floatOf, inputs64, isStored, storages } from '../kernels/checking/storage.ts';
import { halfTolerance } from '../kernels/shared/half_tolerance.ts';
import type { Case, Input, Room } from '../kernels/shared/room.ts';
import { productName } from '../kernels/shared/shape_name.ts';
import { largeWorkload, workload, workloadsFor } from '../kernels/shared/workload.ts';
import { nullGpu } from './null_gpu.ts';

const gpu = await nullGpu({ isFallbackAdapter: true });
const card = await nullGpu();

const text = (factor: string, name: string) => ({ file: `${name}.wgsl`, text: `// ${name}
@group(0) @binding(1) var<storage, read> x: array<elem>;
@group(0) @binding(2) var<storage, read_write> y: array<elem>;
@compute @workgroup_size(1) fn times() { y[0] = ${factor} * x[0]; }` });
const variants = (factor: string) => ({ fast: { parts: [text(factor, 'fast')] },
  plain: { parts: [text(factor, 'plain')] } });
const [twice, thrice] = [new Kernel('twice', [], variants('2.0')), new Kernel('thrice', [], variants('3.0'))];
/** Of one variant, in three sizes. */
const sized = new Kernel('sized', [], {
  only: { parts: [text('2.0', 'only')], sizes: () => [{ n: 1 }, { n: 2 }, { n: 3 }] },
});

const x: Input = { shape: [1], data: Float32Array.of(7) };

/** y := 2 · x, and 3 · x. */
function caseOf(name: string, more: Partial<Case> = {}): Case {
  return { name, wrt: [], inputs: { x }, tolerance: { atol: 1, rtol: 0, why: 'exact' },
    reference: ({ x }) => [x.map((v) => 2 * v), x.map((v) => 3 * v)],
    cost: () => ({ flops: 1, bytesRead: 4, bytesWritten: 4 }), run: ({ x }) =>
      [twice, thrice].map((kernel) => {
        const y = (x as Tensor).like();
        kernel.run(x.gpu, { tensors: { x: x as Tensor, y }, grid: 1 });
        return y;
      }), ...more };
}

const roomOf = (...cases: readonly Case[]): Room => ({ name: 'times', kernels: [twice, thrice], cases, workloads: [] });

test('inputs are stored as f16 where the device has them and can hold them, and gradients in both ways', () => {
  const ways = (given: Record<string, Input>, more: Partial<Case> = {}, on = gpu) =>
    storages(on, caseOf('one', { inputs: given, ...more }));
  const of = (...numbers: number[]): Input => ({ shape: [numbers.length], data: Float32Array.from(numbers) });
  assert.equal(ways({ x }), ['f32', 'f16']);
  assert.equal(ways({ x }, { wrt: ['x'] }), ['f32', 'f16', 'f16, f32 gradients']);
  assert.equal([ways({ x: of(65519) }), ways({ x: of(65520) }), ways({ x: of(1, -65520) })], [['f32', 'f16'], ['f32'], [
    'f32',
  ]]);
  assert.equal(ways({ x: of(1, Infinity, -Infinity, NaN) }), ['f32', 'f16'], 'f16 has these');
  const whole: Input = { shape: [1], data: Uint32Array.of(70000) };
  assert.equal([ways({ whole }), ways({ whole }, { takesType: true }), ways({ x, whole })], [['f32'], ['f32', 'f16'], [
    'f32',
    'f16',
  ]]);
  const wide = { ...of(1e9), isWide: true };
  assert.equal([ways({ wide }), ways({ wide, x })], [['f32'], ['f32', 'f16']]);
  assert.equal([isStored(wide, 'f16'), isStored(wide, 'f32'), isStored(x, 'f16'), isStored(whole, 'f32')], [false, true,
    true, false]);
  const without = { features: new Set() } as unknown as Gpu;
  assert.equal(ways({ x }, {}, without), ['f32']);
  assert.equal((['f32', 'f16', 'f16, f32 gradients'] as const).map(floatOf), ['f32', 'f16', 'f16']);
  const third = { x: of(1 / 3), wide: { ...of(1 / 3), isWide: true }, whole };
  const seen = (type: FloatType) =>
    Object.values(inputs64(caseOf('one', { inputs: third }), type)).map(([value]) => value);
  assert.equal(seen('f16'), [0.333251953125, Math.fround(1 / 3), 70000]);
  assert.equal(seen('f32'), [Math.fround(1 / 3), Math.fround(1 / 3), 70000]);
});

test('f16 allows for a rounding of what is stored, and for those on the way', () => {
  const f32 = { atol: 1e-6, rtol: 1e-5, why: 'sums' };
  assert.equal(halfTolerance(f32, 'f16'), { atol: 1e-6 + 2 ** -25, rtol: 1e-5 + 2 ** -11, why: 'sums; f16 stores' });
  assert.equal(halfTolerance(f32, 'f32'), { ...f32, why: 'sums; f32 stores' });
  const exact = { atol: 0, rtol: 0, why: 'a copy' };
  assert.is(halfTolerance(exact, 'f16'), exact);
  const relative = halfTolerance(exact, 'f32', { roundings: 3, count: 100 });
  assert.equal(relative, { atol: 0, rtol: 3 * 2 ** -11, why: 'a copy; f32 stores, 3 roundings to f16 on the way' });
  assert.equal(halfTolerance(f32, 'f16', { roundings: 3, count: 12, scale: 5 }), {
    atol: 1e-6 + 4 * 5 * 2 ** -11 * 6 + 2 ** -25,
    rtol: 1e-5 + 2 ** -11,
    why: 'sums; f16 stores, 3 roundings to f16 on the way',
  });
  assert.is(halfTolerance({ ...exact, rtol: 1e-3 }, 'f16').rtol, 1e-3 + 2 ** -11);
  assert.is(halfTolerance({ ...exact, atol: 1e-3 }, 'f16').rtol, 2 ** -11);
});

test('what rounds to infinity in f16 is infinite, from half a step beyond the largest on', () => {
  const item = caseOf('large', { reference: () => [Float64Array.of(65519.9, 65520, -65520, -65519.9)] });
  const want = (type: string, storage: FloatType) =>
    expected(item, { outputs: [{ type, values: new Float32Array(4) }], gradients: {}, ran: new Set() }, storage).map(
      (each) => [...each.want],
    );
  assert.equal(want('f16', 'f16'), [[65519.9, Infinity, -Infinity, -65519.9]]);
  assert.equal(want('f32', 'f16'), [[65519.9, 65520, -65520, -65519.9]]);
  assert.throwsWith(() => compareCase(item, { outputs: [], gradients: {}, ran: new Set() }, 'f32'),
    'large: 0 outputs, the reference has 1');
});

test('variants run together, each kernel in its own; of several sizes another one from case to case', () => {
  const named = (room: Room, number: number) => combinations(gpu, room, number).map(candidateName);
  assert.equal(named(roomOf(caseOf('a')), 0), ['fast', 'plain']);
  const mixed = { ...roomOf(), kernels: [twice, sized] };
  assert.equal([0, 1, 2].map((number) => named(mixed, number)), [['fast+only, n 1', 'plain+only, n 1',
    'fast+only, n 2'], ['fast+only, n 1', 'plain+only, n 1', 'fast+only, n 3'], ['fast+only, n 1', 'plain+only, n 1',
    'fast+only, n 2']]);
});

test('where one run has to do, they take turns from case to case; of a variant that is asked for, all do', () => {
  const room = roomOf(...['a', 'b', 'c'].map((name) => caseOf(name)));
  const turns = (variant?: string) =>
    [0, 1, 2].map((number) => new Runs(gpu, room, variant).turnOf(number, 'f32').map(candidateName).join());
  assert.equal(turns(), ['fast', 'plain', 'fast']);
  assert.equal(turns('plain'), ['plain', 'plain', 'plain']);
});

test('a run is chosen by a variant, or by the name of all of it; what nothing runs as is refused', () => {
  const launched = (variant: string) =>
    caseOf('mixed', { run: ({ x }) =>
      [twice, thrice].map((kernel) => {
        const y = (x as Tensor).like();
        kernel.run(x.gpu, { tensors: { x: x as Tensor, y }, grid: 1,
          variant: kernel === twice ? variant : kernel.choose(x.gpu).variant });
        return y;
      }) });
  const room = roomOf(caseOf('first'), launched('plain'));
  const [first, mixed] = room.cases;
  const chosen = (item: Case, variant?: string) => candidateName(chosenRun(gpu, room, item, 'f32', variant));
  assert.equal([chosen(first), chosen(first, 'fast'), chosen(first, 'plain')], ['engine', 'fast', 'plain']);
  assert.equal([...chosenRun(gpu, room, mixed, 'f32', 'plain+fast').values()].map(({ variant }) => variant), ['plain',
    'fast']);
  assert.equal(chosen(launched('plain'), 'plain+fast'), 'plain+fast', 'a workload is no case of the room');
  assert.throwsWith(() => chosen(first, 'plain+fast'), { code: 'FL_USAGE', hint: 'choose another variant, or none' },
    `times: "first" has no run as plain+fast in f32 on ${gpu.name}`);
});

test('a room is checked case by case: each is told, what is skipped with its reason, and what fails with its error', async () => {
  await using real = await open();
  const told: string[] = [];
  let renewed = 0;
  const contexts = { current: async () => real, renew: async () => {
    renewed++;
    return real;
  } };
  const broken = caseOf('broken', { run: () => {
    throw new RangeError('no');
  } });
  const wrong = caseOf('wrong', { reference: ({ x }) => [x.map((v) => 2 * v), x] });
  const room = roomOf(caseOf('left out', { skip: ({ kind }) => `too slow on ${kind}` }), caseOf('right'), wrong,
    broken);
  const { runs, skipped } = await checkRoom(contexts, room, { types: ['f32'],
    onCase: ({ name }, done, of) => void told.push(`${name} ${done} of ${of}`),
    onRun: ({ case: name, candidate }) => void told.push(`${name} as ${candidate}`) });
  assert.equal(skipped, [{ case: 'left out', reason: `too slow on ${real.kind}` }]);
  assert.equal(told, ['left out 0 of 4', 'right 1 of 4', 'right as fast', 'right as plain', 'wrong 2 of 4',
    'wrong as fast', 'wrong as plain', 'broken 3 of 4', 'broken as undefined']);
  assert.equal(
    runs.map((run) => [run.case, isRight(run), run.comparisons.map((each) => each.isRight).join(), run.storage]),
    [['right', true, 'true,true', 'f32'], ['right', true, 'true,true', 'f32'], ['wrong', false, 'true,false', 'f32'], [
      'wrong',
      false,
      'true,false',
      'f32',
    ], ['broken', false, '', 'f32']],
  );
  assert.equal([renewed, `${runs.at(-1)?.error}`], [1, 'RangeError: no']);
});

test('sizes of a model that keep a card busy are for cards', () => {
  const workloads = [workload('small', caseOf), largeWorkload('large', caseOf)];
  const names = (on: Gpu) => workloadsFor(on, { ...roomOf(), workloads }).map(({ name }) => name);
  assert.equal([names(gpu), names(card)], [['small'], ['small', 'large']]);
  assert.is(workloads[1].make().name, 'large');
  assert.equal([productName(2, 2, 2), productName(2, 2, 3), productName(3, 2, 2), productName(2, 3, 2)], ['2³',
    '2 × 2 → 3', '3 × 2 → 2', '2 × 3 → 2']);
});

test.run();
