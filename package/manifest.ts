import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLI, EXPORTS, ROOT, WHOLE } from './exports.ts';

/** What is used of a package.json. */
export interface Manifest {
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly engines: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** That of the project. */
export function ownManifest(): Manifest {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;
}

/** What the package needs wherever it runs: the tokenizer's two. */
const NEEDED = ['@huggingface/tokenizers', 'entities'];
/** What Node needs beside: WebGPU, and what brings a running process the driver of a machine that has none. */
const OF_NODE = ['webgpu', 'koffi'];

/** Packages, each in the version that the project has. */
export function versionsOf(names: readonly string[], { dependencies, optionalDependencies }: Manifest): Readonly<
  Record<string, string>
> {
  const versions = { ...dependencies, ...optionalDependencies };
  const unknown = names.find((name) => versions[name] === undefined);
  if (unknown !== undefined) throw new Error(`package.json of the project has no ${unknown}`);
  return Object.fromEntries(names.map((name) => [name, versions[name]]));
}

/** `imports` of a package.json whose files are JavaScript. */
export function importsAsBuilt({ imports }: Manifest): Manifest['imports'] {
  return Object.fromEntries(
    Object.entries(imports).map((
      [name, conditions],
    ) => [name,
      Object.fromEntries(Object.entries(conditions).map(([key, path]) => [key, path.replace(/\.ts$/, '.js')]))]
    ),
  );
}

const typed = (path: string) => ({ types: `./${path}.d.ts`, default: `./${path}.js` });

/** The package.json of what is published, from that of the sources. */
export function manifest(): object {
  const own = ownManifest();
  return {
    name: 'firstlight',
    version: own.version,
    description: own.description,
    keywords: ['webgpu', 'wgsl', 'autograd', 'kernels', 'x-clip', 'clip', 'video'],
    license: own.license,
    type: 'module',
    sideEffects: false,
    // the command line beside it is a package of its own
    files: ['*', `!${CLI}`],
    engines: own.engines,
    imports: importsAsBuilt(own),
    exports: {
      ...Object.fromEntries(Object.entries(EXPORTS).map(([name, path]) => [name, typed(path)])),
      './kernels/*.wgsl': './kernels/*.wgsl',
      [`./${WHOLE}`]: typed(WHOLE.replace('.js', '')),
      './package.json': './package.json',
    },
    dependencies: versionsOf(NEEDED, own),
    peerDependencies: versionsOf(OF_NODE, own),
    peerDependenciesMeta: Object.fromEntries(OF_NODE.map((name) => [name, { optional: true }])),
  };
}
