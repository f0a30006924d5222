/** Programs that other processes compile, for a driver that compiles when a program first runs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { open, Tensor } from '../engine/index.ts';
import { isLavapipe } from '../engine/software.mjs';
import { ProcessWarmer, type ProcessWarmerOptions } from '../engine/warmer.node.ts';
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
