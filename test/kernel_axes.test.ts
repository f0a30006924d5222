/** How index spaces are walked, merged, cut into boxes and into splits; nothing here needs a GPU. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { type Context, dispose, FirstlightError, type Gpu, ShapeError, Tensor } from '../engine/index.ts';
import { smallBoxesOf } from '../kernels/rearrange/boxes.ts';
import { boundOf, boxesOf, mostOf, reachOf } from '../kernels/shared/boxes.ts';
import { dimensionOf, fittingSplit, lineOf } from '../kernels/shared/lines.ts';
import { isLastOn, kindParams, lastAxes, partitionOf } from '../kernels/shared/partition.ts';
import { splitsOf } from '../kernels/shared/rows.ts';
import { type Axis, broadcastShape, broadcastStrides, denseStrides, extentParams, fitsVectors, inVectors, mergedAxes,
  positionsOf, strideParams } from '../kernels/shared/strided.ts';
import { windowsOf } from '../kernels/shared/windows.ts';
import { nullGpu } from './null_gpu.ts';

const axis = (extent: number, ...strides: number[]): Axis => ({ extent, strides });

test('a dense tensor is walked by the extents behind an axis, one that repeats by 0', () => {
  assert.equal([denseStrides([2, 3, 4]), denseStrides([5]), denseStrides([])], [[12, 4, 1], [1], []]);
  assert.equal(broadcastStrides([3, 4], [2, 3, 4]), [0, 4, 1]);
  assert.equal(broadcastStrides([3, 1], [2, 3, 4]), [0, 1, 0]);
  assert.equal(broadcastStrides([2, 1, 4], [2, 3, 4]), [4, 0, 1]);
  assert.equal(broadcastStrides([], [2, 3]), [0, 0]);
});

test('shapes broadcast from the last axis, where extents are equal or one of them 1', () => {
  for (const [a, b, shape] of [[[7, 3], [3], [7, 3]], [[2, 1, 4], [3, 1], [2, 3, 4]], [[], [], []], [[1], [5], [5]], [
    [],
    [2],
    [2],
  ]]) {
    assert.equal([broadcastShape('add', a, b), broadcastShape('add', b, a)], [shape, shape]);
  }
  for (const [a, b, what] of [[[2, 3], [2], 'axis 1 from the left is 3 and 2'], [[4, 3], [2, 3],
    'axis 0 from the left is 4 and 2']] as const) {
    assert.is(assert.throwsWith(() => broadcastShape('add', a, b), ShapeError).message,
      `add: [${a}] and [${b}] do not broadcast: ${what}`);
  }
});

test('neighbouring axes that every operand walks without a gap are one, and axes of 1 are none', () => {
  const merged = (shape: number[], ...strides: number[][]) => mergedAxes('op', shape, strides);
  assert.equal(merged([2, 3, 4], [12, 4, 1]), [axis(24, 1)]);
  assert.equal(merged([2, 3, 4], [12, 4, 1], [4, 0, 1]), [axis(4, 1, 1), axis(3, 4, 0), axis(2, 12, 4)]);
  assert.equal(merged([2, 3, 4], [12, 4, 1], [0, 4, 1]), [axis(12, 1, 1), axis(2, 12, 0)]);
  assert.equal(merged([2, 1, 4], [4, 99, 1]), [axis(8, 1)]);
  assert.equal(merged([1, 1], [7, 7], [7, 7]), [axis(1, 1, 1)]);
  assert.is(merged([2, 2, 2, 2, 2, 2], [64, 1, 32, 2, 16, 4]).length, 6);
  assert.throwsWith(() => merged([2, 2, 2, 2, 2, 2, 2], [64, 1, 32, 2, 16, 4, 128]), ShapeError,
    'op: [2,2,2,2,2,2,2] needs 7 axes that cannot be merged, at most 6 work');
});

test('vectors of four want four neighbours on the innermost axis, and multiples of four on all others', () => {
  for (const [fits, axes] of [[true, [axis(8, 1)]], [false, [axis(6, 1)]], [false, [axis(8, 2)]], [true, [axis(4, 1, 1),
    axis(3, 4, 0)]], [false, [axis(4, 1, 1), axis(3, 4, 2)]], [false, [axis(4, 1, 0), axis(3, 4, 4)]], [true, [
    axis(4, 1),
    axis(3, 8),
    axis(2, 40),
  ]], [false, [axis(4, 1), axis(3, 8), axis(2, 41)]]] as const) {
    assert.is(fitsVectors(axes), fits, JSON.stringify(axes));
  }
  assert.equal(inVectors([axis(8, 1, 1), axis(3, 8, 16)]), [axis(2, 1, 1), axis(3, 2, 4)]);
});

test('six numbers tell a kernel of the axes, 1 and 0 where there are fewer', () => {
  const axes = [axis(4, 1, 10), axis(3, 4, 20)];
  assert.is(positionsOf(axes), 12);
  assert.equal(extentParams('e', axes), { e0: 4, e1: 3, e2: 1, e3: 1, e4: 1, e5: 1 });
  assert.equal(strideParams('x', axes, 1), { x0: 10, x1: 20, x2: 0, x3: 0, x4: 0, x5: 0 });
});

/** Where each position of some axes lies in an operand, innermost first. */
function placesOf(axes: readonly Axis[], operand: number, start = 0): number[] {
  return axes.reduceRight<(places: (at: number) => number[]) => (at: number) => number[]>(
    (outer, { extent, strides }) => (inner) =>
      outer((at) => Array.from({ length: extent }, (_, i) => inner(at + i * strides[operand])).flat()),
    (places) => places,
  )((at) => [at])(start);
}

