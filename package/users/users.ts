/** Who uses the package, each with a small app in a folder of its own beside the installed packages. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { EXPORTS, roomNames, WHOLE } from '../exports.ts';
import { PROGRAM, programOfWhole, TYPED } from './program.ts';
import { serve } from '../../web/build/serve.ts';

/** Where an app is looked at, until it is closed. */
export interface Served {
  readonly origin: string;
  close(): Promise<void>;
}

export interface User {
  readonly name: string;
  /** The package whose version is told. */
  readonly of?: string;
  /** Builds the app in `app`, and returns where a browser finds it. */
  readonly page?: (app: string) => Promise<Served>;
  /** Runs the app, and returns what it printed: the answer as JSON, or nothing where it only has to compile. */
  readonly run?: (app: string) => Promise<string>;
}

const START = 'globalThis.answer = numbers();\n';
const page = (scripts: string) => `<!doctype html>\n<meta charset="utf-8">\n<title>user</title>\n${scripts}\n`;
const MODULE = '<script type="module" src="./main.js"></script>';

function write(app: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(app, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(app, name), text);
}

/** A package that is installed there, not here. */
async function installed<T>(app: string, name: string): Promise<T> {
  return import(pathToFileURL(createRequire(join(app, 'x.js')).resolve(name)).href) as Promise<T>;
}

type Vite = typeof import('vite');

const vite = (build: boolean): User => ({
  name: build ? 'Vite, built' : 'Vite, developing',
  of: 'vite',
  async page(app) {
    write(app, { 'main.js': PROGRAM + START, 'index.html': page(MODULE) });
    const { build: built, createServer } = await installed<Vite>(app, 'vite');
    const common = { root: app, logLevel: 'warn', configFile: false } as const;
    if (build) {
      await built({ ...common, base: './' });
      return serve(join(app, 'dist'));
    }
    const server = await createServer({ ...common, server: { port: 0, host: '127.0.0.1', hmr: false } });
    await server.listen();
    return { origin: (server.resolvedUrls?.local[0] ?? '').replace(/\/$/, ''), close: () => server.close() };
  },
});

const esbuild: User = {
  name: 'esbuild',
  of: 'esbuild',
  async page(app) {
    write(app, { 'main.in.js': PROGRAM + START, 'index.html': page(MODULE) });
    const { build } = await installed<typeof import('esbuild')>(app, 'esbuild');
    const { warnings } = await build({ entryPoints: [join(app, 'main.in.js')], outfile: join(app, 'main.js'),
      bundle: true, minify: true, format: 'esm', logLevel: 'silent' });
    if (warnings.length > 0) throw new Error(warnings[0].text);
    return serve(app);
  },
};

/** What is used of webpack, which is not installed here. */
interface Webpack {
  default(options: object,
    done: (error: Error | null,
      stats: { hasErrors(): boolean; hasWarnings(): boolean; toString(options: object): string }) => void): void;
}

const webpack: User = {
  name: 'webpack',
  of: 'webpack',
  async page(app) {
    write(app, { 'main.in.js': PROGRAM + START, 'index.html': page(MODULE) });
    const { default: run } = await installed<Webpack>(app, 'webpack');
    await new Promise<void>((resolve, reject) =>
      run({ mode: 'production', entry: join(app, 'main.in.js'), output: { path: app, filename: 'main.js' } },
        (error, stats) => {
          if (error !== null) reject(error);
          else if (stats.hasErrors() || stats.hasWarnings()) {
            reject(new Error(stats.toString({ all: false, errors: true, warnings: true })));
          } else resolve();
        })
    );
    return serve(app);
  },
};

/** The modules by their addresses: `root` is where the package is served. */
function importMap(root: string): string {
  const paths = Object.entries(EXPORTS).flatMap(([name, path]) =>
    (path.includes('*') ? roomNames() : ['']).map((
      room,
    ) => [`firstlight${name.slice(1)}`.replace('*', room), `${root}/${path.replace('*', room)}.js`])
  );
  const imports = { ...Object.fromEntries(paths), '#instance': `${root}/engine/instance.browser.js`,
    '#read_text': `${root}/engine/read_text.browser.js` };
  return `<script type="importmap">${JSON.stringify({ imports })}</script>`;
}

const inFiles: User = {
  name: 'import map',
  async page(app) {
    write(app, { 'main.js': PROGRAM + START,
      'index.html': page(`${importMap('/node_modules/firstlight')}\n${MODULE.replace('./', '/import_map/')}`) });
    const served = await serve(join(app, '..'));
    return { ...served, origin: `${served.origin}/import_map` };
  },
};

const inOneFile: User = {
  name: WHOLE,
  async page(app) {
    const root = join(app, '..', 'node_modules', 'firstlight');
    write(app, { 'main.js': programOfWhole(`./${WHOLE}`) + START, 'index.html': page(MODULE),
      [WHOLE]: readFileSync(join(root, WHOLE), 'utf8') });
    return serve(app);
  },
};

/** Runs a program as someone would whose process was started by nobody of ours. */
async function output(program: string, words: readonly string[], app: string): Promise<string> {
  const { VK_DRIVER_FILES: _driver, LD_LIBRARY_PATH: _libraries, FIRSTLIGHT_PREPARED: _prepared, ...env } = process.env;
  const { stdout } = await promisify(execFile)(program, words, { cwd: app, env }).catch(
    (error: Error & { stdout?: string; stderr?: string }) => {
      throw new Error(`${error.stdout ?? ''}${error.stderr ?? error.message}`, { cause: error });
    },
  );
  return stdout;
}

const node = (major: number): User => ({
  name: `Node ${major}`,
  of: `node${major}`,
  run: (app) => {
    write(app, { 'main.mjs': `${PROGRAM}console.log(JSON.stringify(await numbers()));\n` });
    return output(join(app, '..', 'node_modules', `node${major}`, 'bin', 'node'), ['main.mjs'], app);
  },
});

const compiler = (name: string, module: string, moduleResolution: string): User => ({
  name: `tsc, ${name}`,
  of: 'typescript',
  run: (app) => {
    // neither skipLibCheck, nor types of WebGPU or Node
    const compilerOptions = { target: 'es2022', module, moduleResolution, strict: true, noEmit: true, types: [],
      lib: ['es2022', 'dom', 'dom.iterable'] };
    write(app, { 'main.ts': TYPED, 'tsconfig.json': JSON.stringify({ compilerOptions, files: ['main.ts'] }),
      'package.json': '{ "type": "module" }' });
    return output(process.execPath, [join(app, '..', 'node_modules', 'typescript', 'bin', 'tsc'), '-p', app], app);
  },
});

export const users: readonly User[] = [vite(false), vite(true), webpack, esbuild, inFiles, inOneFile, node(20),
  node(22), compiler('nodenext', 'nodenext', 'nodenext'), compiler('bundler', 'esnext', 'bundler')];
