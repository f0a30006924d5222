import { spawn, type SpawnOptions } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { answer, isQuestion } from '../engine/setup/answers.mjs';
import { WithoutNoise } from '../engine/setup/native_lines.mjs';

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
  assert.equal(text.match(/^firstlight: adapter: .*$/gm)?.length, 1);
  assert.match(text, /^firstlight: adapter: (hardware|installed|lavapipe|swiftshader), \S.{0,90}$/m);
  assert.match(text, 'doubled 2,4,6,8');
  assert.not.match(text, 'artificially reduced');
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

test('a program whose launcher is killed ends as well, as SIGTERM would end it', async () => {
  const { child, ended, says } = start([run, program, 'wait']);
  await says('ready');
  child.kill('SIGKILL');
  await ended; // its pipes close when the program is gone, too
  assert.is(child.signalCode, 'SIGKILL');
});

test('a program that hears SIGTERM may end what it does when its launcher is killed', async () => {
  const { child, ended, says } = start([run, program, 'save']);
  await says('ready');
  child.kill('SIGKILL');
  assert.match((await ended).text, 'saved');
});

test('what a program writes to stderr comes through, from JavaScript and from native code, and in order', async () => {
  const { text, exitCode } = await start([run, program, 'stderr']).ended;
  assert.match(text, /first\nsecond\n/);
  assert.match(text, 'native words without an end');
  assert.is(exitCode, 0);
});

test('a program whose stderr nobody reads any more goes on, and its exit code comes back', async () => {
  for (const closed of ['from its start', 'later'] as const) {
    const { child, ended, says } = start([run, program, 'talk']);
    if (closed === 'later') await says('ready');
    child.stderr?.destroy();
    const { text, exitCode } = await ended;
    assert.match(text, 'done', closed);
    assert.is(exitCode, 7, closed);
  }
});

const NOISE = ['Uniform', 'Storage'].map((kind) =>
  `Warning: maxDynamic${kind}BuffersPerPipelineLayout artificially reduced from 1000000 to 16 to fit dynamic offset`
  + ' allocation limit.\n'
);

test("of native code's lines the two that come at every start are left out, however they arrive, and no other", () => {
  const others = ['Warning: something else artificially reduced\n', ' Warning: maxDynamicUniform\n', 'no end'];
  const whole = [others[0], NOISE[0], NOISE[1], others[1], NOISE[1], `x${NOISE[0]}`, others[2]].join('');
  const expected = [others[0], others[1], `x${NOISE[0]}`, others[2]].join('');
  for (let size = 1; size <= whole.length; size++) {
    let passed = '';
    const native = new WithoutNoise((text) => (passed += text));
    for (let at = 0; at < whole.length; at += size) native.push(whole.slice(at, at + size));
    native.end();
    assert.is(passed, expected, `in pieces of ${size}`);
  }
  const seen: string[] = [];
  new WithoutNoise((text) => seen.push(text)).push('a prompt? ');
  assert.equal(seen, ['a prompt? '], 'what cannot be noise is seen at once');
});

test('help and version look for no adapter, and are kept until a source changes', async () => {
  const sources = mkdtempSync(join(tmpdir(), 'firstlight-answers-'));
  const before = process.env.XDG_CACHE_HOME;
  process.env.XDG_CACHE_HOME = join(sources, 'cache');
  let asked = 0;
  const ask = async (exitCode = 0) => ({ text: `answer ${++asked}`, exitCode });
  const get = (...args: string[]) => answer('program.ts', args, false, ask, join(sources, 'src'));
  try {
    mkdirSync(join(sources, 'src', 'deep'), { recursive: true });
    writeFileSync(join(sources, 'src', 'deep', 'a.ts'), '1');
    assert.equal([await get('--help'), await get('--help')].map(({ text }) => text), ['answer 1', 'answer 1']);
    assert.is((await get('train', '--help')).text, 'answer 2');
    writeFileSync(join(sources, 'src', 'deep', 'a.ts'), '22');
    assert.equal([await get('--help'), await get('train', '--help')].map(({ text }) => text), ['answer 3', 'answer 4']);
    const failed = await answer('other.ts', ['-h'], false, () => ask(1), join(sources, 'src'));
    assert.equal([failed.exitCode, (await answer('other.ts', ['-h'], false, ask, join(sources, 'src'))).text], [1,
      'answer 6'], 'an error is not kept');
  } finally {
    if (before === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = before;
    rmSync(sources, { recursive: true });
  }
  for (const args of [['--help'], ['help'], ['help', 'train'], ['train', '-h'], ['--version']]) {
    assert.ok(isQuestion(args), args.join(' '));
  }
  for (const args of [[], ['train', 'x.yaml'], ['predict', '--', '--help'], ['predict', 'help']]) {
    assert.not(isQuestion(args), args.join(' '));
  }
  const version = await start([run, path('../train/cli/process.ts'), '--version']).ended;
  assert.match(version.text, /^firstlight \d+\.\d+\.\d+\n$/);
});

test('a process that nothing was prepared for finds an adapter, and it outlives garbage collection', async () => {
  const { text, exitCode } = await start(['--expose-gc', '--import', import.meta.resolve('tsx'), program]).ended;
  assert.match(text, 'collected');
  assert.match(text, 'doubled 2,4,6,8');
  assert.is(exitCode, 0);
});

test.run();
