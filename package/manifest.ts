import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './build.ts';

interface Manifest {
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly engines: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** What the package needs wherever it runs: the tokenizer's two. */
const NEEDED = ['@huggingface/tokenizers', 'entities'];
/** What Node needs beside; a browser has its own WebGPU. */
const OF_NODE = ['webgpu'];

const both = (path: string) => ({ types: `./${path}.d.ts`, default: `./${path}.js` });

/** What can be imported; everything else in the package is its own. */
const EXPORTS = {
  '.': both('engine/index'),
  './kernels': both('kernels/index'),
  './kernels/tuned': both('kernels/tuned'),
  './kernels/*.wgsl': './kernels/*.wgsl',
  './kernels/*/cases': both('kernels/*/cases'),
  './kernels/*': both('kernels/*/index'),
  './model': both('model/index'),
  './train': both('train/recipe/index'),
  './package.json': './package.json',
};

/** The package.json of what is published, from that of the sources. */
export function manifest(): object {
  const own = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;
  const versionsOf = (names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, own.dependencies[name]]));
  return {
    name: 'firstlight',
    version: own.version,
    description: own.description,
    keywords: ['webgpu', 'wgsl', 'autograd', 'kernels', 'x-clip', 'clip', 'video'],
    license: own.license,
    type: 'module',
    sideEffects: false,
    engines: own.engines,
    imports: Object.fromEntries(Object.entries(own.imports).map(([name, conditions]) => [name,
      Object.fromEntries(Object.entries(conditions).map(([key, path]) => [key, path.replace(/\.ts$/, '.js')]))])),
    exports: EXPORTS,
    dependencies: versionsOf(NEEDED),
    peerDependencies: versionsOf(OF_NODE),
    peerDependenciesMeta: Object.fromEntries(OF_NODE.map((name) => [name, { optional: true }])),
  };
}
