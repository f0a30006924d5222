/** What a pack for a machine without network takes along. Making one takes a minute and is no matter of tests. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { closure, type Lock } from '../bench/pack/closure.ts';

const lock: Lock = {
  '': { dependencies: { a: '1' } },
  'node_modules/a': { dependencies: { b: '1', c: '1' }, optionalDependencies: { absent: '1' } },
  'node_modules/a/node_modules/b': { dependencies: { c: '1' } },
  'node_modules/b': {},
  'node_modules/c': { dependencies: { a: '1' } },
  'node_modules/d': { dependencies: { missing: '1' } },
  'node_modules/@scope/e': { dependencies: { b: '1' } },
};

test('what packages need comes along, nested versions first, cycles once, optional ones if they are there', () => {
  assert.equal(closure(lock, ['a'], new Set()), ['node_modules/a', 'node_modules/a/node_modules/b', 'node_modules/c']);
  assert.equal(closure(lock, ['@scope/e'], new Set()), ['node_modules/@scope/e', 'node_modules/b']);
});

test('what is left out is not followed, and what is missing is named', () => {
  assert.equal(closure(lock, ['a'], new Set(['c'])), ['node_modules/a', 'node_modules/a/node_modules/b']);
  assert.throwsWith(() => closure(lock, ['d'], new Set()),
    'missing, needed by node_modules/d, is not in the lock file');
});

test('the project’s own packages form a closure without those that decode video', () => {
  const { packages } = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')) as {
    packages: Lock;
  };
  const paths = closure(packages, ['webgpu', 'tsx', 'zod', '@observablehq/plot'], new Set(['node-av']));
  for (const name of ['webgpu', 'esbuild', 'zod', 'd3']) assert.ok(paths.includes(`node_modules/${name}`), name);
  assert.not.ok(paths.some((path) => path.includes('seydx')));
});

test('the launch scripts are such that a plain shell understands them', () => {
  for (const name of ['firstlight.sh', 'card.sh']) {
    const { status, stderr } = spawnSync('sh', ['-n', fileURLToPath(new URL(`../bench/pack/${name}`, import.meta.url))],
      { encoding: 'utf8' });
    assert.is(status, 0, `${name}: ${stderr}`);
  }
});

test.run();
