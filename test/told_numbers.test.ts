/** Numbers that people are told: at one and at several, at the edges of their units, and in hints, which must work. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { ConfigError, formatBytes } from '../engine/errors.ts';
import { PRESETS } from '../model/systems/config.ts';
import { shortClips } from '../train/commands/check.ts';
import { markdownTable } from '../train/log/table.ts';
import { DEFAULT_SIZES } from '../train/moving_shapes/files.ts';
import { parseConfig } from '../train/run/config.ts';
import { forData } from '../train/run/system.ts';

test('bytes change their unit where there is one of the next, and have none beyond the last', () => {
  const told = (bytes: number) => formatBytes(bytes).replace(/ \(.*/, '');
  assert.equal([0, 1, 2, 1023, 1024, 1536, 2 ** 20 - 1, 2 ** 20, 2 ** 30, 2 ** 40, 2 ** 50].map(told), ['0 B', '1 B',
    '2 B', '1023 B', '1.0 KiB', '1.5 KiB', '1024.0 KiB', '1.0 MiB', '1.0 GiB', '1.0 TiB', '1024.0 TiB']);
  assert.is(formatBytes(1536), '1.5 KiB (1,536 B)');
});

test('a clip is short below the frames that are sampled; others are counted where there are some', () => {
  const entries = [8, 7, 6, 5].map((frames, i) => ({ path: `/${frames}`, name: String(frames), label: 0, file: 'l.txt',
    line: i + 1 })
  );
  const tried = new Map(entries.map(({ path }) => [path, { frames: Number(path.slice(1)), width: 2, height: 2 }]));
  const list = { part: 'train', file: 'l.txt', entries, missing: [], warnings: [], problems: [], lines: [],
    stated: 4 } as const;
  const told = (frames: number) => shortClips([list], tried, frames).map(({ line, problem }) => `${line}: ${problem}`);
  assert.equal(told(5), []);
  assert.equal(told(6), ['4: 5 has fewer than 6 frames, so that some are repeated']);
  assert.equal(told(8), ['2: 7 has fewer than 8 frames, so that some are repeated, as have 2 more']);
});

test('a size of pictures that a hint proposes is taken', () => {
  const config = (size: number) =>
    parseConfig(
      JSON.stringify({ data: { train: 'a', labels: 'b', size }, model: { preset: 'tiny', interpolatePatches: true },
        train: { batch: 1, steps: 10, warmupSteps: 2 } }),
      'x.yaml',
    );
  const { patch } = PRESETS.tiny.vision;
  for (const [size, proposed] of [[1, patch], [patch + 1, patch], [5 * patch - 1, 5 * patch]]) {
    const { hint } = assert.throwsWith(() => forData(PRESETS.tiny, config(size), ['a']), ConfigError);
    assert.is(hint, `set data.size to ${proposed}`);
    assert.is(forData(PRESETS.tiny, config(proposed), ['a']).vision.imageSize, proposed);
  }
});

test('the demo has the clips that its page says, whole numbers for each of its 120 and 24 classes', () => {
  assert.equal(DEFAULT_SIZES, { train: 4096, testSeen: 240, testUnseen: 264, stills: 6144 });
});

test('columns of a table are as wide as their longest cell, and numbers end at the right', () => {
  assert.is(markdownTable(['name', 'n', 'µs'], [['a', '1', 'x'], ['ünder', '1,234', '−2.5']]), `| name  |     n | µs   |
|-------|------:|------|
| a     |     1 | x    |
| ünder | 1,234 | −2.5 |`);
});

test.run();
