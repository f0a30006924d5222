/** The rung of matrix units: its own text with the matrices emulated, against float64; and with the units as far as they go without any. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Choice, type FloatType, open } from '../engine/index.ts';
import { room } from '../kernels/matmul/cases.ts';
import { shapesFor } from '../kernels/matmul/matrix.ts';
import { emulatedMatrices } from '../kernels/shared/matrix.ts';
import { checkAgainstReference, checkEqualBits, choiceName, runCase, storages } from './sweep.ts';

const gpu = await open({ guard: true });
const shapes = shapesFor(gpu, emulatedMatrices(gpu));

/** Every kernel of the room that has the rung runs it in this shape. */
function emulatedIn(sizes: Choice['sizes']): ReadonlyMap<string, Choice> {
  return new Map(room.kernels.filter(({ name }) => name.startsWith('matmul')).map(({ name }) => [name, { variant: 'emulated', sizes }]));
}

room.cases.forEach((item, number) => {
  const choice = emulatedIn(shapes[number % shapes.length]);
  const types = storages(gpu, item);
  test(`${choiceName(choice)}: "${item.name}" agrees with float64 in ${types.join('; ')}, stays in its tensors, and repeats bit for bit`, async () => {
    for (const type of types) {
      const first = await runCase(gpu, item, choice, type);
      checkAgainstReference(item, first, type);
      checkEqualBits(item, first, await runCase(gpu, item, choice, type));
    }
    assert.ok(gpu.choices.asked.some(({ choice: { variant } }) => variant === 'emulated'), 'the rung has run');
    await gpu.checkGuards();
  });
});

test.after(() => gpu.close());

test.run();
