/** The package: its texts are in its modules, what it exports is there, and it computes what the sources compute. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect, promisify } from 'node:util';
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { open, Tensor } from '../engine/index.ts';
import { rooms } from '../kernels/index.ts';
import { softmax } from '../kernels/softmax/index.ts';
import { ROOT, sources } from '../package/build.ts';
import { inlined } from '../package/inline.ts';
import { buildPackage, canBundle } from '../package/package.ts';
import { minified } from '../package/minify.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-package-'));
const dist = join(folder, 'node_modules', 'firstlight');
const texts = (path: string) => `text of ${path}`;

test('a text stands where it is read, and lines stay where they are', () => {
  const lines = ["import { part } from '../../engine/index.ts';", "const a = await part(import.meta.url, './a.wgsl');",
    'const b = 1;', ''];
  const result = inlined(lines.join('\n'), '/x/kernels/gelu/index.ts', texts);
  assert.equal(result.split('\n'), ["import { part } from '../../engine/index.ts';",
    'const a = ({ file: "gelu/a.wgsl", text: "text of /x/kernels/gelu/a.wgsl" });', 'const b = 1;', '']);
});

test('a text that is read in another form stops the build, with file and line', () => {
  for (const code of ["\nconst a = part(import.meta.url, './a.wgsl');",
    '\nconst a = await part(import.meta.url, name);', '\nconst read = (file) => part(import.meta.url, file);']) {
    assert.throwsWith(() => inlined(code, '/x/index.ts', texts), /^\/x\/index\.ts:2: a text is read in a form/);
  }
});

test('a minified text keeps the names that others may use', async () => {
  const text = readFileSync(join(ROOT, 'kernels/layernorm/layernorm.wgsl'), 'utf8');
  const small = await minified(text, 'layernorm.wgsl');
  assert.ok(small.length < text.length / 2);
  assert.not.match(small, '//');
  for (const [, name] of text.matchAll(/^(?:fn|struct|const|alias|@group.*?var<[^>]*>) (\w+)/gm)) {
    assert.match(small, new RegExp(`\\b${name}\\b`));
  }
});

const testBuilt = testIf(canBundle, 'the bundler cannot read # or ? in the path of the project');

test.before(() => (canBundle ? buildPackage(dist) : undefined));

testBuilt('no module waits at its top or looks for a file, and every source has its module and its types', () => {
  const modules = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'));
  for (const name of modules) {
    const code = readFileSync(join(dist, name), 'utf8');
    assert.not.match(code, /^(?:const .* = )?await /m, name);
    assert.not.match(code, /\bpart\(import\.meta/, name);
    assert.not.match(code, /^\s*(?:await )?using /m, name);
  }
  for (const path of sources()) {
    const name = join(dist, path.replace(/\.ts$/, ''));
    assert.ok(existsSync(`${name}.d.ts`), path);
    // what has types alone leaves no module
    if (existsSync(`${name}.js`)) continue;
    assert.not.match(readFileSync(join(ROOT, path), 'utf8'), /^export (?:const|function|class)/m);
  }
});

testBuilt('what package.json exports is there, for every room', () => {
  const { exports } = JSON.parse(readFileSync(join(dist, 'package.json'), 'utf8')) as {
    exports: Record<string, string | { types: string; default: string }> };
  for (const target of Object.values(exports)) {
    for (const path of typeof target === 'string' ? [target] : Object.values(target)) {
      const paths = path.endsWith('*.wgsl') ? ['./kernels/gelu/gelu.wgsl'] : path.includes('*')
        ? rooms.map(({ name }) => path.replace('*', name))
        : [path];
      for (const each of paths) assert.ok(existsSync(join(dist, each)), each);
    }
  }
});

testBuilt('the program of the README gets the numbers of the sources, bit for bit', async () => {
  const section = readFileSync(join(ROOT, 'README.md'), 'utf8').split('## In your own project')[1];
  const [, program] = /```js\n(.*?)```/s.exec(section) as RegExpExecArray;
  writeFileSync(join(folder, 'program.mjs'), program);
  for (const name of ['webgpu', 'koffi', '@huggingface', 'entities']) {
    symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
  }
  const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'program.mjs')]);
  const gpu = await open();
  const x = Tensor.from(gpu, new Float32Array([1, 2, 3, 1, 1, 1]), [2, 3]);
  assert.is(stdout, `${inspect(await softmax(x).read())}\n`);
  gpu.close();
});

test.after(() => rmSync(folder, { recursive: true, force: true }));
test.run();
