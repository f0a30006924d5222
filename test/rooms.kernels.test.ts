import { test } from 'uvu';
import { open } from '../engine/index.ts';
import { rooms } from '../kernels/index.ts';
import { checkAgainstReference, checkEqualBits, checkFiniteDifferences, choiceName, choices, runCase } from './sweep.ts';

// ROOM=layernorm narrows the sweep while working on one room
const chosen = rooms.filter((room) => process.env.ROOM === undefined || process.env.ROOM === room.name);
const gpu = await open();
const guarded = await open({ guard: true });
let runs = 0;

for (const room of chosen) {
  for (const item of room.cases) {
    test(`${room.name}: the reference gradient of "${item.name}" agrees with finite differences`, () => checkFiniteDifferences(item));
    for (const choice of choices(gpu, room)) {
      const reason = item.skip?.(gpu);
      if (reason !== undefined) continue;
      const name = `${room.name}/${choiceName(choice)}: "${item.name}"`;
      test(`${name} agrees with float64, stays in its tensors, writes every element, and repeats bit for bit`, async () => {
        const first = await runCase(gpu, item, choice);
        checkAgainstReference(item, first);
        checkEqualBits(item, first, await runCase(gpu, item, choice));
        checkAgainstReference(item, await runCase(guarded, item, choice));
        await guarded.checkGuards();
        runs++;
      });
    }
  }
}

test.after(async () => {
  console.log(`coverage: ${gpu.name}: ${chosen.length} rooms, ${chosen.reduce((n, room) => n + room.cases.length, 0)} cases, ${runs} room x case x variant runs`);
  await gpu.close();
  await guarded.close();
});

test.run();
