/**
 * What makes a test green that checks nothing is kept out: by what tests are written with, and by a look at their
 * texts.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { LimitError, ShapeError } from '../engine/index.ts';
import * as assert from './assert.ts';
import { asserting, test } from './test.ts';

/** A way to write a test that checks less than it says. */
interface Trap {
  readonly what: string;
  readonly text: RegExp;
  /** Files that may hold it. */
  readonly but?: readonly string[];
  /** A line that holds it. */
  readonly sample: string;
}

const TRAPS: readonly Trap[] = [
  { what: 'uvu’s assertions are not counted: import ./assert.ts', text: /from 'uvu\/assert'/, but: ['assert.ts'],
    sample: "import * as assert from 'uvu/assert';" },
  { what: 'uvu’s test does not see a body that asserts nothing: import ./test.ts', text: /from 'uvu'/, but: ['test.ts'],
    sample: "import { test } from 'uvu';" },
  { what: 'throws takes a text for a label and checks nothing: throwsWith', text: /\bthrows\(/,
    sample: "assert.throws(() => spreadOf([]), 'nothing was measured');" },
  { what: 'a promise is true, whatever becomes of it: await it', text: /\bassert\.(ok|not)\((?!await\b)[^\n]*\.then\(/,
    sample: 'assert.ok(x.read().then((values) => values.length === 3));' },
  { what: 'a rejection that nobody waits for fails no test: await it', text: /^\s*assert\.rejectsWith\(/m,
    sample: '  assert.rejectsWith(open(path), /no such file/);' },
  { what: 'a predicate on an error does not say what it missed: throwsWith',
    text: /\(error(: \w+)?\) => error(\.| instanceof)/,
    sample: '(error: unknown) => error instanceof ShapeError && error.message === message' },
  { what: 'tests in a block that a machine may not enter are not counted as skipped: testIf',
    text: /^if \([^\n]*features\.has/m, sample: "if (gpu.features.has('shader-f16')) {" },
  { what: 'a test that returns where a machine lacks something has passed: testIf',
    text: /\bif \([^\n]*(features\.has|types\.includes|\.kind\b|subgroupSize)[^\n]*\) (return|continue);/,
    sample: "  if (!gpu.features.has('shader-f16')) return;" },
];

const files = readdirSync(new URL('.', import.meta.url), { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.ts') && name !== 'traps.test.ts'
);

for (const { what, text, but = [], sample } of TRAPS) {
  test(`no test holds this trap: ${what}`, () => {
    assert.ok(text.test(sample), 'it is not found in its own sample');
    const found = files.filter((name) =>
      !but.includes(name) && text.test(readFileSync(new URL(name, import.meta.url), 'utf8'))
    );
    assert.equal(found, []);
  });
}

test('a body that asserts nothing fails, and so does one that returns before it does', async () => {
  await assert.rejectsWith(asserting(() => undefined), 'this test asserted nothing');
  await assert.rejectsWith(asserting(async () => {
    for (const value of [] as number[]) assert.is(value, 1);
  }), 'this test asserted nothing');
  await asserting(() => assert.ok(true))();
});

test('throwsWith takes the whole message, an expression, a class, a code and a hint, and wants all that is given', () => {
  const fails = () => {
    throw new ShapeError('op', 'x is [2]', 'transpose it');
  };
  const { hint } = assert.throwsWith(fails, 'op: x is [2]', /is \[2\]$/, ShapeError, { code: 'FL_SHAPE',
    hint: /^transpose/ });
  assert.is(hint, 'transpose it');
  for (const wrong of ['x is [2]', '', /\[3\]/, LimitError, { code: 'FL_LIMIT' }, { hint: 'transpose' }]) {
    assert.throwsWith(() => void assert.throwsWith(fails, ShapeError, wrong),
      /^wanted .*, got ShapeError FL_SHAPE: op: x is \[2\]\n\(hint: transpose it\)/);
  }
});

test('where nothing is thrown throwsWith fails, be it a promise that rejects later', async () => {
  assert.throwsWith(() => assert.throwsWith(() => 1, Error), /^expected an error, none was thrown; wanted Error$/);
  assert.throwsWith(() =>
    assert.throwsWith(async () => {
      throw new Error('later');
    }, Error), /got a promise: rejectsWith waits for one/);
  await assert.rejectsWith(assert.rejectsWith(async () => 1, Error), /^expected an error, none came; wanted Error$/);
});

test('an expectation that every text meets is refused', () => {
  assert.throwsWith(() => assert.match('text', ''), 'every text matches an empty text');
  assert.throwsWith(() => assert.match('text', /.*/), 'every text matches /.*/');
});

test('of values that differ in a thousand places the first lines are shown', () => {
  let details = '';
  try {
    assert.equal(new Uint8Array(1000), new Uint8Array(1000).fill(1));
  } catch (error) {
    details = String((error as { readonly details: unknown }).details);
  }
  const lines = details.split('\n');
  assert.is(lines.length, 201);
  assert.match(lines[200], /^… and [\d]+ lines more$/);
});

test.run();