test('boxes have every position once, in the order of the elements, and reach over no more than they may', () => {
  const spaces = [
    [axis(7, 1)],
    [axis(4, 1, 0), axis(3, 4, 1), axis(2, 12, 3)],
    [axis(3, 2, 1), axis(4, 10, 3), axis(3, 50, 12)],
    [axis(2, 1, 5), axis(5, 2, 10)],
  ];
  for (const axes of spaces) {
    const operands = axes[0].strides.map((_, k) => k);
    for (const limit of [1, 2, 3, 5, 8, 11, 24, 100]) {
      const most = operands.map((k) => (k === 0 ? limit : Number.POSITIVE_INFINITY));
      const boxes = [...boxesOf(axes, most)];
      for (const k of operands) {
        const all = boxes.flatMap((box) => placesOf(box.axes, k, box.starts[k]));
        assert.equal(all, placesOf(axes, k), `${JSON.stringify(axes)} by ${limit}, operand ${k}`);
      }
      const reaches = boxes.map((box) => reachOf(box.axes, 0));
      assert.ok(reaches.every((reach) => reach <= limit), `${reaches} of ${limit}`);
    }
  }
});

test('a box is as large as it may be', () => {
  const lengths = (axes: readonly Axis[], ...most: number[]) =>
    [...boxesOf(axes, most)].map(({ axes }) => positionsOf(axes));
  const matrix = [axis(4, 1), axis(6, 4)];
  assert.equal(lengths(matrix, 24), [24]);
  assert.equal(lengths(matrix, 23), [20, 4]);
  assert.equal(lengths(matrix, 8), [8, 8, 8]);
  assert.equal(lengths(matrix, 7), [4, 4, 4, 4, 4, 4]);
  assert.equal(lengths(matrix, 3), Array(6).fill([3, 1]).flat());
  assert.equal(lengths([axis(4, 1, 0), axis(6, 4, 1)], 100, 3), [12, 12], 'the second operand is the narrower one');
  assert.equal(lengths([axis(4, 1, 1), axis(6, 4, 0)], 8, 4), [8, 8, 8], 'it is the same for all rows');
  assert.equal(reachOf([axis(3, 2), axis(2, 10)], 0), 1 + 4 + 10);
});

