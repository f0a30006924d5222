import { writeFile } from 'node:fs/promises';
import { FirstlightError, type FloatType, type Gpu, open } from '../../engine/index.ts';
import { oneLine, shown } from '../../engine/shown.ts';
import { rooms } from '../../kernels/index.ts';
import { prefer } from '../../kernels/shared/prefer.ts';
import { variantNames } from '../../kernels/variants.ts';
import { type FixtureKind, kindOf, verifyFixture } from '../verify/index.ts';
import type { CheckResult } from '../verify/comparison.ts';
import { readFixtures } from '../verify/folder.ts';

/**
 * Checks this installation on this adapter against fixtures: one line for each check, with the worst tensor and its
 * error over its tolerance. Returns the exit status: 1 if any check fails.
 *
 * @param options.variant run kernels in this variant where they have it, or, if `all`, in one after the other
 */
export async function verify(
  { folders, type = 'f32', json, vocab, variant }: { folders: string[]; type?: FloatType; json?: string; vocab?: string;
    variant?: string },
): Promise<number> {
  const fixtures = (await Promise.all(folders.map(readFixtures))).flat();
  const kinds = new Map<string, FixtureKind>();
  // all of them first: an unknown one ends the run before any work
  for (const file of fixtures) kinds.set(file.name, kindOf(file));
  await using gpu = await open();
  gpu.requireType(type);
  console.log(`verify on ${gpu.name}: ${fixtures.length} fixtures${type === 'f16' ? ', stored as f16' : ''}`);
  const results: (CheckResult & { readonly variant?: string })[] = [];
  const notBuilt = fixtures.filter(({ name }) => kinds.get(name) === 'not built').map(({ name }) => name);
  for (const name of variantsToCheck(gpu, type, variant)) {
    if (name !== undefined) console.log(`\nkernels in the variant ${name}, those that have it`);
    for (const file of fixtures) {
      const kind = kinds.get(file.name) as FixtureKind;
      if (kind === 'not built') continue;
      if (name !== undefined) prefer(gpu, rooms.flatMap(({ kernels }) => kernels), name, type);
      for (const result of await checksOf(() => verifyFixture(gpu, file, kind, { type, vocabulary: vocab }),
        file.name)) {
        console.log(lineOf(result));
        results.push(name === undefined ? result : { ...result, variant: name });
      }
    }
  }
  if (notBuilt.length > 0) console.log(`not built yet, not checked: ${notBuilt.join(', ')}`);
  const failed = results.filter((result) => !result.passed).length;
  if (json !== undefined) {
    await writeFile(json, `${JSON.stringify({ adapter: gpu.name, type, results, notBuilt }, undefined, 2)}\n`);
  }
  console.log(`${results.length - failed} passed, ${failed} failed`);
  return failed > 0 || results.length === 0 ? 1 : 0;
}

/** Names of the variants to run; undefined for what the adapter chooses. */
function variantsToCheck(gpu: Gpu, type: FloatType, variant: string | undefined): readonly (string | undefined)[] {
  if (variant === undefined) return [undefined];
  const names = variantNames(gpu, type);
  if (variant === 'all') return names;
  if (!names.includes(variant)) {
    throw new FirstlightError('FL_USAGE', `--variant: this adapter runs no kernel of ${type} in a variant "${variant}"`,
      { variant }, `it has ${names.join(', ')}; all runs one after the other`);
  }
  return [variant];
}

/**
 * The results of a fixture; an error inside it is one failed check, unless it spoils the adapter for all that follow.
 */
async function checksOf(run: () => Promise<CheckResult[]>, fixture: string): Promise<CheckResult[]> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof FirstlightError) || /^FL_(GPU|DEVICE|KERNEL|STEP)/.test(error.code)) throw error;
    return [{ fixture, check: 'run', tensors: 0, passed: false, worst: undefined, problem: error.message, lacks: [] }];
  }
}

/** What a check found, for people. */
export function lineOf({ fixture, check, tensors, passed, worst, problem, lacks }: CheckResult): string {
  const count = `${tensors} tensor${tensors === 1 ? '' : 's'}`;
  const margin = worst === undefined
    ? ''
    : `  worst ${shown(worst.tensor)}: ${worst.error.toExponential(1)} of ${worst.tolerance.toExponential(1)}`;
  return oneLine(
    `${passed ? 'ok  ' : 'FAIL'}  ${fixture.padEnd(10)}  ${check.padEnd(34)}  ${count.padStart(11)}${margin}${
      problem === undefined ? '' : `  ${problem}`
    }${lacks.length === 0 ? '' : `  (the fixture has no ${lacks.join(', ')})`}`,
  );
}
