/** JavaScript of the sources: one file for each, so that a bundler drops what is not used; and all of it in one. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type InputOptions, type OutputOptions, type Plugin, rolldown } from 'rolldown';
import { exported, ROOT, roomNames, WHOLE } from './exports.ts';
import { inlineTexts, type TextOf } from './inline.ts';
import type { Manifest } from './manifest.ts';

/** Safari has no `using`; ES2022 is what all browsers with WebGPU have. */
const TARGET = 'es2022';

/** Packages whose code is in the file that is all of it. */
const WITHIN = ['@huggingface/tokenizers', 'entities'];

const options = (input: InputOptions['input'], textOf: TextOf): InputOptions => ({
  input,
  cwd: ROOT,
  platform: 'neutral',
  plugins: [inlineTexts(textOf)],
  transform: { target: TARGET },
  onLog: (_level, log) => {
    throw new Error(`the bundler: ${log.message}`);
  },
});

async function write(input: InputOptions, output: OutputOptions): Promise<void> {
  await using bundle = await rolldown(input);
  await bundle.write(output);
}

/** What is chosen where the package is loaded: both forms of `#instance` and `#read_text`. */
function chosen({ imports }: Manifest): string[] {
  return Object.values(imports).flatMap((forms) => Object.values(forms))
    .map((path) => path.replace(/^\.\/|\.ts$/g, ''));
}

/** Writes a module for each source that can be imported, and for each that those need. */
export async function buildModules(folder: string, manifest: Manifest, textOf: TextOf): Promise<void> {
  const input = Object.fromEntries(
    [...exported(), ...chosen(manifest)].map((path) => [path, join(ROOT, `${path}.ts`)]),
  );
  const external = new RegExp(`^(?:#|node:|webgpu$|${WITHIN.join('|')})`);
  // nothing here has side effects: an import that only loads is one that nobody needs
  await write({ ...options(input, textOf), external: (id) => external.test(id),
    treeshake: { moduleSideEffects: false } }, { dir: folder, format: 'esm', preserveModules: true,
    preserveModulesRoot: ROOT, comments: { annotation: true, jsdoc: false, legal: true },
    entryFileNames: '[name].js' });
}

/** The parts of the package under one name each, and the engine as it is. */
function wholeModule(): string {
  const names = roomNames();
  return [
    "export * from './engine/index.ts';",
    "export { rooms } from './kernels/index.ts';",
    "export { tuned } from './kernels/tuned.ts';",
    "export * as model from './model/index.ts';",
    "export * as train from './train/recipe/index.ts';",
    ...names.map((name) => `import * as ${name} from './kernels/${name}/index.ts';`),
    `export const kernels = { ${names.join(', ')} };`,
  ].join('\n');
}

/** Its types, of the modules that are beside it. */
export function wholeTypes(): string {
  return `${
    wholeModule().replaceAll(".ts'", ".js'").replace(/^import .*\n/gm, '').replace(/export const kernels = .*/,
      `export declare const kernels: {\n${
        roomNames().map((name) => `  readonly ${name}: typeof import('./kernels/${name}/index.js');\n`).join('')
      }};`)
  }\n`;
}

/** Writes the file that is all of it, for browsers, and the licences of what else is in it. */
export async function buildWhole(folder: string, { imports }: Manifest, textOf: TextOf): Promise<void> {
  const ENTRY = join(ROOT, 'whole.ts');
  const entry: Plugin = {
    name: 'firstlight-whole',
    resolveId: (id) => (id === ENTRY ? ENTRY : id in imports ? join(ROOT, imports[id].default) : undefined),
    load: (id) => (id === ENTRY ? wholeModule() : undefined),
  };
  const input = options(ENTRY, textOf);
  // errors are told by the names of their classes
  await write({ ...input, plugins: [entry, input.plugins] }, { file: join(folder, WHOLE), format: 'esm',
    minify: { compress: true, mangle: { toplevel: true, keepNames: { class: true, function: false } } },
    banner: `/*! Firstlight, MIT; with ${WITHIN.join(' and ')}: see ${WHOLE.replace('.js', '.licenses.txt')} */` });
  writeFileSync(join(folder, WHOLE.replace('.js', '.licenses.txt')),
    WITHIN.map((name) => `${name}\n\n${readFileSync(join(ROOT, 'node_modules', name, 'LICENSE'), 'utf8')}`).join(
      '\n\n',
    ));
}

/** What chooses a driver in Node; it is plain JavaScript that imports nothing but Node. */
export function copySetup(folder: string): void {
  cpSync(join(ROOT, 'engine', 'setup'), join(folder, 'engine', 'setup'), { recursive: true,
    filter: (path) => !path.endsWith('.d.mts') });
  cpSync(join(ROOT, 'engine', 'software.mjs'), join(folder, 'engine', 'software.mjs'));
}

/** The texts as they were written, for `firstlight/kernels/gelu/gelu.wgsl`. */
export function copyTexts(folder: string): void {
  cpSync(join(ROOT, 'kernels'), join(folder, 'kernels'), { recursive: true,
    filter: (path) => !/\.[a-z]+$/.test(relative(ROOT, path)) || path.endsWith('.wgsl') });
}
