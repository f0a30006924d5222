/** GPU work that never ends is noticed, and named. */
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { open } from '../engine/index.ts';
import { within } from '../engine/patience.ts';

const CHILD = fileURLToPath(new URL('./watchdog_child.ts', import.meta.url));
/** Milliseconds after which a child is thought not to end at all. */
const PATIENCE = 90_000;

function child(way: string) {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['--import', import.meta.resolve('tsx'), CHILD,
    way], { encoding: 'utf8', timeout: PATIENCE });
  return { status, signal, stdout, lines: stderr.split('\n').filter((line) => !/^Warning: maxDynamic/.test(line)) };
}

test('a wait for work that never ends is given up: a line names the last dispatches and the time, and the status is one of its own', () => {
  const { status, lines } = child('wait');
  const at = lines.findIndex((line) => line.startsWith('firstlight: the GPU'));
  assert.is(lines[at],
    'firstlight: the GPU did not finish within 1 s: 2 submits are pending, the last dispatch of each count.only on 1 × 1 × 1 workgroups, spin.only on 3 × 2 × 1 workgroups',
    lines.join('\n'));
  assert.match(lines[at + 1], '--resume');
  assert.is(status, 6);
});

test('whoever leaves a context while such work is under way hears of it, too', () => {
  const { status, lines } = child('leave');
  assert.match(lines.join('\n'),
    'the GPU did not finish within 1 s: 1 submit is pending, the last dispatch is spin.only on 1 × 1 × 1 workgroups');
  assert.is(status, 6);
});

test('a program may have a handler of its own; its context refuses all work from then on, and can be closed', () => {
  const { status, stdout } = child('handle');
  assert.is(stdout, 'handled FL_STEP_TIMEOUT\nthrown StepTimeoutError\nrefused StepTimeoutError\nclosed\n');
  assert.is(status, 0);
});

test('work that takes its time is waited for', () => {
  const { status, stdout } = child('finish');
  assert.is(stdout, 'counted 80000006\n');
  assert.is(status, 0);
});

// ------------------------------------------------------------------------------------------------ limits

test('a time limit does not count what the program itself took: an answer that came meanwhile is heard', async () => {
  const answer = within(readFile(CHILD).then(() => 'done'), 0.2, () => new Error('given up'));
  const end = performance.now() + 400;
  while (performance.now() < end); // nothing can be heard now
  assert.is(await answer, 'done');
  let message = '';
  await within(new Promise(() => undefined), 0.02, () => new Error('given up')).catch((
    error: Error,
  ) => (message = error.message));
  assert.is(message, 'given up');
});

test('a limit that is none is refused, and one longer than any timer is kept', async () => {
  let message = '';
  await open({ watchdog: { seconds: 0 } }).catch((error: Error) => (message = error.message));
  assert.match(message, 'watchdog: 0 seconds, more than 0 are needed');
  await using gpu = await open({ watchdog: { seconds: Number.POSITIVE_INFINITY } });
  await gpu.sync();
});

test.run();
