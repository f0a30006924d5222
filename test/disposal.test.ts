/** `using` where the language does not know it yet. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { sourcesOf } from '../bench/imports/graph.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

test('engine, kernels, model and recipe load, compute and give back where there is no Symbol.dispose', () => {
  const script = fileURLToPath(new URL('./disposal_child.ts', import.meta.url));
  const child = spawnSync(process.execPath, ['--import', 'tsx', script], { encoding: 'utf8', timeout: 120_000 });
  assert.is(child.status, 0, child.stderr);
  assert.match(child.stdout, 'reads 0\nsymbols undefined undefined, live 4, unnamed 0\nclosed true\n');
});

test('no class that loads in a browser names a method by a symbol that Safari lacks', () => {
  const sources = [...sourcesOf(ROOT, ['engine', 'kernels', 'model', 'train/recipe'])];
  assert.ok(sources.length > 100);
  const wrong = sources.filter(([, text]) => /\[Symbol\.(?:asyncD|d)ispose\]/.test(text)).map(([path]) => path);
  assert.equal(wrong, []);
});

test.run();
