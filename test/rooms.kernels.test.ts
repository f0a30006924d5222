/** Every case of every room on every variant that this adapter can run, in memory full of NaN with guard zones around each tensor. */
import { test } from 'uvu';
import { open } from '../engine/index.ts';
import { rooms } from '../kernels/index.ts';
import { checkAgainstReference, checkEqualBits, choiceName, choices, runCase, storages } from './sweep.ts';

// ROOM=layernorm narrows the sweep while working on one room
const chosen = rooms.filter((room) => process.env.ROOM === undefined || process.env.ROOM === room.name);
// one context for all: a second one would compile every program again, and that is where the time goes
const gpu = await open({ guard: true });
let runs = 0;

for (const room of chosen) {
  for (const item of room.cases) {
    if (item.skip?.(gpu) !== undefined) continue;
    for (const choice of choices(gpu, room)) {
      const name = `${room.name}/${choiceName(choice)}: "${item.name}"`;
      const [wide, ...halves] = storages(gpu, item);
      test(`${name} agrees with float64, stays in its tensors, writes every element, and repeats bit for bit`, async () => {
        const first = await runCase(gpu, item, choice, wide);
        checkAgainstReference(item, first, wide);
        checkEqualBits(item, first, await runCase(gpu, item, choice, wide));
        await gpu.checkGuards();
        runs++;
      });
      if (halves.length === 0) continue;
      test(`${name} does so when stored as f16`, async () => {
        // the second run differs from the first in how gradients are stored, where there are any
        const [first, second] = [await runCase(gpu, item, choice, halves[0]), await runCase(gpu, item, choice, halves.at(-1) ?? halves[0])];
        checkAgainstReference(item, first, halves[0]);
        checkAgainstReference(item, second, halves.at(-1) ?? halves[0]);
        checkEqualBits(item, first, second);
        await gpu.checkGuards();
        runs++;
      });
    }
  }
}

test.after(async () => {
  console.log(`coverage: ${gpu.name}: ${chosen.length} rooms, ${chosen.reduce((n, room) => n + room.cases.length, 0)} cases, ${runs} room x case x variant x storage runs`);
  await gpu.close();
});

test.run();
