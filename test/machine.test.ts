/** Which machine this is, over what adapters of all makers say of themselves. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { onlySize, open, untunable } from '../engine/index.ts';
import { machineOf, reportOf } from '../engine/machine.ts';
import { isSoftware, isSwiftShader } from '../engine/software.mjs';
import { usableMemory } from '../train/run/machine.ts';
import { ADAPTERS, type AdapterName, reportNamed } from './adapter_reports.ts';
import { nullGpu } from './null_gpu.ts';

const SOFTWARE: readonly AdapterName[] = ['lavapipe', 'swiftShader', 'swiftShaderInChromium', 'microsoftBasicRender',
  'microsoftBasicRenderInOldChromium', 'firefoxOnSoftware'];
/** What browsers hide. */
const UNTUNABLE: Readonly<Partial<Record<AdapterName, RegExp>>> = {
  swiftShaderInChromium: /which driver this is/,
  microsoftBasicRenderInOldChromium: /which driver this is/,
  firefox: /which adapter and driver this is/,
  firefoxOnSoftware: /which adapter and driver this is/,
};
const names = Object.keys(ADAPTERS) as AdapterName[];

test('an adapter is software where WebGPU says that it is a fallback, or its name does; all else is hardware', () => {
  assert.equal(names.filter((name) => reportNamed(name).kind === 'software'), [...SOFTWARE]);
  assert.equal(names.filter((name) => isSwiftShader(ADAPTERS[name].info)), ['swiftShader', 'swiftShaderInChromium']);
});

test("memory is the machine's, or what a container leaves of it; 0, nothing and numbers without end are no limit", () => {
  const GIB = 2 ** 30;
  assert.is(usableMemory(16 * GIB, 4 * GIB), 4 * GIB);
  for (const unlimited of [undefined, 0, 16 * GIB, 2 ** 63 - 4096, 18446744073709552000]) {
    assert.is(usableMemory(16 * GIB, unlimited), 16 * GIB);
  }
  assert.ok(usableMemory() > 0);
});

test('names tell without isFallbackAdapter, and isFallbackAdapter tells without names', () => {
  for (const name of SOFTWARE) {
    const { isFallbackAdapter: _, ...named } = { isFallbackAdapter: undefined, ...ADAPTERS[name].info };
    assert.is(isSoftware(named), name !== 'firefoxOnSoftware', name);
    assert.ok(isSoftware({ isFallbackAdapter: true }));
  }
});

test('a report has a name for people, and sizes of subgroups: what WebGPU allows where nothing is said', () => {
  const of = (
    name: AdapterName,
  ) => [reportNamed(name).name, reportNamed(name).subgroups, onlySize(reportNamed(name).subgroups)];
  assert.equal(of('nvidia'), ['NVIDIA: 570.86.15 570.86.15', { least: 32, most: 32 }, 32]);
  assert.equal(of('amd'), ['radv: Mesa 25.0.7', { least: 32, most: 64 }, 0]);
  assert.equal(of('swiftShaderInChromium'), ['swiftshader', { least: 4, most: 4 }, 4]);
  assert.equal(of('microsoftBasicRenderInOldChromium'), ['warp', { least: 4, most: 128 }, 0]);
  assert.equal(of('firefox'), ['unnamed adapter', { least: 4, most: 128 }, 0]);
});

test('a machine can be tuned where adapter and driver are told, and nowhere else, so that measurements of two are never mixed', () => {
  for (const name of names) {
    const why = untunable(machineOf(ADAPTERS[name].info, 'webgpu 1'));
    const expected = UNTUNABLE[name];
    if (expected === undefined) assert.is(why, undefined, name);
    else assert.match(why ?? '', expected, name);
  }
});

test('the setup asks Dawn for all that decides the kind, and decides as the engine does', async () => {
  const { stdout } = spawnSync(process.execPath, [
    fileURLToPath(new URL('../engine/setup/probe_child.mjs', import.meta.url)),
  ], { encoding: 'utf8' });
  const info = JSON.parse(stdout);
  await using gpu = await open();
  assert.is(info.isFallbackAdapter, gpu.adapter.info.isFallbackAdapter);
  assert.is(isSoftware(info), gpu.kind === 'software');
});

test('a context is of the kind that its adapter reports, on this adapter and on a fallback without a name', async () => {
  await using gpu = await open();
  assert.equal(gpu.report, reportOf(gpu.adapter.info, gpu));
  assert.is(gpu.kind, gpu.report.kind);
  await using unnamed = await nullGpu({ device: '', description: '', isFallbackAdapter: true });
  assert.equal([unnamed.kind, unnamed.name], ['software', 'unnamed adapter']);
  await using card = await nullGpu({ device: '', description: '' });
  assert.equal([card.kind, card.name], ['hardware', 'unnamed adapter']);
});

test('what tells a software adapter stands in one file, so that Node, browsers and the setup never disagree', () => {
  const root = new URL('../', import.meta.url);
  const folders = ['engine', 'kernels', 'model', 'mpi', 'train', 'bench', 'web'].filter((folder) =>
    existsSync(new URL(folder, root))
  );
  const files = folders.flatMap((folder) =>
    readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`)
  ).filter((name) => /\.(ts|mjs|js)$/.test(name) && !name.includes('/node_modules/'));
  const tells = /\/[^/\n]*(llvmpipe|softpipe|basic.render)|\.isFallbackAdapter\b|architecture === 'software'/i;
  const codeOf = (text: string) => text.replace(/\/\*.*?\*\//gs, '').replace(/^\s*\/\/.*$/gm, '');
  assert.equal(files.filter((name) => tells.test(codeOf(readFileSync(new URL(name, root), 'utf8')))), [
    'engine/software.mjs',
  ]);
});

test.run();
