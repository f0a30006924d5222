/** JavaScript of the sources: one file for each, so that a bundler drops what is not used; and all of it in one. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type InputOptions, type OutputOptions, rolldown } from 'rolldown';
import { graphOf } from '../bench/imports/graph.ts';
import { inlineTexts, type TextOf } from './inline.ts';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Safari has no `using`; ES2022 is what all browsers with WebGPU have. */
const TARGET = 'es2022';

/** The parts of the house that load anywhere, and the files of a folder of train that does. */
const isShipped = (path: string) =>
  /^(engine|kernels|model)\//.test(path) || path.startsWith('train/recipe/');
/** What only Node takes: the command line's package has it. */
const isForNode = (path: string) => /\.node\.ts$/.test(path) && !path.startsWith('engine/');
const isSetup = (path: string) => path.startsWith('engine/setup/');

/** The sources of the package, as paths from the root. */
export function sources(): string[] {
  return [...graphOf(ROOT).keys()].filter((path) => isShipped(path) && !isForNode(path) && !isSetup(path)
    && path.endsWith('.ts'));
}

const options = (input: InputOptions['input'], textOf: TextOf): InputOptions => ({
  input,
  cwd: ROOT,
  platform: 'neutral',
  // chosen by whoever loads the package, and packages that it needs
  external: (id) => /^(?:#|node:|webgpu$|@huggingface\/|entities)/.test(id),
  plugins: [inlineTexts(textOf)],
  transform: { target: TARGET },
  onLog: (_level, log) => {
    throw new Error(`the bundler: ${log.message}`);
  },
});

/** Writes a module for each source to a folder. */
export async function buildModules(folder: string, textOf: TextOf): Promise<void> {
  const input = Object.fromEntries(sources().map((path) => [path.replace(/\.ts$/, ''), join(ROOT, path)]));
  const output: OutputOptions = { dir: folder, format: 'esm', preserveModules: true, preserveModulesRoot: ROOT,
    sourcemap: true, comments: { annotation: true, jsdoc: false, legal: true }, entryFileNames: '[name].js' };
  await write(options(input, textOf), output);
}

async function write(input: InputOptions, output: OutputOptions): Promise<void> {
  await using bundle = await rolldown(input);
  await bundle.write(output);
}

/** What chooses a driver in Node; it is plain JavaScript that imports nothing but Node. */
export function copySetup(folder: string): void {
  cpSync(join(ROOT, 'engine', 'setup'), join(folder, 'engine', 'setup'), { recursive: true });
  cpSync(join(ROOT, 'engine', 'software.mjs'), join(folder, 'engine', 'software.mjs'));
}

/** The texts as they were written, for `firstlight/kernels/gelu/gelu.wgsl`. */
export function copyTexts(folder: string): void {
  cpSync(join(ROOT, 'kernels'), join(folder, 'kernels'), { recursive: true, filter: (path) =>
    !/\.[a-z]+$/.test(relative(ROOT, path)) || path.endsWith('.wgsl') });
}

/** Types, by the compiler itself. */
export function buildTypes(folder: string): void {
  const config = join(ROOT, 'package', 'tsconfig.json');
  execFileSync(process.execPath, [join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', config, '--outDir',
    folder], { stdio: 'inherit' });
  if (!existsSync(join(folder, 'engine', 'index.d.ts'))) throw new Error('the compiler wrote no types');
}
