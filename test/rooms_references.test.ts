/** The yardsticks themselves: float64 gradients against differences of float64 values. Needs no adapter. */
import { test } from './test.ts';
import { rooms } from '../kernels/index.ts';
import { checkFiniteDifferences } from './sweep.ts';

for (const room of rooms) {
  for (const item of room.cases.filter(({ wrt }) => wrt.length > 0)) {
    test(`${room.name}: the reference gradient of "${item.name}" agrees with finite differences`, () =>
      checkFiniteDifferences(item));
  }
}

test.run();
