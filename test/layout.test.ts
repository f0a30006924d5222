/** What every kernel's folder holds, so that a reader who knows one room knows them all. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { open } from '../engine/index.ts';
import { rooms } from '../kernels/index.ts';

const KERNELS = new URL('../kernels/', import.meta.url);
const FIXED = ['README.md', 'cases.ts', 'index.ts', 'reference.ts'];
/** What every WebGPU device offers. */
const MAX_STORAGE_BINDINGS = 8;

const folders = readdirSync(KERNELS, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== 'shared')
  .map((entry) => entry.name);
const filesIn = (folder: string, ending: string) => readdirSync(new URL(`${folder}/`, KERNELS), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith(ending));
const textOf = (path: string) => readFileSync(new URL(path, KERNELS), 'utf8');

/** Numbers of the storage bindings that a WGSL text declares. */
function storageBindings(wgsl: string): number[] {
  return [...wgsl.replace(/\/\/.*$/gm, '').matchAll(/@binding\((\d+)\)\s*var<\s*storage\b/g)].map(([, index]) => Number(index));
}

test('every folder of kernels is a room of kernels/index.ts, under its own name', () => {
  assert.equal(rooms.map((room) => room.name).sort(), [...folders].sort());
  const index = textOf('index.ts');
  for (const folder of folders) assert.match(index, `import('./${folder}/cases.ts')`);
});

for (const folder of folders) {
  test(`${folder} has its WGSL, operation, reference, cases and a page that links each WGSL file`, () => {
    for (const name of FIXED) assert.ok(existsSync(new URL(`${folder}/${name}`, KERNELS)), `kernels/${folder}/${name} is missing`);
    const wgsl = filesIn(folder, '.wgsl');
    assert.ok(wgsl.some((name) => new RegExp(`^${folder}\\.(\\w+\\.)?wgsl$`).test(name)), `kernels/${folder}/${folder}.wgsl is missing`);
    const page = textOf(`${folder}/README.md`);
    const links = [...page.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link]) => link);
    for (const name of wgsl) assert.ok(links.includes(name), `kernels/${folder}/README.md does not link ${name}`);
    for (const link of links) assert.ok(existsSync(new URL(`${folder}/${link}`, KERNELS)), `kernels/${folder}/README.md links ${link}, which is not there`);
  });
}

test('every WGSL file of kernels is part of a kernel', () => {
  for (const folder of [...folders, 'shared']) {
    const sources = filesIn(folder, '.ts').map((name) => textOf(`${folder}/${name}`)).join('\n');
    for (const name of filesIn(folder, '.wgsl')) {
      const users = folder === 'shared' ? sources + folders.flatMap((room) => filesIn(room, '.ts').map((file) => textOf(`${room}/${file}`))).join('\n') : sources;
      assert.ok(users.includes(`/${name}'`), `nothing reads kernels/${folder}/${name}`);
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
