/**
 * Puts the peers where only this benchmark sees them: installed from their own lock file on first use, bundled where
 * they need it.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { ensurePackages } from '../../engine/setup/packages.mjs';

const FOLDER = fileURLToPath(new URL('./', import.meta.url));

/** Installs the peers if they are missing or differ from their lock file. */
export async function installPeers(say: (line: string) => void): Promise<void> {
  await ensurePackages(say, FOLDER);
}

/** Version of an installed package. */
export function versionOf(name: string): string {
  const file = new URL(`./node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string }).version;
}

/** Packages that know Node load its modules with `require`. */
const REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

/**
 * Bundles an entry of this folder with the packages it names, their ES modules first, and returns the address of the
 * result.
 */
export async function bundle(entry: string): Promise<string> {
  const outfile = fileURLToPath(
    new URL(`./node_modules/.cache/${entry.replace('.entry.js', '.mjs')}`, import.meta.url),
  );
  await build({ entryPoints: [FOLDER + entry], outfile, bundle: true, format: 'esm', platform: 'node',
    mainFields: ['module', 'main'], banner: { js: REQUIRE }, logLevel: 'error' });
  return new URL(`file://${outfile}`).href;
}