test('of a space that is turned on its way, boxes of both axes have every position once, and are few', () => {
  const turned = [axis(6, 1, 8), axis(8, 6, 1)];
  for (const [most, count] of [[[48, 48], 1], [[47, 48], 2], [[48, 47], 2], [[12, 48], 4], [[48, 16], 3], [[12, 16],
    12], [[1, 1], 48]] as const) {
    const boxes = smallBoxesOf({ axes: turned, starts: [100, 200] }, most);
    assert.is(boxes.length, count, `${most}`);
    const pairs = (axes: readonly Axis[], starts: readonly number[]) => {
      const [from, to] = [0, 1].map((k) => placesOf(axes, k, starts[k]));
      return from.map((place, i) => `${place} ${to[i]}`);
    };
    assert.equal(boxes.flatMap((box) => pairs(box.axes, box.starts)).sort(), pairs(turned, [100, 200]).sort());
    assert.ok(boxes.every(({ axes }) => most.every((limit, k) => reachOf(axes, k) <= limit)), `${most}`);
  }
});

/** A context of which a binding holds so many bytes. */
const ofBytes = (bytes: number) =>
  ({ limits: { maxStorageBufferBindingSize: bytes }, pool: { guardBytes: 0 } }) as unknown as Context;

test('a tensor that fits a binding has no limit; of another one fit as many elements, wherever they begin', () => {
  const most = (bytes: number, elementBytes: number, vector: number) =>
    mostOf({ gpu: ofBytes(4096), bytes, elementBytes } as Tensor, vector);
  assert.equal([most(4096, 4, 1), most(4096, 2, 4)], [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
  // less the 128 elements that lie before the first in its binding
  assert.equal([most(4100, 4, 1), most(4100, 4, 4), most(4100, 2, 1)], [896, 224, 1920]);
  assert.is(mostOf({ gpu: ofBytes(4104), bytes: 5000, elementBytes: 4 } as Tensor, 4), 224, 'whole vectors');
});

test('what is bound begins where a binding may, and ends with what is asked for', async () => {
  const gpu: Gpu = await nullGpu();
  using x = Tensor.empty(gpu, [1000], 'f32');
  const bound = (vector: number, first: number, end: number) => {
    const { tensor, origin } = boundOf(x, vector, first, end);
    return [tensor === x, origin, tensor.byteOffset, tensor.size];
  };
  assert.equal(bound(1, 0, 1000), [true, 0, 0, 1000]);
  assert.equal(bound(4, 0, 250), [true, 0, 0, 1000]);
  assert.equal(bound(1, 0, 999), [false, 0, 0, 999]);
  assert.equal(bound(1, 128, 200), [false, 128, 512, 72]);
  assert.equal(bound(1, 255, 256), [false, 128, 512, 128]);
  assert.equal(bound(1, 300, 1200), [false, 256, 1024, 744], 'to the end at most');
  assert.equal(bound(4, 33, 50), [false, 32, 512, 72]);
  const { live } = gpu.pool;
  const { refs } = x.storage;
  boundOf(x, 1, 128, 200)[dispose]();
  assert.equal([gpu.pool.live, x.storage.refs - refs], [live, 0], 'and holds nothing once it is disposed of');
});

test('a dimension may be counted from the end', () => {
  assert.equal([0, 2, -1, -3].map((dim) => dimensionOf('sum', [2, 3, 4], dim)), [0, 2, 2, 0]);
  for (const dim of [3, -4, 0.5, Number.NaN]) {
    assert.throwsWith(() => dimensionOf('sum', [2, 3, 4], dim), ShapeError,
      `sum: x is [2,3,4], it has no dimension ${dim}`);
  }
  assert.equal([lineOf([2, 3, 4], 0), lineOf([2, 3, 4], 2)], [{ extent: 2, inner: 12 }, { extent: 4, inner: 1 }]);
});

test('splits are some √n of some √n rows, in steps of 16', () => {
  for (const [rows, splits, splitRows] of [[1, 1, 16], [16, 1, 16], [17, 2, 16], [256, 16, 16], [257, 9, 32], [1024, 32,
    32], [1025, 22, 48]]) {
    assert.equal(splitsOf(rows), { splits, splitRows }, `${rows}`);
  }
});

test('a split that no binding holds is shortened to what one does, in whole vectors where there are four rows', () => {
  // a binding holds 1024 numbers, less 128
  const fitting = (length: number, inner: number) => fittingSplit(ofBytes(4096), length, inner);
  assert.equal([fitting(896, 1), fitting(897, 1), fitting(5000, 1)], [896, 896, 896]);
  assert.is(fittingSplit(ofBytes(4098), 897, 1), 896);
  assert.equal([fitting(99, 9), fitting(100, 9), fitting(200, 128), fitting(200, 149)], [99, 96, 4, 4]);
  assert.equal([fitting(200, 298), fitting(200, 300), fitting(200, 448)], [3, 2, 2]);
  assert.equal([fitting(200, 449), fitting(2, 448)], [200, 2], 'where not even two rows fit, all of it goes');
});

test('windows on an axis: as many as fit the padded picture, or one more that reaches beyond it', () => {
  const counts = (extent: number, kernel: number, stride: number, padding: number, dilation: number) =>
    [false, true].map((isWhole) =>
      windowsOf('pool', [1, extent, 3], { kernel, stride, padding, dilation }, isWhole).y[2]
    );
  assert.equal(counts(8, 3, 2, 0, 1), [3, 4]);
  assert.equal(counts(9, 3, 2, 0, 1), [4, 4]);
  assert.equal(counts(8, 3, 2, 1, 1), [4, 5]);
  assert.equal(counts(8, 3, 1, 0, 2), [4, 4]);
  assert.equal(counts(3, 3, 5, 0, 1), [1, 1]);
  assert.is(windowsOf('pool', [1, 2, 3], { kernel: 3 }, true).y[2], 1, 'one that is larger than the picture');
  assert.throwsWith(() => windowsOf('pool', [1, 4, 2, 3], { kernel: [2, 3] }), ShapeError,
    'pool: a kernel of [2,3] does not fit pictures of [4,2] with a padding of [0,0]');
  const { frames, channels, ...of } = windowsOf('pool', [2, 6, 8, 5], { kernel: [2, 3], padding: 1 });
  assert.equal([frames, channels], [2, 5]);
  assert.equal(of, { kernel: [1, 2, 3], x: [1, 6, 8], y: [1, 4, 3], stride: [1, 2, 3], padding: [0, 1, 1],
    dilation: [1, 1, 1], shape: [2, 4, 3, 5] });
  assert.equal(windowsOf('pool', [1, 4, 5, 6, 2], { kernel: 2, stride: 1 }).y, [3, 4, 5]);
  for (const [shape, options, what] of [
    [[1, 3], { kernel: 1 }, 'one to three axes between'],
    [[1, 2, 2, 2, 2, 3], { kernel: 1 }, 'one to three axes between'],
    [[1, 4, 3], { kernel: 0 }, 'kernel is 0, expected a whole number of 1 or more'],
    [[1, 4, 3], { kernel: 1, stride: 0 }, 'stride is 0'],
    [[1, 4, 3], { kernel: 1, padding: -1 }, 'padding is -1, expected a whole number of 0 or more'],
    [[1, 4, 3], { kernel: 1, dilation: 0 }, 'dilation is 0'],
    [[1, 4, 3], { kernel: 1.5 }, 'kernel is 1.5'],
    [[1, 4, 3], { kernel: [1, 1] }, 'kernel is 1, 1, expected a whole number of 1 or more, or 1 of them'],
  ] as const) assert.throwsWith(() => windowsOf('pool', shape, options), new RegExp(what));
});

/** The kinds of windows of a picture, by going through all: on which axes they are the last ones of those shifted. */
function kindsOf(counts: readonly number[], shift: readonly number[], pictures: number) {
  const windows = new Map<number, number>();
  for (let t = 0; t < counts[0]; t++) {
    for (let y = 0; y < counts[1]; y++) {
      for (let x = 0; x < counts[2]; x++) {
        const last = [t, y, x].reduce(
          (bits, at, axis) => 2 * bits + (shift[axis] > 0 && at === counts[axis] - 1 ? 1 : 0),
          0,
        );
        windows.set(last, (windows.get(last) ?? 0) + 1);
      }
    }
  }
  let first = 0;
  return [...windows].sort(([a], [b]) => a - b).map(([last, count]) => {
    const kind = { last, windows: count, first };
    first += pictures * count;
    return kind;
  });
}

test('windows come kind by kind, and one that covers an axis is as long as it and not shifted', () => {
  for (const [shape, window, shift] of [
    [[2, 6, 5], [4], [0]],
    [[3, 9, 5], [4], [1]],
    [[1, 8, 12, 5], [4, 4], [2, 2]],
    [[2, 7, 10, 5], [7, 3], [3, 1]],
    [[2, 4, 9, 9, 5], [2, 4, 4], [1, 2, 0]],
    [[1, 8, 6, 6, 5], [8, 3, 7], [4, 1, 3]],
    [[1, 3, 5], [1], [0]],
  ]) {
    const partition = partitionOf(shape, { window, shift });
    const [pictures, ...axes] = shape.slice(0, -1);
    const full = [1, 1, 1, ...window].slice(-3);
    const extents = [1, 1, 1, ...axes].slice(-3);
    const used = full.map((size, axis) => Math.min(size, extents[axis]));
    const by = [0, 0, 0, ...shift].slice(-3).map((size, axis) => (extents[axis] > full[axis] ? size : 0));
    const counts = used.map((size, axis) => Math.ceil(extents[axis] / size));
    const kinds = kindsOf(counts, by, pictures);
    const product = (of: readonly number[]) => of.reduce((a, b) => a * b, 1);
    assert.equal(partition, { shape: shape.slice(0, -1), pictures, extents, full, window: used, shift: by, counts,
      kinds, windows: pictures * product(counts), tokens: product(used) }, JSON.stringify({ shape, window, shift }));
    const firsts = kinds.slice(1).map((kind) => kind.first);
    assert.equal(Object.values(kindParams(kinds)), Array.from({ length: 7 }, (_, i) => firsts[i] ?? 0xffffffff));
    assert.equal(Object.values(kindParams(kinds, 3)), Array.from({ length: 7 }, (_, i) =>
      firsts[i] === undefined ? 0xffffffff : Math.max(0, firsts[i] - 3)));
    assert.is(lastAxes(kinds), kinds.reduce((sum, { last }, i) => sum + last * 8 ** i, 0));
  }
  assert.equal(Object.keys(kindParams([])), ['kind1', 'kind2', 'kind3', 'kind4', 'kind5', 'kind6', 'kind7']);
  assert.equal([[5, 0], [5, 1], [5, 2], [2, 1]].map(([last, axis]) => isLastOn(last, axis)), [true, false, true, true]);
});

test('windows that are none, or shifted by as much as they have, are refused', () => {
  for (const [shape, size, problem] of [
    [[1, 8, 8, 5], { window: [4] }, 'window is [4], expected a whole number for each of the axes of [8,8], 1 or more'],
    [[1, 8, 5], { window: [0] }, 'window is [0]'],
    [[1, 8, 5], { window: [1.5] }, 'window is [1.5]'],
    [[1, 8, 5], { window: [4], shift: [4] }, 'shift is [4], expected a whole number for each of the axes of [8], less'],
    [[1, 8, 5], { window: [4], shift: [-1] }, 'shift is [-1]'],
    [[1, 8, 5], { window: [4], shift: [1, 1] }, 'shift is [1,1]'],
    [[8, 5], { window: [] }, 'tokens must be [B, …, C] with one to three axes between, got [8,5]'],
    [[1, 2, 2, 2, 2, 5], { window: [1, 1, 1, 1] }, 'tokens must be [B, …, C]'],
  ] as const) {
    assert.ok(assert.throwsWith(() => partitionOf(shape, size), FirstlightError).message.includes(problem), problem);
  }
});

test.run();
