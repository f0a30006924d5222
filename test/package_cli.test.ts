/** The package of the command line works without a clone, as JavaScript, with the packages that it names. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync,
  symlinkSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { importsOf } from '../bench/imports/graph.ts';
import { buildCli } from '../package/cli.ts';
import { ROOT } from '../package/exports.ts';
import { canBundle } from '../package/package.ts';
import { Decoders } from '../train/data/loading/decoders.ts';
import { tryFiles } from '../train/data/loading/try_files.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'firstlight-cli-')));
const cli = join(folder, 'node_modules', 'firstlight-cli');
const video = join(ROOT, 'test', 'fixtures', 'video', 'reordered.mkv');

const testBuilt = testIf(canBundle, 'the bundler cannot read # or ? in the path of the project');
test.before(async () => {
  if (!canBundle) return;
  await buildCli(cli);
  for (const name of Object.keys({ ...manifest().dependencies, ...manifest().optionalDependencies })) {
    const link = join(folder, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), link);
  }
});

function manifest() {
  return JSON.parse(readFileSync(join(cli, 'package.json'), 'utf8')) as { version: string; bin: { firstlight: string };
    dependencies: Record<string, string>; optionalDependencies: Record<string, string>;
    peerDependencies: Record<string, string> };
}

async function firstlight(...words: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [join(cli, manifest().bin.firstlight), ...words], {
    cwd: folder,
  });
  return stdout;
}

testBuilt('it imports nothing but its own files, what Node has, and the packages that it names', () => {
  const { dependencies, optionalDependencies, peerDependencies } = manifest();
  const named = [dependencies, optionalDependencies, peerDependencies, { koffi: 'done without' }].flatMap(Object.keys);
  const files = readdirSync(cli, { recursive: true, encoding: 'utf8' }).filter((name) => /\.m?js$/.test(name));
  assert.ok(files.length > 300);
  for (const file of files) {
    for (const { target } of importsOf(readFileSync(join(cli, file), 'utf8'))) {
      if (target.startsWith('.')) assert.ok(existsSync(join(cli, dirname(file), target)), `${file}: ${target}`);
      else {
        assert.ok(/^node:/.test(target) || builtinModules.includes(target)
          || named.some((name) => target === name || target.startsWith(`${name}/`)), `${file}: ${target}`);
      }
    }
  }
});

testBuilt('help lists the commands, and the version is its own', async () => {
  const help = await firstlight('--help');
  for (const command of ['train', 'evaluate', 'predict', 'doctor', 'demo', 'kernel']) {
    assert.match(help, new RegExp(`^ +${command} `, 'm'));
  }
  assert.is(await firstlight('--version'), `firstlight ${manifest().version}\n`);
});

testBuilt('doctor proves a kernel, and tells the versions of what is installed', async () => {
  const { canTrain, dawn, parts } = JSON.parse(await firstlight('doctor', '--json')) as { canTrain: boolean;
    dawn: string; parts: { name: string; detail: string }[] };
  const { dependencies: { webgpu }, optionalDependencies: { 'node-av': nodeAv } } = manifest();
  assert.is(canTrain, true);
  assert.is(dawn, `webgpu ${webgpu}`);
  assert.is(parts.find(({ name }) => name === 'video files')?.detail, `node-av ${nodeAv}`);
});

testBuilt('a kernel is printed as it was written', async () => {
  const printed = await firstlight('kernel', 'gelu');
  const lines = readFileSync(join(ROOT, 'kernels/gelu/gelu.wgsl'), 'utf8').trimEnd().split('\n');
  for (const line of lines.filter((each) => each !== '')) assert.match(printed, line);
});

testBuilt('videos are decoded in its threads and its processes as in those of the sources', async () => {
  const built = (path: string) => import(join(cli, 'train/data/loading', path)) as Promise<unknown>;
  const [{ Decoders: Built }, { tryFiles: tryBuilt }] = await Promise.all([built('decoders.js'),
    built('try_files.js')]) as [{ Decoders: typeof Decoders }, { tryFiles: typeof tryFiles }];
  const request = { path: video, index: 0, purpose: { epoch: 0 },
    sampling: { frames: 4, size: 32, crop: true, flip: true, seed: 5 } };
  const [here, there] = [new Decoders(0), new Built(1)];
  assert.equal(await there.read(request), await here.read(request));
  await there.close();
  const found: string[] = [];
  for (const run of [tryFiles, tryBuilt]) {
    await run([video], { jobs: 1, onTried: (path, tried) => found.push(JSON.stringify([path, tried])) });
  }
  assert.match(found[0], /"frames":\d+/);
  assert.is(found[1], found[0]);
});

test.after(() => rmSync(folder, { recursive: true, force: true }));
test.run();
