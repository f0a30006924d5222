/**
 * Packages of others: how many there are, which of them are loaded, under which licences, and that none runs a script.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { explain } from '../train/cli/failure.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const textOf = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');

/** A package as the lock file has it. */
interface Locked {
  readonly license?: string;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
}

const { packages } = JSON.parse(textOf('package-lock.json')) as { packages: Readonly<Record<string, Locked>> };
const production = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true);
const nameOf = (path: string) => path.replace(/^.*node_modules\//, '');

/** Packages that a module loads, and the modules that it imports. */
async function loadedBy(entry: string): Promise<string[]> {
  const { metafile } = await build({ absWorkingDir: ROOT, entryPoints: [entry], bundle: true, metafile: true,
    write: false, platform: 'node', format: 'esm', external: ['*.node'], logLevel: 'silent' });
  const paths = Object.keys(metafile.inputs).filter((path) => path.includes('node_modules/'));
  return [...new Set(paths.map((path) => /^(?:@[^/]+\/)?[^/]+/.exec(nameOf(path))?.[0] ?? path))].sort();
}

test('what is installed to run is no more than it was, and of the decoder and the charts only what is used is loaded', async () => {
  assert.ok(production.length <= 232, `${production.length} packages are installed without those for development`);
  assert.equal(await loadedBy('train/data/video/decode.ts'), ['node-av']);
  const charts = await loadedBy('train/report/charts.ts');
  assert.ok(charts.length <= 48, `${charts.length}: ${charts.join(' ')}`);
});

test('no package runs a script when it is installed, in the benchmark of others neither', () => {
  for (const file of ['.npmrc', 'bench/peers/.npmrc']) assert.match(textOf(file), /^ignore-scripts=true$/m);
  assert.match(textOf('engine/setup/packages.mjs'), "'--ignore-scripts'");
  const scripts = Object.entries(packages).filter(([, { hasInstallScript }]) => hasInstallScript === true);
  const page = textOf('THIRD_PARTY.md');
  assert.equal(scripts.map(([path]) => nameOf(path)).filter((name) => !page.includes(`\`${name}\``)), []);
});

test('a package under a licence that asks for more than its notice stands on the page', () => {
  const permissive =
    /^(MIT|ISC|BSD-2-Clause|BSD-3-Clause|Apache-2\.0|0BSD|BlueOak-1\.0\.0|Unlicense|\(MIT AND Zlib\))$/;
  const page = textOf('THIRD_PARTY.md');
  // one states none in its package.json: its file is that of the BSD licence
  const others = production.filter(([path, { license }]) =>
    !permissive.test(license ?? '') && nameOf(path) !== '@shinyoshiaki/jspack'
  );
  assert.equal(others.map(([path]) => nameOf(path)).filter((name) => !page.includes(`\`${name}\``)), []);
});

test('a package that was left out is named, with what brings it', async () => {
  const name = 'no-such-package-of-videos';
  const text = explain(await import(name).catch((error: unknown) => error), false);
  assert.match(text, `firstlight: the package ${name}, which this needs, is not installed\n  npm install ${name}; `);
});

test.run();
