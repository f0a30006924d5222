import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { backward, type Candidate, open, ShapeError, Tensor } from '../engine/index.ts';
import { room } from '../kernels/patchify/cases.ts';
import { patchify } from '../kernels/patchify/index.ts';
import { emulatedMatrices } from '../kernels/shared/matrix.ts';
import { shapesFor } from '../kernels/shared/product.ts';
import { runCase } from '../kernels/checking/run_case.ts';
import { checkAgainstReference, checkEqualBits } from './sweep.ts';

const gpu = await open({ guard: true });

test('frames that are not whole patches, and shapes that do not fit, are refused by name', () => {
  gpu.scope(() => {
    const refused = (pixels: readonly number[], weight: readonly number[], message: string) =>
      assert.throwsWith(
        () => patchify(Tensor.zeros(gpu, pixels), Tensor.zeros(gpu, weight)),
        ShapeError,
        message,
      );
    refused([2, 3, 10, 10], [4, 3, 4, 4], 'patchify: frames of 10 × 10 are not whole patches of 4 × 4');
    refused([2, 1, 8, 8], [4, 3, 4, 4], 'patchify: pixels must be [F, 3, S, S], got [2,1,8,8]');
    refused([2, 3, 8, 8], [4, 3, 4, 2], 'patchify: the weight must be [D, 3, p, p], got [4,3,4,2]');
  });
});

test('pixels get a gradient only if they ask for one, and it costs one dispatch', async () => {
  const dispatches = [false, true].map((wanted) =>
    gpu.scope(() => {
      const pixels = Tensor.zeros(gpu, [1, 3, 4, 4]);
      const weight = Tensor.zeros(gpu, [4, 3, 4, 4]);
      pixels.requiresGrad = wanted;
      weight.requiresGrad = true;
      const y = patchify(pixels, weight);
      const before = gpu.counts.dispatches;
      backward(y, Tensor.zeros(gpu, y.shape));
      assert.is(pixels.grad !== undefined, wanted);
      for (const { grad } of [pixels, weight]) grad?.dispose();
      return gpu.counts.dispatches - before;
    })
  );
  assert.equal(dispatches, [1, 2]);
});

// in vectors with a last tile that is not full, and element by element: all three products find pixels, as A, B and C
for (const item of room.cases.filter(({ name }) => /^a last tile|^odd patches/.test(name))) {
  testIf(gpu.subgroupSize > 0, 'subgroups have no one size here')(
    `the matrix rung, emulated, finds the pixels of "${item.name}"`,
    async () => {
      const sizes = shapesFor(gpu, { sizes: emulatedMatrices(gpu), isWide: false }).at(-1) ?? {};
      const emulated: Candidate = { variant: 'emulated', sizes };
      const chosen = new Map(
        room.kernels.filter(({ name }) => name.startsWith('patchify')).map(({ name }) => [name, emulated]),
      );
      const first = await runCase(gpu, item, chosen, 'f32');
      checkAgainstReference(item, first, 'f32');
      checkEqualBits(item, first, await runCase(gpu, item, chosen, 'f32'));
      await gpu.checkGuards();
    },
  );
}

test.after(() => gpu.close());
test.run();
