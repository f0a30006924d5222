/** uvu's `test`, for bodies that assert something, and tests that say why they are skipped. */
import { exec, test as run } from 'uvu';
import { around } from './around.ts';
import { assertions } from './asserted.ts';

/** Runs the tests of the files that were read, where `UVU_DEFER` keeps them from running by themselves. */
export { exec };

type Body = () => void | Promise<void>;
type Test = (title: string, body: Body) => void;

/**
 * The body, which then fails if it ends without having asserted anything, and if it throws `undefined`, which uvu takes
 * for none of its failures and ends with status 0.
 */
export function asserting(body: Body): () => Promise<void> {
  return async () => {
    const before = assertions();
    try {
      await body();
    } catch (error) {
      throw error ?? new Error(`this test threw ${error}`);
    }
    if (assertions() === before) throw new Error('this test asserted nothing');
  };
}

let count = 0;
const add: Test = (title, body) => {
  const own = around.of(asserting(body), count++);
  if (own !== undefined) run(title, own);
};

/**
 * A test. It fails if its body ends without having asserted anything: by `assert.ts`, or by a helper that calls
 * `asserted`.
 */
export const test = Object.assign(add, { before: run.before, after: run.after, run: run.run });

/** A test for machines that have what it needs; on others it is skipped, counted so, and named with the reason. */
export function testIf(has: boolean, why: string): Test {
  return has ? test : (title) => skip(title, why);
}

function skip(title: string, why: string): void {
  run.skip();
  console.log(`skipped: ${title}, for ${why}`);
}
