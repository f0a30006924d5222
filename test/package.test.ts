/** The package: its texts are in its modules, what it exports is there, and it computes what the sources compute. */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync,
  writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect, promisify } from 'node:util';
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { open, Tensor } from '../engine/index.ts';
import { rooms } from '../kernels/index.ts';
import { softmax } from '../kernels/softmax/index.ts';
import { CLI, exported, ROOT, WHOLE } from '../package/exports.ts';
import { inlined, textModule } from '../package/inline.ts';
import { buildPackage, canBundle } from '../package/package.ts';
import { minified } from '../package/minify.ts';
import { textsOf } from '../package/texts.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-package-'));
const dist = join(folder, 'node_modules', 'firstlight');

test('a text becomes an import where it is read, once for each file, and lines stay where they are', () => {
  const lines = ["import { part } from '../../engine/index.ts';", "const a = await part(import.meta.url, './a.wgsl');",
    "const b = [await part(import.meta.url, '../b.wgsl'), await part(import.meta.url, './a.wgsl')];", ''];
  assert.equal(inlined(lines.join('\n'), '/x/kernels/gelu/index.ts').split('\n'), [lines[0], 'const a = part0;',
    'const b = [part1, part0];', "import part0 from './a.wgsl?part';", "import part1 from '../b.wgsl?part';", '']);
  assert.is(textModule('/x/kernels/gelu/a.wgsl', 'a text'),
    'export default { file: "gelu/a.wgsl", text: "a text" };\n');
});

test('a text that is read in another form stops the build, with file and line', () => {
  for (const code of ["\nconst a = part(import.meta.url, './a.wgsl');",
    '\nconst a = await part(import.meta.url, name);', '\nconst read = (file) => part(import.meta.url, file);']) {
    assert.throwsWith(() => inlined(code, '/x/index.ts'), /^\/x\/index\.ts:2: a text is read in a form/);
  }
});

/** The operators and numbers of each line, and its words without their letters. */
function skeleton(text: string): string[] {
  return text.trimEnd().split('\n').map((line) =>
    line.replace(/\/\/.*/, '').replace(/\b[A-Za-z_]\w*/g, ' x ').replace(/\s+/g, '')
  );
}

test('every text is minified, word by word, and each stays on the line where it was written', async () => {
  let [before, after] = [0, 0];
  for (const path of textsOf(ROOT).filter((name) => name.endsWith('.wgsl'))) {
    const text = readFileSync(path, 'utf8');
    const small = await minified(text, path);
    assert.equal(skeleton(small), skeleton(text), path);
    assert.not.match(small, '//');
    for (const [, name] of text.matchAll(/^(?:fn|struct|const|alias|@group.*?var<[^>]*>) (\w+)/gm)) {
      assert.match(small, new RegExp(`\\b${name}\\b`), path);
    }
    before += text.length;
    after += small.length;
  }
  assert.ok(after < before / 2, `${before} characters became ${after}`);
});

const testBuilt = testIf(canBundle, 'the bundler cannot read # or ? in the path of the project');

test.before(() => (canBundle ? buildPackage(dist) : undefined));

testBuilt('no module waits at its top or looks for a file, and every source that is exported has module and types',
  () => {
    const modules = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.js') && !name.startsWith(CLI)
    );
    assert.ok(modules.includes(WHOLE));
    for (const name of modules) {
      const code = readFileSync(join(dist, name), 'utf8');
      assert.not.match(code, /^(?:const .* = )?await /m, name);
      assert.not.match(code, /\bpart\(import\.meta/, name);
      assert.not.match(code, /^\s*(?:await )?using /m, name);
      // a class with a method of a name that is not there has a method "undefined"
      assert.not.match(code, /\[Symbol\.(?:asyncD|d)ispose\]\s*\(/, name);
    }
    for (const path of exported()) {
      assert.ok(existsSync(join(dist, `${path}.js`)), path);
      assert.ok(existsSync(join(dist, `${path}.d.ts`)), path);
    }
  });

testBuilt('the file that is all of it imports nothing, and holds every text once', () => {
  const code = readFileSync(join(dist, WHOLE), 'utf8');
  assert.not.match(code, /\bimport[\s{*"'(]/);
  assert.not.match(code, /\bfrom ?["'`]/);
  const texts = textsOf(ROOT).map((path) => path.split('/').slice(-2).join('/'));
  for (const file of new Set(texts)) {
    assert.is(code.split(`file:\`${file}\``).length - 1, texts.filter((each) => each === file).length, file);
  }
});

testBuilt('what package.json exports is there, for every room', () => {
  const { exports } = JSON.parse(readFileSync(join(dist, 'package.json'), 'utf8')) as {
    exports: Record<string, string | { types: string; default: string }>;
  };
  for (const target of Object.values(exports)) {
    for (const path of typeof target === 'string' ? [target] : Object.values(target)) {
      const paths = path.endsWith('*.wgsl') ? ['./kernels/gelu/gelu.wgsl'] : path.includes('*')
        ? rooms.map(({ name }) => path.replace('*', name))
        : [path];
      for (const each of paths) assert.ok(existsSync(join(dist, each)), each);
    }
  }
});

testBuilt('Node without the package that brings WebGPU gets an error that names it', async () => {
  const bare = join(folder, 'bare');
  cpSync(dist, join(bare, 'node_modules', 'firstlight'), { recursive: true });
  writeFileSync(join(bare, 'program.mjs'), "import { open } from 'firstlight';\nawait open();\n");
  const error = await promisify(execFile)(process.execPath, ['program.mjs'], { cwd: bare,
    env: { ...process.env, FIRSTLIGHT_PREPARED: undefined } }).then(() => ({ code: 0, stderr: '' }),
      (reason: { code: number; stderr: string }) => reason);
  assert.is(error.code, 1);
  assert.match(error.stderr, /the package "webgpu", which brings it, is not installed/);
  assert.match(error.stderr, 'npm install webgpu');
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

testBuilt('the file that is all of it gets them, too, by the WebGPU of a browser', async () => {
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  // the process dies if this is collected, and `navigator` holds it
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: create([]), userAgent: 'Chrome/147.0' } });
  const whole = await import(join(dist, WHOLE)) as typeof import('../engine/index.ts') & {
    kernels: { softmax: { softmax: typeof softmax } };
  };
  const run = async (engine: Pick<typeof whole, 'open' | 'Tensor'>, op: typeof softmax) => {
    await using gpu = await engine.open();
    return await op(engine.Tensor.from(gpu, new Float32Array([1, 2, 3, 1, 1, 1]), [2, 3])).read();
  };
  assert.equal(await run(whole, whole.kernels.softmax.softmax), await run({ open, Tensor }, softmax));
});

test.after(() => rmSync(folder, { recursive: true, force: true }));
test.run();
