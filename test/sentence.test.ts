/** Every fault that a page can meet is one sentence with its cause and a way out. */
import { DeviceLostError, FirstlightError, GpuValidationError, LimitError, OutOfMemoryError,
  StepTimeoutError } from '../engine/errors.ts';
import { codeOf, said, sentenceOf } from '../web/pages/sentence.ts';
import { arrived, crossing } from '../web/worker/protocol.ts';
import * as assert from './assert.ts';
import { test } from './test.ts';

const named = (name: string, message: string) => Object.assign(new Error(message), { name });
const memory = { live: 1, reserved: 2, budget: Number.POSITIVE_INFINITY, largest: ['x [4]'] };

/** An error, what is said of its cause, and of the way out. */
const FAULTS: readonly (readonly [unknown, RegExp, RegExp])[] = [
  [new FirstlightError('FL_NO_ADAPTER', 'no WebGPU adapter: tried the browser', {}, 'use Chrome 113 or newer'),
    /^no WebGPU adapter/, /^use Chrome 113/],
  [new FirstlightError('FL_FEATURE', 'x has no shader-f16', {}, 'precision: f32'), /no shader-f16$/, /choose f32/],
  [new LimitError('maxBufferSize', 2048, 1024, 'y [512]'), /^y \[512\] needs maxBufferSize of 2,048/, /smaller case/],
  [new DeviceLostError('destroyed', 'Device was destroyed.'), /lost \(destroyed\): Device was destroyed$/,
    /opens a new device: what was typed is kept/],
  [new OutOfMemoryError('y [512]', 2 ** 31, memory), /^cannot allocate 2\.0 GiB/, /close other pages/],
  [new StepTimeoutError(20, ['gelu'], 1), /did not finish within 20 s/, /take back the last change/],
  [new GpuValidationError('buffer too small'), /refused a command/, /take back the last change/],
  [new FirstlightError('FL_WORKER_SILENT', 'the GPU did not answer for 30 s', {}, 'restart the browser'),
    /did not answer for 30 s$/, /restart the browser/],
  [new FirstlightError('FL_WORKER', 'the worker failed: it could not be loaded', {}, 'try again, or reload the page'),
    /could not be loaded$/, /try again/],
  [new TypeError('Failed to fetch dynamically imported module: https://x/assets/editor-1.js'),
    /^a part of this page could not be loaded$/, /look at the network/], // Chrome
  [new TypeError('error loading dynamically imported module: https://x/assets/editor-1.js'),
    /^a part of this page could not be loaded$/, /look at the network/], // Firefox
  [new TypeError('Importing a module script failed.'), /^a part of this page could not be loaded$/,
    /look at the network/], // Safari
  [named('QuotaExceededError', 'exceeded the quota'), /no room to keep this/, /address of the page holds the edit/],
  [named('SecurityError', 'access is denied'), /does not let this page keep/, /private window/],
  [named('NotAllowedError', 'write permission denied'), /did not allow this$/, /allow it/],
  [new FirstlightError('FL_ADDRESS', 'this address cannot be read: it is cut off', {}, 'ask for the whole address'),
    /cut off$/, /whole address/],
];

for (const [error, cause, wayOut] of FAULTS) {
  test(`of ${codeOf(error)} the cause and the way out are said, from the worker as from the page: ${cause}`, () => {
    assert.match(said(error).cause, cause);
    assert.match(said(error).wayOut, wayOut);
    assert.is(sentenceOf(error), `${said(error).cause}; ${said(error).wayOut}`);
    const isOfBrowser = !(error instanceof FirstlightError);
    if (!isOfBrowser) assert.is(sentenceOf(arrived(crossing(error))), sentenceOf(error));
  });
}

test('a sentence is one line, and is there for what nobody expected', () => {
  for (const [error] of FAULTS) assert.not.match(sentenceOf(error), /\n/);
  assert.is(sentenceOf(new Error('odd.\nmore of it')), 'odd');
  assert.is(sentenceOf('a text'), 'a text');
  assert.is(sentenceOf(undefined), 'undefined');
  assert.is(sentenceOf(new Error('')), 'Error');
});

test('a part of a page that the worker could not load is told as if the page had not', () => {
  const error = arrived(crossing(new TypeError('Failed to fetch dynamically imported module: x.js')));
  assert.match(sentenceOf(error), /^a part of this page could not be loaded; look at the network/);
});

test.run();
