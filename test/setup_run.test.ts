import { spawn, type SpawnOptions } from 'node:child_process';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { test } from './test.ts';
import * as assert from './assert.ts';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const run = path('../engine/setup/run.mjs');
const program = path('./setup_child.ts');

/** As a shell would start it: nothing of what this process was prepared with. */
const plain = { ...process.env, FIRSTLIGHT_PREPARED: undefined, FIRSTLIGHT_ADAPTER: undefined,
  LD_LIBRARY_PATH: undefined, VK_DRIVER_FILES: undefined };

function start(args: readonly string[], options: SpawnOptions = {}) {
  const child = spawn(process.execPath, args, { env: plain, stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let text = '';
  const heard = new Map<string, () => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      for (const [word, listener] of heard) if (text.includes(word)) listener();
    });
  }
  const ended = new Promise<{ text: string; exitCode: number | null }>((resolve) =>
    child.on('close', (exitCode) => resolve({ text, exitCode }))
  );
  return { child, ended, says: (word: string) => new Promise<void>((resolve) => heard.set(word, resolve)) };
}

test('a program runs from any folder, with an adapter, and one line says which', async () => {
  const { text, exitCode } = await start([run, program], { cwd: tmpdir() }).ended;
  assert.match(text, /^firstlight: adapter: (hardware|installed|lavapipe|swiftshader), \S/m);
  assert.match(text, 'doubled 2,4,6,8');
  assert.is(exitCode, 0);
});

test('the exit code of the program is passed on', async () => {
  assert.is((await start([run, program, 'leave']).ended).exitCode, 7);
});

test('FIRSTLIGHT_ADAPTER chooses the adapter, also below a process that has another', async () => {
  const { text } = await start([run, run, program], { env: { ...plain, FIRSTLIGHT_ADAPTER: 'swiftshader' } }).ended;
  assert.match(text, 'adapter SwiftShader');
  const below = await start([run, program], { env: { ...process.env, FIRSTLIGHT_ADAPTER: 'swiftshader' } }).ended;
  assert.match(below.text, 'adapter SwiftShader');
});

test('an unknown FIRSTLIGHT_ADAPTER is refused with the names that exist', async () => {
  const { text, exitCode } = await start([run, program], { env: { ...plain, FIRSTLIGHT_ADAPTER: 'fast' } }).ended;
  assert.is(text.trim(),
    'firstlight: FIRSTLIGHT_ADAPTER is "fast", expected one of auto, hardware, installed, lavapipe, swiftshader');
  assert.is(exitCode, 1);
});

test('an interrupt of the parent reaches the program once, and its exit code comes back', async () => {
  const { child, ended, says } = start([run, program, 'wait']);
  await says('ready');
  child.kill('SIGINT');
  const { text, exitCode } = await ended;
  assert.equal(text.match(/interrupt \d/g), ['interrupt 1']);
  assert.is(exitCode, 130);
});

test('an interrupt of the whole process group, as by Ctrl-C, reaches the program once', async () => {
  const { child, ended, says } = start([run, program, 'wait'], { detached: true });
  await says('ready');
  process.kill(-(child.pid as number), 'SIGINT');
  const { text, exitCode } = await ended;
  assert.equal(text.match(/interrupt \d/g), ['interrupt 1']);
  assert.is(exitCode, 130);
});

test('a process that nothing was prepared for finds an adapter, and it outlives garbage collection', async () => {
  const { text, exitCode } = await start(['--expose-gc', '--import', import.meta.resolve('tsx'), program]).ended;
  assert.match(text, 'collected');
  assert.match(text, 'doubled 2,4,6,8');
  assert.is(exitCode, 0);
});

test.run();
