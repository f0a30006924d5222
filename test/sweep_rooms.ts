import { test } from './test.ts';
import type { Candidate } from '../engine/index.ts';
import type { Room } from '../kernels/shared/room.ts';
import { Bits } from './bits.ts';
import { testNonFinite } from './non_finite.ts';
import { type BelievedLimits, openWithLimits, testRanges } from './small_limits.ts';
import { asRunBy, checkAgainstReference, checkEqualBits, candidateName, combinations, runCase, storages } from './sweep.ts';

/**
 * Every case of some rooms on every variant that this adapter can run, in memory full of NaN with guard zones around each tensor: against
 * float64; small ones with NaN and infinity planted in their inputs; large ones, by default variants, where a binding holds less than a tensor.
 */
export async function sweepRooms(rooms: readonly Room[]): Promise<void> {
  // one context for all: a second one would compile every program again, and that is where the time goes
  const believed: BelievedLimits = {};
  const gpu = await openWithLimits(believed, { guard: true });
  const bits = new Bits();

  for (const room of rooms) {
    const cases = [...room.cases.entries()].filter(([, item]) => item.skip?.(gpu) === undefined);
    for (const [number, item] of cases) {
      const [wide, ...halves] = storages(gpu, item);
      const nameOf = (chosen: ReadonlyMap<string, Candidate>) => `${room.name}/${candidateName(chosen)}: "${item.name}"`;
      for (const chosen of combinations(gpu, room, number)) {
        test(`${nameOf(chosen)} agrees with float64, stays in its tensors, writes every element, and repeats bit for bit`, async () => {
          const first = await runCase(gpu, item, chosen, wide);
          bits.add(`${nameOf(chosen)} in f32`, first);
          checkAgainstReference(item, first, wide);
          checkEqualBits(item, first, await runCase(gpu, item, chosen, wide));
          await gpu.checkGuards();
        });
      }
      if (halves.length === 0) continue;
      const all = combinations(gpu, room, number, 'f16');
      // where a processor compiles them, at a third of all programs, which take minutes, variants take turns from case to case
      for (const chosen of gpu.kind === 'hardware' ? all : [all[number % all.length]]) {
        test(`${nameOf(chosen)} does so when stored as f16`, async () => {
          // the second run differs from the first in how gradients are stored, where there are any
          const [first, second] = [await runCase(gpu, item, chosen, halves[0]), await runCase(gpu, item, chosen, halves.at(-1) ?? halves[0])];
          bits.add(`${nameOf(chosen)} in f16`, first);
          checkAgainstReference(asRunBy(chosen, item), first, halves[0]);
          checkAgainstReference(asRunBy(chosen, item), second, halves.at(-1) ?? halves[0]);
          checkEqualBits(item, first, second);
          await gpu.checkGuards();
        });
      }
    }
    testNonFinite(gpu, room, cases);
    testRanges(gpu, believed, room, cases);
  }

  test.after(async () => {
    const cases = rooms.reduce((n, room) => n + room.cases.length, 0);
    console.log(`coverage: ${gpu.name}: ${rooms.length} rooms, ${cases} cases, ${bits.lines().length} room x case x variant x storage runs, bits ${bits.total()}`);
    for (const line of bits.lines()) console.log(`bits: ${line}`);
    await gpu.close();
  });

  test.run();
}
