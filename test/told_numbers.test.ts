/** Numbers that people are told: at one and at several, at the edges of their units, and in hints, which must work. */
import { z } from 'zod';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { ConfigError, formatBytes } from '../engine/errors.ts';
import { PRESETS } from '../model/systems/config.ts';
import { shortClips } from '../train/commands/check.ts';
import { issueText } from '../train/log/schemas.ts';
import { digits, duration, markdownTable, percent } from '../train/log/table.ts';
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
  assert.equal([told(5), shortClips([list], new Map(), 8)], [[], []]);
  assert.equal(told(6), ['4: 5 has fewer than 6 frames, so that some are repeated']);
  assert.equal(told(7), ['3: 6 has fewer than 7 frames, so that some are repeated, as have 1 more']);
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
  assert.is(markdownTable(['name', 'of'], []), '| name | of  |\n|------|-----|');
  assert.is(markdownTable(['a'], [['+1'], [''], ['.5']]), '|   a |\n|----:|\n|  +1 |\n|     |\n|  .5 |');
});

test('numbers have three digits that count, times their unit, and small shares a decimal', () => {
  assert.equal([0, NaN, Infinity, 0.01234, 1.234, 99.96, 100, 100.4, 12345.6, -123.4, 1].map(digits), ['0', 'NaN',
    'Infinity', '0.0123', '1.23', '100', '100', '100', '12346', '-123', '1.00']);
  assert.equal([1e3, 999_999, 1e6, 2.5e8, 1e9, 6e10].map(duration), ['1.00 µs', '1000 µs', '1.00 ms', '250 ms',
    '1.00 s', '60.0 s']);
  assert.equal([0, 0.0123, 0.0999, 0.1, 0.5, 1].map(percent), ['0.0 %', '1.2 %', '10.0 %', '10 %', '50 %', '100 %']);
});

test('of what is wrong with a file five things are told, and how many more there are', () => {
  const told = (entries: unknown) => {
    const { error } = z.record(z.string(), z.number()).safeParse(entries);
    return error && issueText(error).replaceAll('Invalid input: expected ', '');
  };
  const wrong = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, null]));
  const lines = Array.from({ length: 5 }, (_, i) => `k${i}: number, received null`).join('; ');
  assert.is(told('text'), 'record, received string');
  assert.is(told(wrong(5)), lines);
  assert.is(told(wrong(7)), `${lines}; … and 2 more`);
});

test.run();
