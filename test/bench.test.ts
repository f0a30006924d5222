/** What the benchmark makes of its timings. The timings themselves are no matter of tests. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { row } from './bench_row.ts';
import { DispatchClock } from '../bench/clock.ts';
import { changesOf } from '../bench/counts.ts';
import { judged } from '../bench/goals.ts';
import { growthTable, slope } from '../bench/growth.ts';
import { compare, LIMIT, pooled, SHORTEST } from '../bench/kernels/compare.ts';
import { entriesOf } from '../bench/kernels/entries.ts';
import { variantsOf } from '../bench/kernels/entry.ts';
import { distinct, measure } from '../bench/kernels/measure.ts';
import { type Row, shareOf } from '../bench/kernels/row.ts';
import { frontText, ladder, measuredPage, SHOWN, withMeasured } from '../bench/kernels/pages.ts';
import { reportPage } from '../bench/kernels/report.ts';
import { dotsOf } from '../bench/kernels/roofline.ts';
import { rooflinePicture } from '../bench/kernels/roofline_picture.ts';
import { kernelTable } from '../bench/kernels/table.ts';
import { benchPage } from '../bench/measured.ts';
import type { Outcome } from '../bench/peers/outcome.ts';
import { trainingTasks } from '../bench/peers/tasks.ts';
import { folderName, readResults, writeResults } from '../bench/results.ts';
import { measureRoofs } from '../bench/roofs/here.ts';
import { highest, leastNanoseconds, matrixKernel, RoofKernels, roofsText } from '../bench/roofs/index.ts';
import { pageOf, sharesOf } from '../bench/shares.ts';
import { chromeTrace } from '../bench/trace.ts';
import { geometricMean, median, spreadOf } from '../bench/statistics.ts';
import { digits, duration, markdownTable, percent } from '../train/log/table.ts';
import { open, Tensor } from '../engine/index.ts';
import { scale } from '../kernels/elementwise/index.ts';
import { rooms } from '../kernels/index.ts';
import { nullGpu, pipelineError } from './null_gpu.ts';
import { here, LACKS } from './this_adapter.ts';

test('quartiles lie between neighbours, and the least is kept', () => {
  assert.equal(spreadOf([4, 1, 3, 2]), { least: 1, low: 1.75, median: 2.5, high: 3.25, count: 4 });
  assert.is(median([5]), 5);
  assert.throwsWith(() => spreadOf([]), 'nothing was measured');
  assert.ok(Math.abs(geometricMean([2, 8]) - 4) < 1e-12);
});

test('numbers are written with three digits that count, times in the unit that suits them', () => {
  assert.equal([0.01234, 1.234, 123.4, 12345].map(digits), ['0.0123', '1.23', '123', '12345']);
  assert.equal([1500, 2_500_000, 3e9].map(duration), ['1.50 µs', '2.50 ms', '3.00 s']);
  assert.equal([0.012, 0.5].map(percent), ['1.2 %', '50 %']);
});

test('a table is Markdown, its numbers end at the right', () => {
  assert.is(markdownTable(['name', 'n'], [['a', '1'], ['bc', '10']]),
    ['| name |   n |', '|------|----:|', '| a    |   1 |', '| bc   |  10 |'].join('\n'));
});

test('counts of steps that both runs have are compared, each by itself', () => {
  const counts = { name: 'a', dispatches: 10, packings: 2, programs: 5, bytesGiven: 100, bytesHeld: 50 };
  assert.equal(changesOf([counts], [counts, { ...counts, name: 'b' }]), []);
  assert.equal(changesOf([{ ...counts, submits: 1 }], [{ ...counts, dispatches: 11, bytesHeld: 49, submits: 1 }]), [
    { step: 'a', count: 'dispatches', before: 10, now: 11 },
    { step: 'a', count: 'bytesHeld', before: 50, now: 49 },
  ]);
});

test('a slope is the exponent between two sizes, and stands beside the larger one', () => {
  assert.ok(Math.abs(slope([10, 3], [20, 12]) - 2) < 1e-12);
  const point = (count: number, milliseconds: number) => ({ axis: 'clips', count, milliseconds, stepBytes: count,
    bytes: 1, largeBytes: 1, macs: count, largeMacs: count });
  const [first, second] = growthTable([point(1, 5), point(2, 20)]).split('\n').slice(2);
  assert.not(/\d\.\d\d +\|.*2\.00/.test(first));
  assert.match(second, /20\.0 ms \| +2\.00 \| +1\.00/);
});

test('a kernel that takes a fifth more of the roof’s time is slower; a machine that is slow as a whole is not', () => {
  const before = [row('a', 0.5), row('b', 0.5), row('c', 0.5)];
  const slowMachine = { minimumTimes: [4e6], roofs: { gflops: 500, gbps: 1, plainGbps: 1 } };
  const { slower, faster, same } = compare(before, [row('a', 0.5 / 1.2), row('b', 0.5, slowMachine),
    row('c', 0.5 * 1.2)]);
  assert.equal(slower.map((change) => change.row.case), ['a']);
  assert.ok(Math.abs(slower[0].ratio - 1.2) < 1e-9);
  assert.equal(faster.map((change) => change.row.case), ['c']);
  assert.is(same, 1);
});

test('what stays within the limit, is too short to judge or has no counterpart is not slower', () => {
  const short = { gpu: spreadOf([SHORTEST / 2]) };
  const comparison = compare([row('a', 0.5), row('b', 0.5, short)], [row('a', 0.5 / (1 + 0.9 * LIMIT)),
    row('b', 0.1, short), row('new', 0.1), row('a', 0.1, { type: 'f16' })]);
  assert.equal({ ...comparison, slower: comparison.slower.length, faster: comparison.faster.length }, { slower: 0,
    faster: 0, same: 1, short: 1, unmatched: 2 });
});

test('the less is known of a minimum time, the more it must rise', () => {
  const unsure = { minimumTimes: [2e6, 2.2e6, 2.3e6] };
  assert.is(compare([row('a', 0.5, unsure)], [row('a', 0.5 / 1.25, unsure)]).slower.length, 0);
  assert.is(compare([row('a', 0.5, unsure)], [row('a', 0.5 / 1.35, unsure)]).slower.length, 1);
});

test('a row that is measured again keeps all of its rounds', () => {
  const rows = pooled([row('a', 0.5), row('b', 0.3)], [row('a', 0.5, { minimumTimes: [1.6e6, 2.4e6] })]);
  assert.equal(rows.map(({ minimumTimes }) => minimumTimes), [[2e6, 1.6e6, 2.4e6], [2e6]]);
  assert.ok(Math.abs(shareOf(rows[0]) - 0.625) < 1e-12);
});

test('a roof is the most that was seen, and the least time is what both roofs leave', () => {
  const roofs = highest({ gbps: 2, plainGbps: 2, gflops: 50 }, { gbps: 3, plainGbps: 3, gflops: 40, halfGflops: 10 });
  assert.equal(roofs, { gbps: 3, plainGbps: 3, gflops: 50, halfGflops: 10 });
  assert.is(leastNanoseconds({ flops: 1000, bytes: 30 }, roofs), 20);
  assert.is(leastNanoseconds({ flops: 10, bytes: 30 }, roofs), 10);
});

test('a folder of results is named after the adapter, without the packager’s suffix', () => {
  assert.is(folderName('llvmpipe: Mesa 25.0.7-2~bpo12+1 (LLVM 15.0.6) 0.0.1'), 'llvmpipe-mesa-25.0.7');
  assert.is(folderName('NVIDIA H100 80GB HBM3'), 'nvidia-h100-80gb-hbm3');
});

test('every room has workloads under names of their own, with work to do', () => {
  for (const room of rooms) {
    assert.ok(room.workloads.length > 0, room.name);
    assert.is(new Set(room.workloads.map(({ name }) => name)).size, room.workloads.length, room.name);
  }
  const [smallest] = rooms.flatMap(({ workloads }) =>
    workloads.filter(({ name }) => name.startsWith('tiny: 16 × 120'))
  );
  const { cost, name } = smallest.make();
  assert.is(name, smallest.name);
  assert.ok(cost('f32').bytesRead > 0);
});

test('the picture has a dot for the best variant of each case and direction at a model’s size', () => {
  const rows = [row('a', 0.2, { variant: 'slow' }), row('a', 0.4, { variant: 'fast' }),
    row('a', 0.3, { direction: 'gradient' }), row('test size', 0.9, { isWorkload: false }),
    row('copies', 0.9, { flops: 0 })];
  const dots = dotsOf(rows);
  assert.equal(dots.map(({ isForward, intensity }) => [isForward, intensity]), [[true, 2], [false, 2]]);
  assert.match(dots[0].title, 'fast');
  const picture = rooflinePicture(rows, { gbps: 3, plainGbps: 3, gflops: 50 }, 'an <adapter>');
  assert.is((picture.match(/<circle/g) ?? []).length, 2);
  assert.not.match(picture, '<adapter>');
  assert.not.match(picture, 'NaN');
});

test('the page shows every row and escapes what it is given', () => {
  const environment = { adapter: 'an <adapter>', driver: '', backend: 'Vulkan', isSoftware: true, machine: 'm',
    versions: {}, candidates: {} };
  const page = reportPage({ format: 3, kind: 'kernels', environment, commit: 'abc', date: '2026-01-01T00:00:00Z',
    command: 'npm run bench', roofs: { gbps: 3, plainGbps: 3, gflops: 50 },
    rows: [row('a < b', 0.5), row('c', 0.5, { isWorkload: false })] }, '<svg></svg>');
  assert.match(page, 'a &lt; b');
  assert.match(page, '1 rows at the awkward sizes');
  assert.not.match(page, '<adapter>');
});

/** Results of a run, made up. */
const results = (rows: readonly Row[]) => ({
  format: 3,
  kind: 'kernels',
  commit: 'abc',
  date: '2026-01-01T00:00:00Z',
  command: 'npm run bench -- --dtype both --json /somewhere/kernels.json',
  environment: { adapter: 'an adapter', driver: '', backend: 'Vulkan', isSoftware: true, machine: '2 cores',
    versions: { Dawn: '1' }, candidates: {} },
  roofs: { gbps: 3, plainGbps: 3, gflops: 50 },
  rows,
});

