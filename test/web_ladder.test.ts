/** The ladder of a study page, measured in Node by the code that its worker runs, kept as the benchmark does. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StretchClock } from '../bench/clock.ts';
import { compare } from '../bench/kernels/compare.ts';
import { type KernelData, KIND } from '../bench/kernels/data.ts';
import { workloadEntries } from '../bench/kernels/entry.ts';
import { measure } from '../bench/kernels/measure.ts';
import { shareOf } from '../bench/kernels/row.ts';
import { readResults } from '../bench/results.ts';
import { RoofKernels } from '../bench/roofs/index.ts';
import { spreadOf } from '../bench/statistics.ts';
import { backward, open, Tensor, type AnyTensor } from '../engine/index.ts';
import { rooms } from '../kernels/index.ts';
import { room as gelu } from '../kernels/gelu/cases.ts';
import { room as layernorm } from '../kernels/layernorm/cases.ts';
import type { Room } from '../kernels/shared/room.ts';
import { workload } from '../kernels/shared/workload.ts';
import { ladderResults } from '../web/study/ladder_text.ts';
import { browserEnvironment } from '../web/worker/environment.ts';
import { hopelessOf, ladder, type LadderProgress } from '../web/worker/ladder.ts';
import * as assert from './assert.ts';
import { row } from './bench_row.ts';
import { test } from './test.ts';

/** As short as can be, however long the machine takes for it. */
const BRIEF = { patience: { rounds: 1, seconds: 0.001 }, seconds: Number.POSITIVE_INFINITY };

/** A room with the smallest of its cases for workloads. */
function tiny(room: Room, ...cases: readonly string[]): Room {
  return { ...room, workloads: cases.map((name) => {
    const item = room.cases.find((each) => each.name === name);
    if (item === undefined) throw new Error(`${room.name} has no case ${name}`);
    return workload(name, () => item);
  }) };
}

test('a ladder has a row for each variant and direction, with finite numbers, and says by which clock', async () => {
  await using gpu = await open();
  const room = tiny(layernorm, 'rows longer than the workgroup, and odd', 'a batch of one');
  const told: LadderProgress[] = [];
  const made = await ladder(gpu, room, { types: ['f32'], ...BRIEF }, (progress) => told.push(progress));
  assert.ok(made.isWhole);
  assert.equal([...new Set(made.rows.map((row) => row.case))], ['a batch of one',
    'rows longer than the workgroup, and odd'], 'the small one first');
  assert.ok(
    new Set(made.rows.filter(({ direction }) => direction === 'forward').map(({ variant }) => variant)).size > 1,
  );
  for (const { direction } of [{ direction: 'forward' }, { direction: 'gradient' }]) {
    assert.ok(made.rows.some((row) => row.direction === direction), direction);
  }
  for (const row of made.rows) {
    assert.ok(row.gpu.least > 0 && row.wall.least > 0 && row.dispatches > 0 && shareOf(row) > 0, JSON.stringify(row));
    assert.ok(Number.isFinite(shareOf(row)) && Number.isFinite(row.gpu.median));
  }
  assert.is(made.clock,
    `${gpu.features.has('timestamp-query') ? 'timestamps' : 'the host’s clock'} around stretches of calls`);
  assert.equal([told[0].done, told[0].of, told.at(-1)?.done], [0, 2, 1]);
  assert.is(gpu.pool.live, 0, 'all inputs, outputs and roofs are freed');
});

test('without timestamps a ladder is timed by the host’s clock, and says so', async () => {
  await using gpu = await open({ without: ['timestamp-query'] });
  const made = await ladder(gpu, tiny(gelu, 'gelu: both tails, a partial workgroup'), { types: ['f32'], ...BRIEF });
  assert.is(made.clock, 'the host’s clock around stretches of calls');
  assert.ok(made.rows.length > 0 && made.rows.every((row) => row.gpu.least > 0));
});

test('a ladder that is ended between two turns keeps what it has; an unknown workload is named with those that there are', async () => {
  await using gpu = await open();
  const room = tiny(layernorm, 'a batch of one', 'rows longer than the workgroup, and odd');
  let turns = 0;
  const variants = workloadEntries(gpu, room)[0].variants.length;
  const made = await ladder(gpu, room, { types: ['f32'], patience: { rounds: 3, seconds: 0.001 },
    seconds: Number.POSITIVE_INFINITY, goesOn: () => ++turns <= variants + 1 });
  assert.is(made.isWhole, false);
  assert.equal([...new Set(made.rows.map((row) => row.case))], ['a batch of one']);
  assert.is(new Set(made.rows.map(({ variant }) => variant)).size, 1, 'the one that had its turn');
  await assert.rejectsWith(ladder(gpu, room, { types: ['f32'], workloads: ['a batch of two'] }), /a batch of two/, {
    hint: /a batch of one/,
  });
});

