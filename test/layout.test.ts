/** What every kernel's folder holds, so that a reader who knows one room knows them all. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { open } from '../engine/index.ts';
import { rooms } from '../kernels/index.ts';

const KERNELS = new URL('../kernels/', import.meta.url);
const FIXED = ['README.md', 'cases.ts', 'cost.ts', 'index.ts', 'reference.ts'];
/** What every WebGPU device offers. */
const MAX_STORAGE_BINDINGS = 8;

const folders = readdirSync(KERNELS, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !['checking', 'shared'].includes(entry.name))
  .map((entry) => entry.name);
const filesIn = (folder: string, ending: string) =>
  readdirSync(new URL(`${folder}/`, KERNELS), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith(ending)
  );
const textOf = (path: string) => readFileSync(new URL(path, KERNELS), 'utf8');

/** Numbers of the storage bindings that a WGSL text declares. */
function storageBindings(wgsl: string): number[] {
  return [...wgsl.replace(/\/\/.*$/gm, '').matchAll(/@binding\((\d+)\)\s*var<\s*storage\b/g)].map(([, index]) =>
    Number(index)
  );
}

test('every folder of kernels is a room of kernels/index.ts, under its own name', () => {
  assert.equal(rooms.map((room) => room.name).sort(), [...folders].sort());
  const index = textOf('index.ts');
  for (const folder of folders) assert.match(index, `from './${folder}/cases.ts'`);
});

for (const folder of folders) {
  test(`${folder} has its WGSL, operation, reference, cases and a page that links each WGSL file`, () => {
    for (const name of FIXED) {
      assert.ok(existsSync(new URL(`${folder}/${name}`, KERNELS)), `kernels/${folder}/${name} is missing`);
    }
    const wgsl = filesIn(folder, '.wgsl');
    assert.ok(wgsl.some((name) => new RegExp(`^${folder}\\.(\\w+\\.)?wgsl$`).test(name)),
      `kernels/${folder}/${folder}.wgsl is missing`);
    const page = textOf(`${folder}/README.md`);
    const links = [...page.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link]) => link);
    assert.ok(links.includes('MEASURED.md'), `kernels/${folder}/README.md does not link MEASURED.md`);
    // of a page that teaches, test/pages.test.ts wants them in the order of reading
    if (!page.includes('## Read in this order')) {
      for (const name of wgsl) assert.ok(links.includes(name), `kernels/${folder}/README.md does not link ${name}`);
    }
  });
}

test('every room exports cost, and gradientCost if a case of it has gradients', async () => {
  for (const { name, cases } of rooms) {
    const exported = (await import(new URL(`${name}/index.ts`, KERNELS).href)) as Readonly<Record<string, unknown>>;
    const expected = cases.some(({ wrt }) => wrt.length > 0) ? ['cost', 'gradientCost'] : ['cost'];
    for (const of of expected) {
      assert.is(typeof exported[of], 'function', `kernels/${name}/index.ts does not export ${of}`);
    }
  }
});

test('what makes a case is called after its operation, and takes the name of the case first', () => {
  for (const folder of folders) {
    const makers = [
      ...textOf(`${folder}/cases.ts`).matchAll(/^(?:export )?(?:function|const) (\w+Case)(?: = )?\(([^)]*)/gm),
    ];
    for (const [, maker, parameters] of makers) {
      assert.match(parameters, /^name: string\b/, `kernels/${folder}/cases.ts: ${maker}(${parameters})`);
    }
    assert.ok(makers.length > 0, `kernels/${folder}/cases.ts has no function …Case(name, …)`);
  }
});

test('a case knows its work, in f32 and in f16: no more bytes in f16, and as many where all that it takes is wide', () => {
  for (const room of rooms) {
    for (const item of room.cases) {
      const of = `${room.name}: ${item.name}`;
      const isWide = item.takesType !== true
        && Object.values(item.inputs).every(({ data, isWide }) => isWide === true || !(data instanceof Float32Array));
      for (const cost of [item.cost, item.gradientCost]) {
        if (cost === undefined) continue;
        const [full, half] = [cost('f32'), cost('f16')];
        assert.ok(full.flops >= 0 && full.bytesRead >= 0 && full.bytesWritten >= 0,
          `${of} has a cost that is no number`);
        assert.is(half.flops, full.flops, of);
        if (isWide) assert.equal(half, full, `${of} takes nothing that f16 would halve`);
      }
      assert.ok(item.wrt.length === 0 || item.gradientCost !== undefined, `${of} has gradients, and no gradientCost`);
    }
  }
});

test('no line of kernels is longer than 120 columns', () => {
  const long = ['.wgsl', '.ts'].flatMap((ending) => filesIn('.', ending)).flatMap((path) =>
    textOf(path).split('\n').flatMap((line, i) => ([...line].length > 120 ? [`kernels/${path}:${i + 1}`] : []))
  );
  assert.equal(long, []);
});

test('every WGSL file of kernels is part of a kernel', () => {
  for (const folder of [...folders, 'shared']) {
    const sources = filesIn(folder, '.ts').map((name) => textOf(`${folder}/${name}`)).join('\n');
    for (const name of filesIn(folder, '.wgsl')) {
      const users = folder === 'shared'
        ? sources + folders.flatMap((room) => filesIn(room, '.ts').map((file) => textOf(`${room}/${file}`))).join('\n')
        : sources;
      // a file of a folder in it may be read by its neighbours
      assert.ok(users.includes(`/${name.slice(name.lastIndexOf('/') + 1)}'`),
        `nothing reads kernels/${folder}/${name}`);
    }
  }
});

test('no WGSL file declares a binding twice, or more storage buffers than every device has', async () => {
  for (const path of filesIn('.', '.wgsl')) {
    const bindings = storageBindings(textOf(path));
    assert.is(new Set(bindings).size, bindings.length, `kernels/${path} declares a binding twice`);
    assert.ok(bindings.length <= MAX_STORAGE_BINDINGS, `kernels/${path} declares ${bindings.length} storage buffers`);
  }
  assert.equal(storageBindings('@group(0) @binding(3) var<storage, read> x: array<f32>;'), [3]);
});

test('a context offers no more storage buffers than every device has, so a program linked from parts that wants more is refused', async () => {
  await using gpu = await open();
  assert.is(gpu.limits.maxStorageBuffersPerShaderStage, MAX_STORAGE_BINDINGS);
});

test.run();
