import { isSwiftShader } from '../engine/software.mjs';
import type { Room } from '../kernels/shared/room.ts';
import { runCase } from '../kernels/checking/run_case.ts';
import { asRunBy, candidateName, type Run, Runs } from '../kernels/checking/runs.ts';
import { storages } from '../kernels/checking/storage.ts';
import * as assert from './assert.ts';
import { Bits } from './bits.ts';
import { casesOf, commandOf, isNarrow, type Narrowing } from './narrow.ts';
import { testNonFinite } from './non_finite.ts';
import { checkAgainstReference, checkEqualBits, repeatable } from './sweep.ts';
import { type BelievedLimits, openWithLimits, testRanges } from './small_limits.ts';
import { test, testIf } from './test.ts';

/** Runs of a case with a kernel in a variant that is not planned yet, which it then is; or else whose turn it is. */
function turns(runs: Runs, number: number, planned: Set<string>): readonly Run[] {
  const fresh = runs.of(number).filter((run) => {
    const names = [...run].map(([kernel, { variant }]) => `${kernel}.${variant}`);
    const isNew = names.some((name) => !planned.has(name));
    names.forEach((name) => planned.add(name));
    return isNew;
  });
  return fresh.length > 0 ? fresh : runs.turnOf(number, 'f32');
}

/**
 * Every case of some rooms on every variant that this adapter can run, in memory full of NaN with guard zones around
 * each tensor: against float64; small ones with NaN and infinity planted in their inputs; large ones, by default
 * variants, where a binding holds less than a tensor.
 */
export async function sweepRooms(rooms: readonly Room[], narrowing: Narrowing = {}): Promise<void> {
  // one context for all: a second one would compile every program again, and that is where the time goes
  const believed: BelievedLimits = {};
  const gpu = await openWithLimits(believed, { guard: true });
  const bits = new Bits();

  for (const room of rooms) {
    const cases = casesOf(room, narrowing.case).filter(([, item]) => item.skip?.(gpu) === undefined);
    const runs = new Runs(gpu, room, narrowing.variant);
    // SwiftShader runs them all in Chromium, where the site's pages check the rooms; here they take turns
    const takesTurns = isSwiftShader(gpu.adapter.info) && !isNarrow(narrowing);
    const planned = new Set<string>();
    const ran = new Set<string>();
    let tests = 0;
    /** A test of one run, which its title names: `runCase` sees to it that nothing else has run. */
    const testRun = (number: number, run: Run, dtype: 'f32' | 'f16', what: string,
      body: (name: string) => Promise<readonly ReadonlySet<string>[]>) => {
      const item = room.cases[number];
      const name = `${room.name}/${candidateName(run)}: "${item.name}"`;
      tests++;
      test(`${name} ${what}`, repeatable(
        commandOf({ room: room.name, case: item.name, variant: run.size === 0 ? undefined : candidateName(run),
          dtype }),
        async () => {
          for (const kernels of await body(`${name} in ${dtype}`)) for (const kernel of kernels) ran.add(kernel);
          await gpu.checkGuards();
        },
      ));
    };
    for (const [number, item] of cases) {
      const [wide, ...halves] = storages(gpu, item);
      const wideRuns = takesTurns ? turns(runs, number, planned) : runs.of(number);
      for (const run of narrowing.dtype === 'f16' ? [] : wideRuns) {
        testRun(number, run, 'f32',
          'agrees with float64, stays in its tensors, writes every element, and repeats bit for bit', async (name) => {
          const first = await runCase(gpu, item, run, wide);
          bits.add(name, first);
          checkAgainstReference(item, first, wide);
          checkEqualBits(item, first, await runCase(gpu, item, run, wide));
          return [first.ran];
        });
      }
      if (halves.length === 0 || narrowing.dtype === 'f32') continue;
      // software adapters compile them, at a third of all programs, for minutes: there, variants take turns from case
      // to case
      for (const run of gpu.kind === 'hardware' ? runs.of(number, 'f16') : runs.turnOf(number, 'f16')) {
        testRun(number, run, 'f16',
          'agrees with float64 when stored as f16, stays in its tensors, and repeats bit for bit', async (name) => {
          // the second run differs from the first in how gradients are stored, where there are any
          const [first, second] = [await runCase(gpu, item, run, halves[0]),
            await runCase(gpu, item, run, halves.at(-1) ?? halves[0])];
          bits.add(name, first);
          checkAgainstReference(asRunBy(run, item), first, halves[0]);
          checkAgainstReference(asRunBy(run, item), second, halves.at(-1) ?? halves[0]);
          checkEqualBits(item, first, second);
          return [first.ran, second.ran];
        });
      }
    }
    if (tests > 0) {
      testNonFinite(gpu, room, cases, runs, narrowing);
      testRanges(gpu, believed, room, cases, runs, narrowing);
      if (!isNarrow(narrowing)) testRan(room);
    } else {
      testIf(false,
        `nothing of it runs as ${narrowing.variant ?? 'any variant'} in ${
          narrowing.dtype ?? 'any type'
        } on ${gpu.name}`)(room.name, () => undefined);
    }

    /** A launcher that never runs what it is asked for would else take a variant out of the sweep without a word. */
    function testRan({ name, kernels }: Room): void {
      test(`${name}: of each kernel that a case dispatches, every variant has run`, () => {
        assert.ok(ran.size > 0, 'nothing has run');
        for (const kernel of kernels) {
          const variants = kernel.variants(gpu).map((variant) => `${kernel.name}.${variant}`);
          if (!variants.some((variant) => ran.has(variant))) continue;
          assert.equal(variants.filter((variant) => !ran.has(variant)), [], `of ${kernel.name} these have not`);
        }
      });
    }
  }

  test.after(async () => {
    const cases = rooms.reduce((n, room) => n + room.cases.length, 0);
    console.log(
      `coverage: ${gpu.name}: ${rooms.length} rooms, ${cases} cases, ${bits.lines().length} room x case x variant x storage runs, bits ${bits.total()}`,
    );
    for (const line of bits.lines()) console.log(`bits: ${line}`);
    await gpu.close();
  });

  test.run();
}