test('a size for which there is no time is left out, and named', async () => {
  await using gpu = await open();
  const room = tiny(gelu, 'gelu: both tails, a partial workgroup');
  const made = await ladder(gpu, room, { types: ['f32'], ...BRIEF, seconds: 0 });
  assert.equal([made.rows.length, made.leftOut.length, made.isWhole], [0, 1, true]);
  assert.match(made.leftOut[0], /^gelu: both tails, a partial workgroup: it would take too long/);
});

test('a variant that is far behind forward and backward is hopeless; one that is so in one direction is not', () => {
  const of = (variant: string, direction: 'forward' | 'gradient', nanoseconds: number) =>
    row('a', 0.5, { variant, direction, gpu: spreadOf([nanoseconds]) });
  const rows = [of('naive', 'forward', 100), of('tree', 'forward', 5000), of('tree', 'gradient', 3000),
    of('naive', 'gradient', 100), of('quad', 'forward', 5000), of('quad', 'gradient', 200)];
  assert.equal(hopelessOf(rows), [{ variant: 'tree', times: 30 }]);
});

test('what a page copies is read by --compare, and has the page’s browser, system and commit', async () => {
  await using gpu = await open();
  const made = await ladder(gpu, tiny(gelu, 'gelu: both tails, a partial workgroup'), { types: ['f32'], ...BRIEF });
  const text = ladderResults('gelu', made, { version: '1.2.3', commit: 'abc1234' });
  const path = join(mkdtempSync(join(tmpdir(), 'firstlight-ladder-')), 'kernels.json');
  writeFileSync(path, text);
  const results = readResults<KernelData>(path, KIND);
  assert.equal([results.commit, results.environment.adapter, results.environment.versions.Firstlight, results.clock], [
    'abc1234',
    gpu.name,
    '1.2.3',
    made.clock,
  ]);
  const { slower, faster, unmatched } = compare(results.rows, made.rows);
  assert.equal([slower.length, faster.length, unmatched], [0, 0, 0]);
  const told = browserEnvironment(gpu, { userAgentData: { platform: 'Linux' }, hardwareConcurrency: 8 });
  assert.is(told.machine, 'Linux, 8 cores');
});

test('the gradient of every room can be taken again from a graph that is retained, with equal bits', async () => {
  await using gpu = await open();
  for (const room of rooms) {
    const item = room.cases.find(({ wrt, skip }) => wrt.length > 0 && skip?.(gpu) === undefined);
    if (item === undefined) continue;
    const inputs = Object.fromEntries(
      Object.entries(item.inputs).map((
        [name, { shape, data }],
      ): [string, AnyTensor] => [name,
        data instanceof Float32Array ? Tensor.from(gpu, data, shape, name) : data instanceof Uint32Array
          ? Tensor.from(gpu, data, shape, name) :
          Tensor.from(gpu, data, shape, name)]
      ),
    );
    for (const name of item.wrt) inputs[name].requiresGrad = true;
    const outputs = item.run(inputs, 'f32');
    const dy = outputs[0].like() as Tensor;
    dy.write(Float32Array.from({ length: dy.size }, (_, i) => ((i * 7) % 11) / 11 - 0.4));
    const taken: Uint32Array[][] = [];
    for (const retainGraph of [true, false]) {
      backward(outputs[0] as Tensor, dy, { retainGraph });
      const gradients = await gpu.read(item.wrt.map((name) => inputs[name].grad as Tensor));
      taken.push(gradients.map(({ buffer, byteOffset, length }) => new Uint32Array(buffer, byteOffset, length)));
      for (const name of item.wrt) {
        inputs[name].grad?.dispose();
        inputs[name].grad = undefined;
      }
    }
    assert.equal(taken[1], taken[0], `${room.name}: ${item.name}`);
    assert.throwsWith(() => backward(outputs[0] as Tensor, dy), /went through a backward pass already/);
    for (const tensor of [...Object.values(inputs), ...outputs, dy]) tensor.dispose();
  }
});

test('a gradient that dispatches nothing has no row by stretches either', async () => {
  await using gpu = await open();
  const elementwise = rooms.find(({ name }) => name === 'elementwise') as Room;
  const roofs = new RoofKernels(gpu, new StretchClock(gpu));
  const [entry] = workloadEntries(gpu, tiny(elementwise, 'add: an odd length, a partial workgroup'));
  const rows = await measure(gpu, entry, roofs, ['f32'], BRIEF.patience);
  assert.equal(rows.map(({ variant, direction }) => `${direction} ${variant}`), ['forward only']);
  roofs.dispose();
});

test.run();
