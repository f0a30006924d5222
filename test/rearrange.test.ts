import { test } from './test.ts';
import * as assert from './assert.ts';
import { backward, commandsOf, open, ShapeError, Tensor } from '../engine/index.ts';
import { add } from '../kernels/elementwise/index.ts';
import { cast, concat, expand, permute, slice } from '../kernels/rearrange/index.ts';
import { smallBoxesOf } from '../kernels/rearrange/boxes.ts';

const gpu = await open();

const refused = (run: () => unknown, message: string) => assert.throwsWith(run, ShapeError, message);

test('what does not fit is refused by name', () => {
  gpu.scope(() => {
    const x = Tensor.zeros(gpu, [2, 3]);
    refused(() => permute(x, [0, 0]), 'permute: [0,0] does not name each axis of [2,3] once');
    refused(() => slice(x, 1, 2, 4), 'slice: [2, 4) is not a part of axis 1 of [2,3]');
    refused(() => slice(x, 2, 0, 1), 'slice: [2,3] has no axis 2');
    refused(() => concat([x, Tensor.zeros(gpu, [3, 3])], 1), 'concat: [2,3] and [3,3] differ outside of axis 1');
    refused(() => expand(x, [2, 6]), 'expand: [2,3] and [2,6] do not broadcast: axis 1 from the left is 3 and 6');
    refused(() => expand(x, [3]), 'expand: [2,3] cannot be repeated to [3]');
  });
});

test('a tensor that is concatenated with itself gets both halves of the gradient', async () => {
  const x = Tensor.from(gpu, Float32Array.of(1, 2, 3), [3, 1]);
  x.requiresGrad = true;
  const y = concat([x, x], 1);
  assert.equal([...(await y.read())], [1, 1, 2, 2, 3, 3]);
  backward(y, Tensor.from(gpu, Float32Array.of(1, 10, 2, 20, 3, 30), [3, 2]));
  assert.equal([...(await x.grad!.read())], [11, 22, 33]);
});

test('a cast to the same type is a view: it costs nothing, passes the gradient on, and to dispose of it does not free what was given', async () => {
  const x = Tensor.from(gpu, Float32Array.of(1, 2, 3));
  x.requiresGrad = true;
  const { dispatches } = gpu.counts;
  {
    using y = cast(x, 'f32');
    assert.is.not(y, x);
    backward(y, Tensor.from(gpu, Float32Array.of(4, 5, 6)));
  }
  assert.is(gpu.counts.dispatches, dispatches);
  assert.equal([...(await x.read())], [1, 2, 3]);
  assert.equal([...(await x.grad!.read())], [4, 5, 6]);
});

test('copies keep nothing for their gradients but the result', () => {
  const x = Tensor.zeros(gpu, [8, 16]);
  x.requiresGrad = true;
  const before = gpu.pool.live;
  const y = gpu.scope(() => expand(slice(permute(x, [1, 0]), 0, 3, 4), [5, 8]));
  assert.is(gpu.pool.live - before, y.bytes);
  y.dispose();
  x.dispose();
});

test('a slice and its gradients go in vectors of four where its rows, its start and its end are whole fours', () => {
  const forms = (row: number, start: number, end: number) => {
    using x = Tensor.zeros(gpu, [3, row]);
    x.requiresGrad = true;
    const [commands] = commandsOf(gpu, () =>
      void gpu.scope(() => {
        const y = add(slice(x, 1, start, end), slice(x, 1, start, end));
        backward(y, y.like());
        x.grad?.dispose();
      }));
    x.grad = undefined;
    return commands.flatMap((command) =>
      command.kind === 'dispatch' && /^(rearrange|slice)/.test(command.label) ? command.label.split('.')[1] : []
    );
  };
  // two copies, a gradient, and another that is added to it
  const four = (form: string) => Array.from({ length: 4 }, () => form);
  assert.equal([forms(16, 4, 12), forms(16, 8, 16), forms(8, 0, 4)], [four('vec4'), four('vec4'), four('vec4')]);
  assert.equal([forms(16, 2, 10), forms(16, 4, 11), forms(18, 4, 12)], [four('scalar'), four('scalar'),
    four('scalar')]);
});

test('a transpose larger than a binding goes in blocks: few, each within the limit on both sides, every position once', () => {
  const [rows, columns, most] = [300, 500, 40_000];
  // innermost first: along a row of the result, which is a column of x
  const tiles = smallBoxesOf({ axes: [{ extent: rows, strides: [columns, 1] }, { extent: columns, strides: [1, rows] }],
    starts: [0, 0] }, [most, most]);
  const seen = new Uint8Array(rows * columns);
  for (const { axes: [r, c], starts: [x, y] } of tiles) {
    const reach = [0, 1].map((k) => (r.extent - 1) * r.strides[k] + (c.extent - 1) * c.strides[k] + 1);
    assert.ok(reach.every((elements) => elements <= most), `${reach}`);
    for (let i = 0; i < r.extent; i++) {
      for (let j = 0; j < c.extent; j++) {
        seen[x + i * columns + j]++;
        assert.is(y + j * rows + i,
          ((x + i * columns + j) % columns) * rows + Math.floor((x + i * columns + j) / columns));
      }
    }
  }
  assert.ok(seen.every((times) => times === 1));
  assert.is(tiles.length, 4 * 4);
});

test.after(() => gpu.close());
test.run();
