/** The second rung in tiles that software adapters do not choose by themselves. */
import { test } from './test.ts';
import { type Candidate, open } from '../engine/index.ts';
import { room } from '../kernels/matmul/cases.ts';
import { runCase } from '../kernels/checking/run_case.ts';
import { candidateName } from '../kernels/checking/runs.ts';
import { checkAgainstReference, checkEqualBits } from './sweep.ts';

const gpu = await open({ guard: true });
const LARGE: ReadonlyMap<string, Candidate> = new Map(
  room.kernels.filter(({ name }) => name.startsWith('matmul')).map((
    { name },
  ) => [name, { variant: 'tiled', sizes: { tile: 128 } }]),
);
/**
 * More than a tile wide, more than a tile high, several parts of K with row sums, and all that a product can bring
 * along.
 */
const CASES = ['one row, many columns', 'vectors, partial tiles', 'linear: many rows, few weights',
  'linear: odd everywhere, residual'];

for (const item of room.cases.filter(({ name }) => CASES.includes(name))) {
  test(`${candidateName(LARGE)}: "${item.name}" agrees with float64, stays in its tensors, writes every element, and repeats bit for bit`, async () => {
    const first = await runCase(gpu, item, LARGE, 'f32');
    checkAgainstReference(item, first, 'f32');
    checkEqualBits(item, first, await runCase(gpu, item, LARGE, 'f32'));
    await gpu.checkGuards();
  });
}

test.after(() => gpu.close());

test.run();
