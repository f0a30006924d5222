/** That a sweep runs what its titles say: over a kernel of two variants, with launchers that are right and wrong. */
import { Kernel, open, type Tensor } from '../engine/index.ts';
import type { Case, Room } from '../kernels/shared/room.ts';
import { runCase } from '../kernels/checking/run_case.ts';
import { candidateName, Runs } from '../kernels/checking/runs.ts';
import * as assert from './assert.ts';
import { test } from './test.ts';

const gpu = await open();

/** y := factor · x of one element. */
const text = (factor: string) =>
  `@group(0) @binding(1) var<storage, read> x: array<elem>;
@group(0) @binding(2) var<storage, read_write> y: array<elem>;
@compute @workgroup_size(1) fn times() { y[0] = ${factor} * x[0]; }`;
const variants = (factor: string) => ({ fast: { parts: [{ file: 'fast.wgsl', text: `// fast\n${text(factor)}` }] },
  plain: { parts: [{ file: 'plain.wgsl', text: text(factor) }] } });
const [twice, thrice] = [new Kernel('twice', [], variants('2.0')), new Kernel('thrice', [], variants('3.0'))];

/** A room whose one case runs `kernels` in variants that are chosen as `launch` does. */
function roomWith(launch: (kernel: Kernel) => string, ...kernels: readonly Kernel[]): Room {
  const item: Case = {
    name: 'seven',
    wrt: [],
    inputs: { x: { shape: [1], data: Float32Array.of(7) } },
    tolerance: { atol: 0, rtol: 0, why: 'exact' },
    reference: ({ x }) => [x],
    cost: () => ({ flops: 1, bytesRead: 4, bytesWritten: 4 }),
    run: ({ x }) =>
      kernels.map((kernel) => {
        const y = (x as Tensor).like();
        kernel.run(gpu, { tensors: { x, y }, grid: 1, variant: launch(kernel) });
        return y;
      }),
  };
  return { name: 'times', kernels: [twice, thrice], cases: [item], workloads: [] };
}
const namesOf = (room: Room, variant?: string) => new Runs(gpu, room, variant).of(0).map(candidateName);
const asAsked = (kernel: Kernel) => kernel.choose(gpu).variant;

test('a case has a run for each variant of what it dispatches, and none for a kernel that it does not', () => {
  assert.equal(namesOf(roomWith(asAsked, twice)), ['fast', 'plain']);
  assert.equal([...new Runs(gpu, roomWith(asAsked, twice)).of(0)[0].keys()], ['twice']);
  assert.equal(namesOf(roomWith(asAsked)), ['engine']);
});

test('a launcher that gives way makes one run of two, under the name of what runs', () => {
  assert.equal(namesOf(roomWith(() => 'plain', twice)), ['plain']);
  assert.equal(namesOf(roomWith((kernel) => (kernel === twice ? 'plain' : asAsked(kernel)), twice, thrice)), [
    'plain+fast',
    'plain',
  ]);
});

test('runs are narrowed to a variant, or to a whole name', () => {
  const room = roomWith((kernel) => (kernel === twice ? 'plain' : asAsked(kernel)), twice, thrice);
  assert.equal(namesOf(room, 'fast'), ['plain+fast']);
  assert.equal(namesOf(room, 'plain+fast'), ['plain+fast']);
  assert.equal(namesOf(room, 'fas'), []);
});

test('a run in which a kernel does not do as its title says is an error, with both variants', async () => {
  const { cases: [right] } = roomWith(asAsked, twice);
  const { cases: [wrong] } = roomWith(() => 'plain', twice);
  const fast = new Map([['twice', { variant: 'fast', sizes: {} }]]);
  assert.equal([...(await runCase(gpu, right, fast, 'f32')).ran], ['twice.fast']);
  await assert.rejectsWith(runCase(gpu, wrong, fast, 'f32'), 'seven: twice was to run as fast, and ran as plain');
});

test.after(() => gpu.close());
test.run();