test('a ladder has a line for each case and variant, with what a variant gains on the plainest', () => {
  const [, , ...lines] = ladder([row('a', 0.1, { variant: 'naive', gpu: spreadOf([6e6]) }),
    row('a', 0.4, { variant: 'tiled' }), row('b', 0.4)]).split('\n');
  assert.equal(lines.map((line) => line.replace(/ +/g, ' ')), [
    '| a | naive | 6.00 ms | 0.333 GB/s | 10 % | memory | 1.0 × |',
    '| | tiled | 2.50 ms | 0.800 GB/s | 40 % | memory | 2.4 × |',
    '| b | | 2.50 ms | 0.800 GB/s | 40 % | memory | |',
  ]);
});

test('a room’s page says where, when and how it was measured, and has a table for each direction and type, of the sizes of models alone', () => {
  const rows = [row('a', 0.1), row('a', 0.1, { direction: 'gradient' }), row('a', 0.1, { type: 'f16' }),
    row('of tests', 0.1, { isWorkload: false }), row('other', 0.1, { room: 'matmul' })];
  const page = measuredPage('gelu', results(rows));
  for (const said of ['# gelu: measured', 'an adapter', '2 cores', 'abc, 2026-01-01', '`npm run bench -- --dtype both`',
    'copy 3.00 GB/s', 'Do not edit', '](README.md)']) assert.match(page, said);
  assert.equal(page.match(/^## .*/gm), ['## Forward, f32', '## Forward, f16', '## Gradient, f32']);
  assert.is(page.match(/^\| (a|of tests|other) /gm)?.length, 3);
});

test('the table of README.md has each variant beside its own gradient, and is not made of a part of what it shows', () => {
  const all = SHOWN.map(([room, name]) => row(name, 0.5, { room }));
  assert.is(frontText(results(all.slice(1))), undefined);
  const entropy = { room: 'cross_entropy', isWorkload: true } as const;
  const name = '1600 × 400, soft';
  const others = all.filter(({ room }) => room !== 'cross_entropy');
  const text = frontText(results([
    ...others,
    row(name, 0.1, { ...entropy, variant: 'tree' }),
    row(name, 0.2, { ...entropy, variant: 'subgroup' }),
    row(name, 0.3, { ...entropy, direction: 'gradient' }),
  ]));
  const lines = text?.split('\n').map((line) => line.replace(/ +/g, ' ')) ?? [];
  const first = lines.findIndex((line) => line.includes('cross_entropy'));
  assert.equal(lines.slice(first, first + 3), [
    `| [cross_entropy](kernels/cross_entropy/MEASURED.md) | ${name} | tree | 2.50 ms | 0.800 GB/s | 10 % | | | |`,
    '| | | subgroup | 2.50 ms | 0.800 GB/s | 20 % | | | |',
    '| | | | | | | 2.50 ms | 0.800 GB/s | 30 % |',
  ]);
});

test('what README.md shows is a workload of its room', () => {
  for (const [room, name] of SHOWN) {
    assert.ok(rooms.find((each) => each.name === room)?.workloads.some((workload) => workload.name === name),
      `${room}: ${name}`);
  }
});

test('a goal is met if all of its cases reach it, and has no line where one was not measured', () => {
  const adamw = (plain: number) =>
    row('10 M parameters', 0.5, { room: 'adamw', roofs: { gflops: 1000, gbps: 2, plainGbps: 1 / plain } });
  const line = (rows: readonly Row[]) =>
    judged({ kernels: results(rows) }).find(({ what }) => what.startsWith('AdamW'));
  assert.equal([line([adamw(1.2)])?.reached, line([adamw(1.2)])?.isMet], ['120 % (of the roof 50 %)', true]);
  assert.is(line([adamw(0.9)])?.isMet, false);
  assert.is(line([])?.reached, undefined);
  const outcomes = trainingTasks.flatMap(({ name }, i): Outcome[] => {
    const of = (peer: Outcome['peer'], milliseconds: number): Outcome => ({ task: name, direction: 'forward', peer,
      trouble: [], milliseconds: spreadOf([milliseconds]) });
    return [of('Firstlight', 1), of('jax-js', name.startsWith('matmul') && i === 0 ? 3 : 6)];
  });
  const reached = Object.fromEntries(
    judged({ outcomes }).filter((one) => one.reached !== undefined).map((
      { what, isMet },
    ) => [what.split(',')[0], isMet]),
  );
  assert.equal(reached, { 'the best peer that trains': true, 'each task': true, matmul: false,
    'attention with its gradient': true, 'small ViT': true });
  const page = benchPage({ kernels: results([adamw(0.9)]) });
  assert.match(page,
    /\| AdamW, 10 M parameters, forward +\| +100 % of a plain copy +\| +90 % \(of the roof 50 %\) +\| missed \|/);
  assert.not.match(page, 'Beside other libraries');
});

test('a row is a program: variants that dispatch the same are one, under the name of what ran; what dispatches nothing is none', () => {
  const sample = (...variants: string[]) => ({ variants, fingerprint: variants.join() });
  const asked = (variant: string, ...dispatched: string[]) => ({ variant, sample: sample(...dispatched) });
  assert.equal(distinct([asked('tree', 'tree', 'only'), asked('subgroup', 'subgroup', 'only')]), ['tree', 'subgroup']);
  assert.equal(distinct([asked('tree', 'only'), asked('subgroup', 'only')]), ['only', undefined],
    'a gradient without variants');
  assert.equal(distinct([asked('naive', 'quad'), asked('quad', 'quad')]), [undefined, 'quad'],
    'a kernel without the variant runs in its default');
  assert.equal(distinct([asked('naive', 'quad')]), ['quad'], 'the title says what ran');
  const inOtherSizes = { variant: 'naive', sample: { variants: ['quad'], fingerprint: 'quad, other sizes' } };
  assert.equal(distinct([inOtherSizes, asked('quad', 'quad')]), [undefined, 'quad'],
    'two programs of one name: that of the name');
  assert.equal(distinct([asked('tree'), { variant: 'subgroup', sample: undefined }]), [undefined, undefined],
    'no dispatch, no gradient');
});

test('what was measured replaces what stood between the marks of a page, and nothing else; a page without marks is refused', () => {
  const page = '# A page\n\n<!-- measured -->\n<!-- end of measured -->\n\nmore\n';
  const first = withMeasured(page, 'one');
  assert.is(first, '# A page\n\n<!-- measured -->\none\n<!-- end of measured -->\n\nmore\n');
  assert.is(withMeasured(first, 'two'), first.replace('one', 'two'));
  assert.throwsWith(() => withMeasured('# A page\n', 'one'), /has no lines <!-- measured -->/);
});

test('the profile of a step links each kernel to its room, and the engine’s own to the engine', () => {
  for (const room of rooms) {
    for (const { name } of room.kernels) assert.match(pageOf(`${name}.only`), /kernels\/\w+\/README.md/);
  }
  assert.is(pageOf('gelu.vec4.quick_gelu.only'), '[gelu](../kernels/gelu/README.md)');
  assert.is(pageOf('add_gradients.only'), '[engine](../engine/README.md)');
});

test('kernels of a profile come with their share, those first that take most', () => {
  const times = [['a', 10], ['b', 50], ['a', 20]].map(([kernel, nanoseconds]) => ({ kernel: kernel as string,
    program: '', start: 0, nanoseconds: nanoseconds as number })
  );
  assert.equal(sharesOf(times), [{ kernel: 'b', dispatches: 1, nanoseconds: 50, share: 0.625 }, { kernel: 'a',
    dispatches: 2, nanoseconds: 30, share: 0.375 }]);
});

test('a trace has an event for each dispatch, in microseconds, with its room', () => {
  const { traceEvents } = JSON.parse(
    chromeTrace([{ kernel: 'softmax.vec4.tree', program: '', start: 2500, nanoseconds: 1500 }], 'a step', 'an adapter'),
  ) as { traceEvents: Record<string, unknown>[] };
  assert.equal(traceEvents.map(({ ph }) => ph), ['M', 'M', 'X']);
  assert.equal(traceEvents[2], { ph: 'X', pid: 1, tid: 1, cat: 'gpu', name: 'softmax.vec4.tree', ts: 2.5, dur: 1.5,
    args: { dispatch: 0, room: 'softmax' } });
});

testIf(here.features.has('timestamp-query'), LACKS.timestamps)(
  'a profile has every dispatch, however many there are, one after another',
  async () => {
    await using gpu = await open();
    using x = Tensor.from(gpu, Float32Array.of(1, 2, 3), [3]);
    const count = 2500; // more than a set of queries holds
    const times = await gpu.profile(() => {
      for (let i = 0; i < count; i++) gpu.scope(() => void scale(x, 2));
    });
    assert.is(times.length, count);
    assert.is(times[0].start, 0);
    assert.equal([...new Set(times.map(({ kernel }) => kernel))], ['elementwise.mul.scalar.only']);
    assert.ok(times.every(({ nanoseconds }) => nanoseconds >= 0));
    assert.ok(times.every(({ start }, i) => i === 0 || start >= times[i - 1].start + times[i - 1].nanoseconds),
      'in order, without overlap');
  },
);

test('filters find cases by a part of their name, and unknown words get the nearest known one', async () => {
  await using gpu = await open();
  const entries = entriesOf(gpu, { room: 'matmul', case: 'fc1', models: true });
  assert.equal(entries.map(({ name }) => name), ['B/32 fc1: 408 × 768 → 3072', 'B/16 fc1: 1576 × 768 → 3072']);
  assert.throwsWith(() => entriesOf(gpu, { room: 'matmull', models: false }), '--room: there is no room "matmull"', {
    hint: /^did you mean matmul\?/,
  });
  assert.throwsWith(() => entriesOf(gpu, { room: 'gelu', variant: 'subgroup', models: false }),
    /there is no variant "subgroup"/);
  assert.throwsWith(() => entriesOf(gpu, { room: 'gelu', case: 'nothing', models: false }),
    /no case has this in its name/);
});

testIf(here.features.has('timestamp-query'), LACKS.timestamps)(
  'a case is measured in all its variants, forward and gradient, written and read back',
  async () => {
    await using gpu = await open();
    const roofs = new RoofKernels(gpu, new DispatchClock(gpu));
    const [entry] = entriesOf(gpu, { room: 'softmax', case: 'softmax: odd rows', models: false });
    const rows = await measure(gpu, entry, roofs, ['f32'], { rounds: 1, seconds: 0.01 });
    roofs.dispose();
    const variants = variantsOf(gpu, entry.room);
    const ofGradient = variants.filter((variant) =>
      entry.room.kernels.some((kernel) => kernel.name.includes('_grad') && kernel.variants(gpu).includes(variant))
    );
    const expected = [...variants.map((variant) => `${variant} forward 1`),
      ...ofGradient.map((variant) => `${variant} gradient 1`)];
    assert.equal(rows.map(({ variant, direction, dispatches }) => `${variant} ${direction} ${dispatches}`), expected);
    assert.ok(rows.every((row) => row.gpu.least > 0 && row.wall.least > row.gpu.least && shareOf(row) > 0));
    assert.is(kernelTable(rows).split('\n').length, rows.length + 2);
    assert.is(gpu.pool.live, 0, 'all inputs and outputs are freed');

    const path = join(mkdtempSync(join(tmpdir(), 'firstlight-bench-')), 'kernels.json');
    const written = writeResults(path, 'kernels', gpu, 'npm run bench', { roofs: await measureRoofs(gpu), rows });
    assert.equal(readResults(path, 'kernels'), JSON.parse(JSON.stringify(written)));
    assert.throwsWith(() => readResults(path, 'peers'), /holds "kernels" of format 3, expected "peers"/);
    writeFileSync(path, '{');
    assert.throwsWith(() => readResults(path, 'kernels'), /kernels.json: /);
  },
);

testIf(here.features.has('timestamp-query'), LACKS.timestamps)(
  'a gradient without variants has one row, and one that dispatches nothing has none',
  async () => {
    await using gpu = await open();
    const roofs = new RoofKernels(gpu, new DispatchClock(gpu));
    const titles = async (room: string, name: string) => {
      const [entry] = entriesOf(gpu, { room, case: name, models: false });
      const rows = await measure(gpu, entry, roofs, ['f32'], { rounds: 1, seconds: 0.001 });
      return rows.map(({ variant, direction }) => `${direction} ${variant}`);
    };
    const [{ variants }] = entriesOf(gpu, { room: 'reduce', models: false });
    assert.equal(await titles('reduce', 'the last dimension, odd'), [...variants.map((variant) => `forward ${variant}`),
      'gradient only']);
    assert.equal(await titles('elementwise', 'add: an odd length'), ['forward only'],
      'dy is the gradient of both sides');
    roofs.dispose();
  },
);

test('what the processor of a software adapter could do is measured, and the roofs are told in a line', async () => {
  await using gpu = await open();
  const roofs = await measureRoofs(gpu);
  assert.is(roofs.processorGflops !== undefined, gpu.kind === 'software');
  assert.ok(Object.values(roofs).every((rate) => rate > 0), JSON.stringify(roofs));
  assert.match(roofsText(roofs), gpu.kind === 'software'
    ? /GB\/s .*f32 .*no matrix units, fused on the processor [\d.]+ GFLOP\/s$/
    : /GB\/s .*f32 /);
});

test('the kernel of the matrix roof is right WGSL, and its pipeline can be built', async () => {
  await using gpu = await nullGpu();
  for (const variant of ['one', 'sized']) {
    for (const elem of ['f16', 'f32'] as const) {
      const program = matrixKernel.program(gpu, variant, { M: 16, N: 16, K: 16, SUBGROUP: 32 }, { elem,
        result: 'f32' });
      assert.is(await pipelineError(gpu, program), undefined);
    }
  }
});

test.run();
