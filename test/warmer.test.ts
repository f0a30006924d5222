/** Programs that other processes compile, for a driver that compiles when a program first runs. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import os, { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { open, Tensor } from '../engine/index.ts';
import { isLavapipe } from '../engine/software.mjs';
import { helpersNow, mesaCache, mesaKeeps, ProcessWarmer, type ProcessWarmerOptions } from '../engine/warmer.node.ts';
import { cumsum } from '../kernels/cumsum/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-warm-'));
process.env.XDG_CACHE_HOME = folder; // what was compiled is noted there, and Mesa keeps it there

const device = { flags: [], features: [], limits: {} };
const child = fileURLToPath(new URL('./warm_child_sample.mjs', import.meta.url));
let compilers = 0;
/** One whose processes are as told, with a memory of its own. */
const warmer = (options: Partial<ProcessWarmerOptions> = {}) =>
  new ProcessWarmer(device, () => 'cache', { compiler: `${++compilers}`, child, processes: 1, ...options });
const programOf = (code: string) => ({ code, entry: 'main', entries: [] });

/** In which order programs are done. */
function ordered(codes: readonly string[], promises: readonly Promise<number>[], into: string[]): Promise<unknown> {
  return Promise.all(promises.map((promise, i) => promise.then(() => into.push(codes[i]))));
}

test('what somebody waits for comes first, then what was told of first, the longest text of it before others', async () => {
  const own = warmer();
  const order: string[] = [];
  const tell = (codes: readonly string[], isAwaited: boolean) =>
    ordered(codes, own.warm(codes.map(programOf), isAwaited), order);
  await Promise.all([tell(['b', 'bbb', 'bb'], false), tell(['cccc'], false), tell(['a', 'cccc'], true)]);
  assert.equal(order.filter((code, i) => order.indexOf(code) === i), ['cccc', 'a', 'bbb', 'bb', 'b']);
  await own.end();
});

test('a program that ends its process costs that program, and tells no seconds', async () => {
  const own = warmer();
  const seconds = own.warm(['abcdef', 'leave', 'abc'].map(programOf), true);
  assert.equal(await Promise.all(seconds), [6, 0, 3]);
  await own.end();
});

test('processes that cannot begin leave everything to the run', async () => {
  const own = warmer({ child: join(folder, 'nothing.mjs'), processes: 2 });
  assert.equal(await Promise.all(own.warm(['a', 'b', 'c'].map(programOf), true)), [0, 0, 0]);
  await own.end();
});

/** A program for processes, each of which leaves a dot when it starts; and how many did. */
function counted(name: string, text: string) {
  const [path, dots] = [join(folder, `${name}.mjs`), join(folder, `${name}.txt`)];
  writeFileSync(path, `import { appendFileSync } from 'node:fs';
    appendFileSync(${JSON.stringify(dots)}, '.');
    process.on('disconnect', () => process.exit());
    ${text}`);
  return { path, take: () => {
    const starts = existsSync(dots) ? readFileSync(dots, 'utf8').length : 0;
    rmSync(dots, { force: true });
    return starts;
  } };
}

test('as many processes start as may, one less while the run works, and none where the first cannot begin', async () => {
  const codes = Array.from({ length: 9 }, (_, i) => 'x'.repeat(i + 1));
  const works = counted('works', "process.on('message', ({ entries }) => entries && process.send({ seconds: 1 }));");
  for (const [processes, isAwaited, programs, starts] of [[3, true, 9, 3], [3, false, 9, 2], [1, false, 9, 1], [0, true,
    9, 0], [0, false, 9, 0]] as const) {
    const own = warmer({ child: works.path, processes });
    const done = await Promise.all(own.warm(codes.slice(0, programs).map(programOf), isAwaited));
    assert.equal(done, Array(programs).fill(processes === 0 ? 0 : 1));
    await own.end();
    assert.is(works.take(), starts, `${processes}, ${isAwaited}, ${programs}`);
  }
  const fails = counted('fails', 'process.exit(1);');
  const own = warmer({ child: fails.path, processes: 2 });
  assert.equal(await Promise.all(own.warm(codes.map(programOf), true)), Array(9).fill(0));
  assert.is(fails.take(), 2);
  assert.equal(await Promise.all(own.warm([programOf('later')], true)), [0], 'nor is it tried again');
  assert.is(fails.take(), 0);
  await own.end();
  const leaves = counted('leaves', `let isFirst = true;
    process.on('message', ({ entries }) => {
      if (entries && isFirst) process.send({ seconds: 1 });
      else if (entries) process.exit(1);
      isFirst &&= !entries;
    });`);
  const others = warmer({ child: leaves.path, processes: 1 });
  const seconds = await Promise.all(others.warm(codes.slice(0, 6).map(programOf), true));
  assert.equal(seconds.toSorted(), [0, 0, 0, 1, 1, 1], 'one that ends at its second program costs that');
  assert.is(leaves.take(), 3);
  await others.end();
});

