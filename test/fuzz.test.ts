/** `npm run fuzz` in short: some inputs of each reader, and all that failed once. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { CheckpointFormatError } from '../engine/errors.ts';
import { aimOf, emptyTally, inputOf, runReader, tryInput } from './fuzz/campaign.ts';
import { Broken, type Reader } from './fuzz/reader.ts';
import { READERS } from './fuzz/readers/index.ts';
import { tableOf } from './fuzz/table.ts';

const FAILED = new URL('./fixtures/fuzz/', import.meta.url);
const namesIn = (folder: URL) => (existsSync(folder) ? readdirSync(folder) : []);

/** Milliseconds for each reader, and inputs at most: the same seed gives the same inputs. */
const MS = 250;
const MOST = 150;

for (const reader of READERS) {
  test(`${reader.name}: files that nobody wrote are taken or refused, soon and in little memory`, async () => {
    const until = performance.now() + MS;
    const { failures, inputs, reasons } = await runReader(reader, { seed: 1, first: 0, goesOn: (tally) =>
      tally.inputs < MOST && (performance.now() < until || tally.inputs < 5) });
    assert.equal(failures, []);
    assert.ok(inputs >= 5, `${inputs} inputs`);
    const aims = Array.from({ length: inputs }, (_, input) => aimOf(reader, input));
    for (const aim of aims) assert.ok(aim === undefined || reasons[aim] > 0, `nothing is refused for "${aim}"`);
    // inputs follow from seed and number
    assert.equal(inputOf(reader, 1, 3), inputOf(reader, 1, 3));
  });

  const folder = new URL(`${encodeURIComponent(reader.name)}/`, FAILED);
  for (const name of namesIn(folder)) {
    test(`${reader.name}: ${name}, which failed once, is taken or refused`, async () => {
      const bytes = readFileSync(new URL(name, folder));
      const failure = await tryInput({ ...reader, draw: () => bytes }, 1, 0, emptyTally(reader));
      assert.is(failure, undefined);
    });
  }
}

test('every folder of inputs that failed is that of a reader', () => {
  const names = READERS.map(({ name }) => name);
  for (const name of namesIn(FAILED)) assert.ok(names.includes(name), name);
  assert.is(new Set(names).size, names.length);
});

test('a reader that fails is told by what it does: no error of ours, what cannot be, and what takes too long', async () => {
  const failureOf = (read: Reader['read']) => {
    const reader: Reader = { name: 'x', reasons: [], draw: () => new Uint8Array(3), read };
    return tryInput(reader, 1, 7, emptyTally(reader));
  };
  const bad = await failureOf(() => {
    throw new RangeError('of the language');
  });
  assert.is(bad?.kind, 'untyped');
  assert.match(bad?.what ?? '', /^RangeError: of the language\n/);
  assert.equal(await failureOf(() => Promise.reject(new Broken('2 is 3'))), { reader: 'x', input: 7,
    kind: 'wrongly taken', what: '2 is 3' });
  assert.is(await failureOf(() => undefined), undefined);
  let system = 0;
  const { cpuUsage } = process;
  process.cpuUsage = () => ({ user: 0, system: system += 1_500_000 });
  try {
    assert.is((await failureOf(() => undefined))?.kind, 'too slow');
  } finally {
    process.cpuUsage = cpuUsage;
  }
});

test('refusals are counted by their reason, and the table says what was seen', async () => {
  const reader: Reader = { name: 'x', reasons: ['Hole', 'is odd', 'never'],
    draw: (random) => Uint8Array.of(random.below(3)), read([kind]) {
    if (kind === 0) throw new CheckpointFormatError('Hole', 'x', 'something');
    if (kind === 1) throw new CheckpointFormatError('Other', 'x', 'it is odd');
  } };
  const tally = await runReader(reader, { seed: 1, first: 0, goesOn: ({ inputs }) => inputs < 60 });
  assert.is(tally.taken + tally.reasons.Hole + tally.reasons['is odd'], 60);
  assert.ok(Math.min(tally.taken, tally.reasons.Hole, tally.reasons['is odd']) > 5);
  const lines = tableOf([tally]);
  assert.match(lines[1], /^x +60 +\d+ /);
  assert.match(lines.at(-1) ?? '', /^x: Hole \d+ · is odd \d+ · never 0$/);
});

test.run();
