/** What errors tell, word for word: of one and of several, and where a list is cut. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { ConfigError, DatasetError, KernelCompileError, NonFiniteError, OutOfMemoryError, RunLockedError,
  StateDictError, StepNotExecutedError, StepTimeoutError } from '../engine/errors.ts';
import { shown, shownValue } from '../engine/shown.ts';

const names = (count: number) => Array.from({ length: count }, (_, i) => `n${i + 1}`);

test('lists of problems are told up to their 20th or 50th, with how many more there are', () => {
  const ofConfig = (count: number) => new ConfigError('c.yaml', names(count)).message.split('\n');
  assert.equal([ofConfig(50).length, ofConfig(50).at(-1)], [50, 'n50']);
  assert.equal(ofConfig(51).slice(-2), ['n50', '… and 1 more']);
  const ofList = (count: number) =>
    new DatasetError(names(count).map((problem, line) => ({ file: 'l.txt', line, problem }))).message.split('\n');
  assert.equal([ofList(20).length, ...ofList(20).slice(0, 2), ofList(20)[19]], [20, 'l.txt: n1', 'l.txt:1: n2',
    'l.txt:19: n20']);
  assert.equal(ofList(21).slice(-2), ['l.txt:19: n20', '… and 1 more']);
});

test('tensors that do not fit are told by kind, where there are any, the first 20 of each', () => {
  const of = (missing: number, unexpected: number, mismatched: number) =>
    new StateDictError('m', { missing: names(missing), unexpected: names(unexpected), mismatched: names(mismatched) })
      .message;
  assert.is(of(1, 0, 2), 'm does not fit the model\nMissing (1): n1\nMismatched (2): n1; n2');
  assert.is(of(0, 20, 0), `m does not fit the model\nUnexpected (20): ${names(20).join('; ')}`);
  assert.is(of(0, 21, 0), `m does not fit the model\nUnexpected (21): ${names(20).join('; ')}; …`);
});

test('a wait that is given up tells how many submits are pending', () => {
  const of = (...given: ConstructorParameters<typeof StepTimeoutError>) => new StepTimeoutError(...given).message;
  assert.is(of(1 / 3, [], 0),
    'the GPU did not finish within 0.333 s: nothing that was submitted is known to be pending');
  assert.is(of(60, ['a'], 1), 'the GPU did not finish within 60 s: 1 submit is pending, the last dispatch is a');
  assert.is(of(1234, ['a', 'b'], 2),
    'the GPU did not finish within 1230 s: 2 submits are pending, the last dispatch of each a, b');
  assert.is(new StepNotExecutedError(5, 3).message, 'of 5 submits 2 did not run: the canary counts 3');
});

test('an error about memory tells what was asked for, if it is known, and the budget, if there is one', () => {
  const state = { live: 10, reserved: 1024, budget: Number.POSITIVE_INFINITY, largest: [] };
  assert.is(new OutOfMemoryError('x', 1, state).message,
    'cannot allocate 1 B for x: live 10 B, reserved 1.0 KiB (1,024 B), no budget\nLargest: none');
  assert.is(new OutOfMemoryError('x', 0, { ...state, budget: 2, largest: ['a 1 B', 'b 1 B'] }).message,
    'cannot allocate memory for x: live 10 B, reserved 1.0 KiB (1,024 B) of budget 2 B\nLargest: a 1 B, b 1 B');
});

test('what is not always known is told where it is', () => {
  assert.is(new NonFiniteError('the loss').message, 'the loss is NaN or infinite');
  assert.is(new NonFiniteError('the loss', 0).message, 'the loss is NaN or infinite at step 0');
  const cause = new Error('why');
  const error = new KernelCompileError('gelu.only', 'gelu.wgsl:3:1', 'no', cause);
  assert.equal([error.cause, error.name, error.code, error.hint], [cause, 'KernelCompileError', 'FL_KERNEL_COMPILE',
    undefined]);
  assert.equal(error.context, { kernel: 'gelu.only', where: 'gelu.wgsl:3:1' });
  assert.not('cause' in new NonFiniteError('the loss'));
  const here = new RunLockedError('runs/a', 7, 'noon');
  const there = new RunLockedError('runs/a', 7, 'noon', { host: 'other', lock: 'runs/a/lock' });
  assert.equal([here.message, there.message], ['runs/a is in use by process 7 since noon',
    'runs/a is in use by process 7 on other since noon']);
  assert.is(there.hint, `${here.hint}; if it has ended, which cannot be seen from here, remove runs/a/lock`);
});

test('a long foreign text loses its middle, an even or an odd number of letters', () => {
  assert.equal([3, 4, 5, 6, 7, 8].map((most) => shown('abcdefgh', most)), ['a…h', 'ab…h', 'ab…gh', 'abc…gh', 'abc…fgh',
    'abcdefgh']);
  assert.is(shown('x'.repeat(201)), `${'x'.repeat(100)}…${'x'.repeat(99)}`);
  assert.is(shownValue('x'.repeat(300)).length, 200);
  assert.is(shownValue(undefined), 'nothing');
});

test.run();