test('the end leaves what is under way to the run', async () => {
  const own = warmer();
  const seconds = own.warm(['hang', 'a'].map(programOf), true);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await own.end();
  assert.equal(await Promise.all(seconds), [0, 0]);
});

test('what was compiled is known to the next run, and starts no process there', async () => {
  const first = warmer({ compiler: 'one' });
  await Promise.all(first.warm([programOf('known')], true));
  await first.end();
  const silent = join(folder, 'nothing.mjs');
  const next = warmer({ compiler: 'one', child: silent });
  const [known] = next.warm([programOf('known')], true);
  assert.is(await known, 0);
  const another = warmer({ compiler: 'two' });
  assert.is(await another.warm([programOf('known')], true)[0], 5, 'another compiler makes another program of it');
  await next.end();
  await another.end();
});

test('what runs at the same time notes is kept together, for one state of the driver alone', async () => {
  let state = 'before';
  const of = () => new ProcessWarmer(device, () => state, { compiler: 'three', child, processes: 1 });
  const [one, other] = [of(), of()];
  await Promise.all(one.warm([programOf('left side'), programOf('leave')], true));
  await Promise.all(other.warm([programOf('right')], true));
  await one.end();
  await other.end();
  const seconds = async () => {
    const next = of();
    const told = await Promise.all(next.warm(['left side', 'right'].map(programOf), true));
    await next.end();
    return told;
  };
  assert.equal(await seconds(), [0, 0], 'nothing is left to do');
  state = 'after';
  assert.equal(await seconds(), [9, 5]);
});

test('there are as many helpers as processors, eight at most, and none where too much waits', () => {
  const own = { availableParallelism: os.availableParallelism, loadavg: os.loadavg };
  try {
    for (const [processors, waiting, helpers] of [[1, 0, 0], [2, 0, 2], [2, 12, 2], [2, 12.1, 0], [8, 0, 8], [9, 54, 8],
      [9, 54.5, 0]]) {
      Object.assign(os, { availableParallelism: () => processors, loadavg: () => [waiting, 100, 100] });
      syncBuiltinESMExports();
      assert.is(helpersNow(), helpers, `${processors} processors, ${waiting} wait`);
    }
  } finally {
    Object.assign(os, own);
    syncBuiltinESMExports();
  }
});

test("Mesa's cache is told by its folder, and by what it is; and whether there is one", () => {
  const names = ['MESA_SHADER_CACHE_DIR', 'XDG_CACHE_HOME', 'MESA_SHADER_CACHE_DISABLE'] as const;
  const before = names.map((name) => process.env[name]);
  const set = (...values: readonly (string | undefined)[]) => {
    for (const [i, name] of names.entries()) {
      if (values[i] === undefined) delete process.env[name];
      else process.env[name] = values[i];
    }
  };
  try {
    for (const value of ['1', 'true', 'YES', 'y']) {
      set(undefined, undefined, value);
      assert.is(mesaKeeps(), false, value);
    }
    for (const value of [undefined, '0', 'no', '10']) {
      set(undefined, undefined, value);
      assert.is(mesaKeeps(), true, value);
    }
    const [a, b] = [join(folder, 'a'), join(folder, 'b')];
    rmSync(a, { recursive: true, force: true });
    set(a, b);
    assert.is(mesaCache(), `${a} undefined undefined`);
    set(undefined, b);
    assert.is(mesaCache(), `${b} undefined undefined`);
    set();
    assert.match(mesaCache(), join(homedir(), '.cache'));
    set(a);
    mkdirSync(join(a, 'mesa_shader_cache'), { recursive: true });
    const plain = mesaCache();
    assert.match(plain, /a \d+ [\d.]+$/);
    assert.is(mesaCache(), plain);
    mkdirSync(join(a, 'mesa_shader_cache_db'));
    assert.is.not(mesaCache(), plain, 'the newer kind counts');
  } finally {
    set(...before);
  }
});

test('where programs are compiled when they first run, another process does it, and progress is told', async () => {
  await using gpu = await open({ warms: 1 });
  assert.is(gpu.warmer !== undefined, isLavapipe(gpu.adapter.info));
  using x = Tensor.from(gpu, Float32Array.of(1, 2, 3), [3]);
  const [warmed] = gpu.warm(() => void cumsum(x, 0));
  if (gpu.warmer !== undefined) assert.ok((await warmed.seconds) > 0);
  const told: string[] = [];
  await gpu.compile(() => void cumsum(x, 0), (done, total) => told.push(`${done} of ${total}`));
  assert.equal(told, ['0 of 1', '1 of 1']);
  assert.equal(await cumsum(x, 0).read(), Float32Array.of(1, 3, 6));
});

test.after(() => rmSync(folder, { recursive: true, force: true }));
test.run();
