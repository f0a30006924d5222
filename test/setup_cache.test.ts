import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, utimesSync,
  writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { cacheFolder, kept, locked, oneAhead } from '../engine/setup/cache.mjs';
import { difference } from '../engine/setup/packages.mjs';
import { untar } from '../engine/setup/swiftshader.mjs';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-cache-'));
process.env.XDG_CACHE_HOME = folder;
const say = () => undefined;

test('a driver wanted by several at once is built once, and all get it', async () => {
  let builds = 0;
  const build = async (place: string) => {
    builds++;
    writeFileSync(join(place, 'driver'), 'x');
    await new Promise((resolve) => setTimeout(resolve, 50));
    return { version: 7 };
  };
  const all = await Promise.all(Array.from({ length: 5 }, () => kept('shared', { say, build })));
  assert.is(builds, 1);
  for (const facts of all) assert.equal(facts, { version: 7, home: join(cacheFolder(), 'shared') });
  assert.ok(existsSync(join(cacheFolder(), 'shared', 'driver')));
});

test('a build that fails leaves nothing behind', async () => {
  const build = async (place: string): Promise<{ version: number }> => {
    writeFileSync(join(place, 'half'), 'x');
    throw new Error('no network');
  };
  await assert.rejectsWith(kept('broken', { say, build }), 'no network');
  assert.equal(readdirSync(cacheFolder()).filter((name) => name.startsWith('broken')), []);
});

test('a driver that is no longer usable is built anew', async () => {
  let version = 0;
  const build = async () => ({ version: ++version });
  await kept('worn', { say, build });
  const same = await kept('worn', { say, build, isUsable: async (facts) => facts.version === 1 });
  const anew = await kept('worn', { say, build, isUsable: async (facts) => facts.version === 2 });
  assert.is(same.version, 1);
  assert.is(anew.version, 2);
});

test('a driver of which a file was damaged, cut or removed since is built anew, and told', async () => {
  let builds = 0;
  const build = async (place: string) => {
    builds++;
    mkdirSync(join(place, 'lib'));
    writeFileSync(join(place, 'lib', 'driver.so'), Buffer.alloc(5000, 7));
    writeFileSync(join(place, 'manifest.json'), '{}');
    return { version: 1 };
  };
  const said: string[] = [];
  const keep = () => kept('damaged', { say: (line) => void said.push(line), build });
  const { home } = await keep();
  const driver = join(home, 'lib', 'driver.so');
  const { atime, mtime } = statSync(driver);
  const damages: (() => void)[] = [() => {
    const bytes = readFileSync(driver);
    bytes[4000] ^= 1;
    writeFileSync(driver, bytes);
    utimesSync(driver, atime, mtime); // as a disk does it
  }, () => truncateSync(driver, 100), () => rmSync(driver), () => writeFileSync(join(home, 'manifest.json'), '[]')];
  for (const [i, damage] of damages.entries()) {
    damage();
    await keep();
    assert.is(builds, i + 2);
    assert.is(readFileSync(driver).length, 5000);
    await keep();
    assert.is(builds, i + 2, 'what was built anew is kept');
  }
  assert.equal(said,
    [driver, driver, driver, join(home, 'manifest.json')].map((path) => `${path} is damaged: damaged is made anew …`));
});

test('a lock whose owner is gone is taken over', async () => {
  const path = join(folder, 'stale.lock');
  const { pid } = spawnSync(process.execPath, ['--version']); // has ended
  writeFileSync(path, String(pid));
  assert.is(await locked(path, say, async () => 'mine'), 'mine');
  assert.not.ok(existsSync(path));
});

test('of several that set up at once one does so ahead of the others', async () => {
  const path = join(folder, 'ranks.lock');
  const order: string[] = [];
  const body = async () => {
    order.push('begins');
    await new Promise((resolve) => setTimeout(resolve, 50));
    order.push('ends');
  };
  await Promise.all([1, 2, 3].map(() => oneAhead(path, body)));
  assert.equal(order.slice(0, 3), ['begins', 'ends', 'begins']);
  assert.is(order.length, 6);
  assert.not.ok(existsSync(path));
});

const entry = (version: string, more = {}) => ({ version, ...more });

test('packages are installed anew when one is missing or another version, but not for an optional one', () => {
  const lock = {
    packages: { '': {}, 'node_modules/a': entry('1.0.0'), 'node_modules/b/node_modules/a': entry('2.0.0'),
      'node_modules/gpu-arm64': entry('1.0.0', { optional: true }) },
  };
  const installed = (packages: Record<string, { version: string }>) => difference(lock, { packages });
  assert.is(installed({ 'node_modules/a': entry('1.0.0'), 'node_modules/b/node_modules/a': entry('2.0.0') }),
    undefined);
  assert.is(installed({ 'node_modules/a': entry('1.0.0') }), 'a is missing');
  assert.is(installed({ 'node_modules/a': entry('1.0.0'), 'node_modules/b/node_modules/a': entry('2.0.1') }),
    'a is 2.0.1, the lock file says 2.0.0');
  assert.is(difference(lock, undefined), 'they are not installed yet');
});

/** One ustar entry: a header block, then the content in whole blocks. */
function tarEntry(name: string, content: string): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(content.length.toString(8).padStart(11, '0'), 124);
  header.write('0', 156);
  const body = Buffer.alloc(Math.ceil(content.length / 512) * 512);
  body.write(content);
  return Buffer.concat([header, body]);
}

test('a tar archive gives its files, and one that is cut is refused', () => {
  const archive = Buffer.concat([tarEntry('one', 'x'.repeat(513)), tarEntry('two', ''), tarEntry('three', 'abc'),
    Buffer.alloc(1024)]);
  assert.equal([...untar(archive)].map(([name, content]) => [name, content.length]), [['one', 513], ['two', 0], [
    'three',
    3,
  ]]);
  assert.throwsWith(() => untar(archive.subarray(0, 600)), /cut or broken at byte 0/);
});

test.after(() => rmSync(folder, { recursive: true }));
test.run();
