/** What no measurement can be fails a run, unless it was luck. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { replaced } from '../bench/kernels/compare.ts';
import { excessive, refuseExcess } from '../bench/kernels/limit.ts';
import type { Row } from '../bench/kernels/row.ts';
import { row } from './bench_row.ts';

test('a share that no cache explains fails the run, with row, share and cost', () => {
  const copies = { fastest: 10, bytes: 64e6 };
  const roofs = { gflops: 100, gbps: 5, plainGbps: 5 };
  const of = (bytes: number, milliseconds: number, flops = 1e3) =>
    row('a', 1, { bytes, flops, minimumTimes: [milliseconds * 1e6], roofs });
  // at the roof; from a cache; a kernel that only reads
  assert.is(refuseExcess([of(5e6, 1), of(17e6, 1), of(64e6, 8)], copies), undefined);
  const refused = (bad: Row, ...patterns: [RegExp, ...RegExp[]]) => {
    assert.throwsWith(() => refuseExcess([of(5e6, 1), bad], copies), { code: 'FL_EXCESS',
      hint: /kernels\/gelu\/cost\.ts/ }, patterns[0], ...patterns.slice(1));
  };
  refused(of(19e6, 1), /^gelu, a, only, forward in f32: 380 % of the roof; a cost of 19\.0 MB/,
    /19\.0 GB\/s, where no kernel can do more than 18\.0 GB\/s/);
  // beyond the caches, so the fastest copy is no excuse
  refused(of(64e6, 6), /10\.7 GB\/s, where no kernel can do more than 9\.00 GB\/s/);
  refused(of(1e3, 1, 1.3e8), /130 GFLOP\/s, where no kernel can do more than 120 GFLOP\/s/);
  refused(of(0, 0, 0), /NaN GFLOP\/s/);

  // which is measured again, and what was luck goes
  const [sound, lucky, again] = [of(5e6, 1), of(5e6, 0.1), of(5e6, 1)].map((one, i) => ({ ...one, case: 'abb'[i] }));
  assert.equal(excessive([sound, lucky], copies), [lucky]);
  assert.equal(replaced([sound, lucky], [again]), [sound, again]);
});

test.run();
