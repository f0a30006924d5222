/** Tensors on a device that does nothing: shapes, views, types, whose memory they hold and until when. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { CaptureError, DisposedTensorError, DTypeError, FirstlightError, ShapeError, Tensor } from '../engine/index.ts';
import { sameShape } from '../engine/tensor.ts';
import { nullGpu } from './null_gpu.ts';

const gpu = await nullGpu();
const zeros = (...shape: number[]) => Tensor.zeros(gpu, shape, 'x');
const told = ({ shape, size, dtype, label, byteOffset, bytes }: Tensor) =>
  `${label} ${dtype} [${shape}] ${size} at ${byteOffset}, ${bytes} B`;

test('a tensor has the shape, the type and the name that it is given, or those that its data have', () => {
  for (const [tensor, what] of [
    [Tensor.empty(gpu, [2, 3], 'f16'), 'tensor f16 [2,3] 6 at 0, 12 B'],
    [Tensor.empty(gpu, [3], 'f16', 'odd'), 'odd f16 [3] 3 at 0, 8 B'],
    [Tensor.zeros(gpu, []), 'zeros f32 [] 1 at 0, 4 B'],
    [Tensor.zeros(gpu, [2], 'n', 'u32'), 'n u32 [2] 2 at 0, 8 B'],
    [Tensor.from(gpu, Float32Array.of(1, 2)), 'tensor f32 [2] 2 at 0, 8 B'],
    [Tensor.from(gpu, Uint32Array.of(1, 2), [2, 1], 'ids'), 'ids u32 [2,1] 2 at 0, 8 B'],
    [Tensor.from(gpu, Int32Array.of(1), []), 'tensor i32 [] 1 at 0, 4 B'],
  ] as unknown as readonly (readonly [Tensor, string])[]) {
    assert.is(told(tensor), what);
    tensor.dispose();
  }
  for (const shape of [[0], [-1], [1.5], [2, Number.NaN]]) {
    for (const make of [() => zeros(...shape), () => Tensor.from(gpu, new Float32Array(2), shape)]) {
      assert.throwsWith(make, ShapeError, /every extent must be a whole number of at least 1, got/);
    }
  }
  assert.throwsWith(() => Tensor.from(gpu, Float32Array.of(1, 2), [3], 'w'), ShapeError, 'w: 3 values fit [3], got 2');
  assert.equal([sameShape([1, 2], [1, 2]), sameShape([1, 2], [1]), sameShape([1], [1, 2]), sameShape([1, 2], [2, 2]),
    sameShape([], [])], [true, false, false, false, true]);
});

test('what is written must be of its type and length', () => {
  using x = zeros(2);
  assert.throwsWith(() => x.write(new Uint32Array(2) as unknown as Float32Array), DTypeError);
  assert.throwsWith(() => x.write(new Float32Array(3)), ShapeError, 'x: 2 values fit [2], got 3');
  x.write(new Float32Array(2));
});

test('a view is a part of its tensor, up to its last byte, and keeps the memory', () => {
  const { live } = gpu.pool;
  const x = zeros(4, 4);
  const part = x.alias([3], 52);
  assert.equal([told(part), part.storage === x.storage, x.storage.refs], ['x f32 [3] 3 at 52, 12 B', true, 2]);
  const again = part.alias([2], 4);
  assert.is(again.byteOffset, 56);
  for (const [shape, offset] of [[[3], 56], [[17], 0], [[1], -4], [[4, 4], 4]] as const) {
    assert.throwsWith(() => x.alias(shape, offset), ShapeError,
      `x: [${shape}] from byte ${offset} on is no part of [4,4], which has 64 bytes`);
  }
  assert.throwsWith(() => x.alias([0]), ShapeError);
  x.dispose();
  x.dispose();
  assert.equal([x.isDisposed, part.isDisposed, gpu.pool.live - live], [true, false, 64]);
  assert.throwsWith(() => x.storage, DisposedTensorError, 'x [4,4] was freed before this use');
  part.dispose();
  again.dispose();
  assert.is(gpu.pool.live, live);
});

test('another shape has the same elements, one extent of it may be left open', () => {
  using x = zeros(2, 6);
  for (const [shape, full] of [[[12], [12]], [[-1], [12]], [[3, -1], [3, 4]], [[-1, 12], [1, 12]], [[2, -1, 3], [2, 2,
    3]]]) {
    using y = x.reshape(shape);
    assert.equal([y.shape, y.storage === x.storage], [full, true]);
  }
  for (const shape of [[5], [5, -1], [24, -1], [0, -1], [1.5, 8], [-2, -6]]) {
    assert.throwsWith(() => x.reshape(shape), ShapeError, /reshape: \[2,6\] has 12 elements, which do not make/);
  }
  assert.throwsWith(() => x.reshape([-1, -1]), ShapeError, 'reshape: one extent may be −1, got [-1,-1]');
  using one = zeros(1, 1);
  using scalar = one.reshape([]);
  assert.equal(scalar.shape, []);
  assert.throwsWith(() => x.item(), ShapeError, 'item: [2,6] has 12 elements, need 1');
});

test('gradients of parameters in f16, and of what is cut from them, are f32; others are stored as what they belong to', () => {
  using x = zeros(3);
  using half = Tensor.empty(gpu, [3], 'f16', 'half');
  using wide = Tensor.empty(gpu, [3], 'f16', 'wide');
  wide.hasWideGradient = true;
  using cut = wide.alias([2]);
  assert.equal([x, half, wide, cut].map(({ gradType }) => gradType), ['f32', 'f16', 'f32', 'f32']);
  using gradient = half.gradLike();
  using of = wide.gradLike();
  using like = half.like();
  using other = half.like([5], 'other');
  using statistics = half.wide([2], 'sums');
  assert.equal(
    [gradient, of, like, other, statistics].map((tensor) => `${tensor.label} ${tensor.dtype} [${tensor.shape}]`),
    ['d half f16 [3]', 'd wide f32 [3]', 'half f16 [3]', 'other f16 [5]', 'sums f32 [2]'],
  );
});

test('what the tape holds stays until it is let go, and is told if it was overwritten', () => {
  const { live } = gpu.pool;
  const x = zeros(4);
  const y = x.alias([2], 8);
  const [hold, other] = [x.hold(), y.hold()];
  assert.equal([hold.what, other.what, hold.isOverwritten], ['x [4]', 'x [2]', false]);
  const first = x.alias([1]);
  first.write(Float32Array.of(1));
  first.dispose();
  assert.equal([hold.isOverwritten, other.isOverwritten], [true, false]);
  x.dispose();
  y.dispose();
  assert.equal([x.isDisposed, gpu.pool.live - live > 0], [false, true], 'held still');
  hold.release();
  assert.is(x.isDisposed, true);
  other.release();
  assert.is(gpu.pool.live, live);
});

test('a tensor moves into other memory, another type too, unless somebody holds it', () => {
  const { live } = gpu.pool;
  const x = zeros(4);
  const arena = Tensor.empty(gpu, [64], 'f16', 'arena');
  const place = arena.alias([4], 32) as unknown as Tensor<'f32'>;
  const old = x.storage;
  const hold = x.hold();
  assert.is(assert.throwsWith(() => x.rehome(place as Tensor), FirstlightError).code, 'FL_IN_USE');
  hold.release();
  x.rehome(place as Tensor);
  assert.equal([x.storage === arena.storage, x.byteOffset, x.dtype as string, old.moves, old.refs, arena.storage.refs],
    [
      true,
      32,
      'f16',
      1,
      0,
      3,
    ]);
  for (const tensor of [x, place, arena]) tensor.dispose();
  assert.is(gpu.pool.live, live);
  const step = gpu.capture(() =>
    gpu.scope(() => {
      const own = zeros(4);
      own.rehome(zeros(4));
      kept.rehome(own);
    })
  );
  const kept = zeros(4);
  assert.throwsWith(() => step.run(), CaptureError, /captured step: x \[4\] would move into other memory/);
  kept.dispose();
});

test.run();
