/** The benchmark of decoding: what it measures, and what it says of it. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { clipsPerSecond, dataTable } from '../bench/data.ts';
import { loadingText } from '../bench/loading.ts';
import { movingPicture } from '../bench/moving_picture.ts';
import { writeVideo } from '../train/data/video/encode.ts';

test('decoding is measured for each file and number of threads, and shown with a column for each', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'firstlight-bench-data-')), 'clip.avi');
  const [first, second] = [movingPicture(64, 48, 0), movingPicture(64, 48, 1)];
  assert.ok(first.data.filter((value, i) => value !== second.data[i]).length > first.data.length / 2);
  writeVideo(path, [first, second]);
  assert.ok(await clipsPerSecond(path, 0, 0.05) > 0);
  const row = { codec: 'H.264', width: 320, height: 240, frames: 50, fileBytes: 250_000, isCached: false };
  assert.is(
    dataTable([{ ...row, workers: 0, clipsPerSecond: 12.34 }, { ...row, workers: 1, clipsPerSecond: 11 }, { ...row,
      workers: 1, isCached: true, clipsPerSecond: 100 }, { ...row, height: 480, workers: 0, clipsPerSecond: 6 }]),
    `\
| codec |      size | Mbit/s | main thread | 1 thread | 1 thread, from the cache |
|-------|----------:|-------:|------------:|---------:|-------------------------:|
| H.264 | 320 × 240 |   1.00 |        12.3 |     11.0 |                      100 |
| H.264 | 320 × 480 |   1.00 |        6.00 |          |                          |`,
  );
});

test('what decoding costs a step is told beside what both take alone, and the goal for the kind of adapter', () => {
  const rows = [{ workers: 1, steps: 0.5, decoding: 1.5, both: 1.6, wait: 0.4 }];
  const text = loadingText({ adapter: 'one', kind: 'software', rows });
  assert.match(text, /\| +1 \| +500 ms \| +1500 ms \| +2000 ms \| +1600 ms \| +0\.800 \| +25 % \|/);
  assert.match(text, /at most 1\.1 of one after the other\.$/);
  assert.match(loadingText({ adapter: 'one', kind: 'hardware', rows }), /under 5\.0 % of its time\.$/);
});

test.run();
