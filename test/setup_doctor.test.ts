import { spawnSync } from 'node:child_process';
import fs, { constants } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { FEATURE_USES, LIMIT_USES } from '../engine/index.ts';
import { usableMemory } from '../train/run/machine.ts';
import { type Diagnosis, graphicsRemedies, loadFailure, type ShownDevices,
  shownDevices } from '../train/commands/doctor.ts';

const cli = fileURLToPath(new URL('../train/cli/process.ts', import.meta.url));
const doctor = (args: readonly string[], more: NodeJS.ProcessEnv = {}) =>
  spawnSync(process.execPath, ['--import', import.meta.resolve('tsx'), cli, 'doctor', ...args], { encoding: 'utf8',
    env: { ...process.env, ...more } });

test('where an adapter works, doctor names it, proves a kernel on it, and ends with 0', () => {
  const { status, stdout } = doctor(['--json']);
  const { canTrain, adapter, features, limits, matrixUnits, machine, dawn, parts, remedies } = JSON.parse(stdout) as
    & Diagnosis
    & { adapter: NonNullable<Diagnosis['adapter']> };
  assert.is(canTrain, true);
  assert.is(status, 0);
  assert.ok(adapter.name.length > 0);
  assert.is(matrixUnits.units !== undefined, features['chromium-experimental-subgroup-matrix']
    && / with sums in f32, held by subgroups of \d+ lanes/.test(matrixUnits.why));
  assert.ok(matrixUnits.units !== undefined || /^WebGPU offers none here/.test(matrixUnits.why), matrixUnits.why);
  assert.ok(limits.maxBufferSize >= 256 * 2 ** 20); // WebGPU's least
  assert.equal([Object.keys(limits), Object.keys(features)], [Object.keys(LIMIT_USES), Object.keys(FEATURE_USES)]);
  assert.ok(Object.values(limits).every((limit) => limit > 0));
  assert.match(dawn, /^webgpu \d/);
  const { freeMemoryBytes, processor, system, ...others } = machine;
  assert.equal(others, { node: process.versions.node, cores: availableParallelism(), memoryBytes: usableMemory() });
  assert.ok(freeMemoryBytes > 0 && processor.length > 0 && system.endsWith(process.arch));
  assert.equal(parts.map(({ name }) => name), ['video files', 'SwiftShader', 'browser', 'koffi']);
  // what is there is told with its version, what is not with a remedy
  for (const { name, present, detail } of parts) {
    assert.is(remedies.some((remedy) => remedy.startsWith(`${name}: `)), !present, name);
    if (['video files', 'koffi'].includes(name) && present) assert.match(detail, /^(node-av|koffi) \d/);
  }
});

test('where no adapter can be had, doctor says what was tried and how to get one, and ends with 4', () => {
  // a manifest that is no driver stands for a machine without one
  const { status, stdout } = doctor([], { FIRSTLIGHT_ADAPTER: 'hardware', FIRSTLIGHT_PREPARED: undefined,
    VK_DRIVER_FILES: fileURLToPath(import.meta.url) });
  assert.is(status, 4);
  assert.match(stdout, /adapter +none/);
  assert.match(stdout, /not to be had +GPU: Dawn accepts no installed driver/);
  assert.match(stdout, 'FIRSTLIGHT_ADAPTER=hardware rules all other adapters out');
  assert.match(stdout, 'Training cannot run');
});

test('doctor says what stands between a machine and its GPU, by the devices that it shows', () => {
  const nothing: ShownDevices = { forced: 'auto', nvidia: [], render: [], locked: [] };
  const told = (kind: string, shown: Partial<ShownDevices>) =>
    graphicsRemedies(kind, { ...nothing, ...shown }).map((remedy) => remedy.split(/[:;]/)[0]);
  const render = ['/dev/dri/renderD128'];
  const [nvidia, driver] = ['an NVIDIA GPU is there without its Vulkan driver',
    'a GPU is there without a Vulkan driver'];
  assert.equal(told('hardware', { nvidia: ['/dev/nvidia0'], render }), []);
  assert.equal(told('lavapipe', {}), ['this machine shows no GPU']);
  assert.equal(told('lavapipe', { nvidia: ['/dev/nvidia0'] }), [nvidia]);
  assert.equal(told('lavapipe', { render }), [driver]);
  assert.equal(told('lavapipe', { nvidia: ['/dev/nvidia0'], render }), [nvidia, driver]);
  assert.equal(told('lavapipe', { render, locked: render }), ['you may not open /dev/dri/renderD128']);
  assert.equal(told('lavapipe', { forced: 'lavapipe' }), [
    'FIRSTLIGHT_ADAPTER=lavapipe rules all other adapters out',
  ]);
  assert.equal(told('none', {}), ['this machine shows no GPU', 'without a GPU']);
  assert.equal(told('swiftshader', {}), ['this machine shows no GPU', 'a faster software adapter']);
});

test('a device that may not be both read and written is locked', () => {
  const { existsSync, readdirSync, accessSync } = fs;
  const asked: unknown[] = [];
  Object.assign(fs, { existsSync: () => true,
    readdirSync: (path: string) => (path === '/dev' ? ['nvidia0', 'nvidiactl'] : ['card0', 'renderD128', 'renderD129']),
    accessSync: (path: string, mode: number) => {
      asked.push(mode);
      if (path.endsWith('129')) throw new Error('EACCES');
    } });
  syncBuiltinESMExports();
  try {
    const { forced, ...shown } = shownDevices();
    assert.is(forced, process.env.FIRSTLIGHT_ADAPTER ?? 'auto');
    assert.equal(shown, { nvidia: ['/dev/nvidia0'], render: ['/dev/dri/renderD128', '/dev/dri/renderD129'],
      locked: ['/dev/dri/renderD129'] });
  } finally {
    Object.assign(fs, { existsSync, readdirSync, accessSync });
    syncBuiltinESMExports();
  }
  const both = constants.R_OK | constants.W_OK;
  assert.equal(asked, [both, both]);
});

test('a package that cannot be loaded is told by the first line of what is wrong', async () => {
  assert.is(await loadFailure('node:path'), undefined);
  assert.match(String(await loadFailure('data:text/javascript,throw Error("its binary\\nis not here")')),
    /^its binary$/);
});

test.run();
