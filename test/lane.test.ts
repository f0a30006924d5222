/** The runner of test files: what counts as a failure, whatever a file does to the process that others share. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as assert from './assert.ts';
import { type Job, Lane, type Result } from './lane.ts';
import { test } from './test.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-lane-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** What becomes of files with these texts, one after another in one lane. */
async function results(texts: Readonly<Record<string, string>>, alone: readonly string[] = []): Promise<Result[]> {
  const import_ = (name: string) => `'${new URL(`./${name}`, import.meta.url).href}'`;
  const jobs = Object.entries(texts).map(([label, text]): Job => {
    const path = join(folder, `${label}.mts`);
    writeFileSync(path,
      `import { test } from ${import_('test.ts')};\nimport * as assert from ${import_('assert.ts')};\n${text}\n`);
    return { file: pathToFileURL(path).href, label, environment: { LABEL: 'lane' }, isAlone: alone.includes(label) };
  });
  const found: Result[] = [];
  await new Lane().run(() => jobs.shift(), (result) => found.push(result));
  return found;
}

const GOOD = `test('is right', () => assert.is(process.env.LABEL, 'lane')); test.run();`;

test('a file that fails, throws, or has no test is told of, and does not hinder the next', async () => {
  const found = await results({
    good: `globalThis.runs = [process.pid]; ${GOOD}`,
    wrong: `test('one', () => assert.is(1, 1)); test('two', () => assert.is(1, 2)); test.run();`,
    thrown: `throw new Error('not even read');`,
    empty: 'test.run();',
    last: `test('is in the process of the first', () => assert.equal(globalThis.runs, [process.pid])); test.run();`,
    alone: `test('is not', () => assert.is(globalThis.runs, undefined)); test.run();`,
  }, ['alone']);
  assert.equal(found.map(({ label, passed, failed, reason }) => [label, passed, failed, reason]), [
    ['good', 1, 0, undefined],
    ['wrong', 1, 1, undefined],
    ['thrown', 0, 1, 'threw an error before its totals'],
    ['empty', 0, 1, 'ran no test'],
    ['last', 1, 0, undefined],
    ['alone', 1, 0, undefined],
  ]);
  assert.match(found[1].output, 'Expected values to be strictly equal');
  assert.match(found[2].output, 'not even read');
  assert.not.match(found[4].output, /not even read|end of file/);
});

test('a file that ends its process, or waits for what never comes, is a failure, and the next has a new process', async () => {
  const found = await results({
    ends: `test('ends', () => process.exit(3)); test.run();`,
    waits: `test('waits', () => new Promise(() => {})); test.run();`,
    good: `${GOOD} process.on('exit', () => process.kill(process.pid, 'SIGKILL'));`,
  });
  assert.equal(found.map(({ label, passed, failed, reason }) => [label, passed, failed, reason]), [
    ['ends', 0, 1, 'ended with exit code 3 before its totals'],
    ['waits', 0, 1, 'ended with exit code 1 before its totals'],
    ['good', 1, 0, undefined],
    ['the process of good', 0, 1, 'ended with SIGKILL'],
  ]);
});

test.run();
