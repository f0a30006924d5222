import { execFile } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { brotliDecompress, createBrotliDecompress } from 'node:zlib';
import { type Browser, chromium } from 'playwright-core';
import { kept } from '../../engine/setup/cache.mjs';
import { untar } from '../../engine/setup/swiftshader.mjs';

const PACKAGE = '@sparticuz/chromium';
/** The last one: SwiftShader compiles for seconds where it is told to fill workgroup memory with zeros by itself. */
const FLAGS = ['--no-sandbox', '--no-zygote', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader',
  '--disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension'];
const WAY_OUT = 'set FIRSTLIGHT_SKIP_BROWSER=1 to leave the browser out';

/** A browser that cannot be had: why, and what to do. */
export class BrowserError extends Error {
  constructor(reason: string, remedy: string) {
    super(`Chromium cannot start: ${reason}; ${remedy}, or ${WAY_OUT}`);
    this.name = 'BrowserError';
  }
}

/** The folder of the package's archives, and its version. */
async function archives(): Promise<{ folder: string; version: string }> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new BrowserError(
      `the Chromium that npm carries is for Linux on x64, this is ${process.platform} on ${process.arch}`,
      'run this test on such a machine',
    );
  }
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(PACKAGE);
  } catch {
    throw new BrowserError(`the optional package ${PACKAGE} is not installed`, 'run `npm ci --include=optional`');
  }
  const home = join(dirname(entry), '..', '..'); // the package exports its entry only, build/cjs/index.cjs
  const { version } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as { version: string };
  return { folder: join(home, 'bin'), version };
}

/** Writes the files of an archive of the package into `target`, without their folders. */
async function unpack(archive: string, target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  for (const [name, content] of untar(await promisify(brotliDecompress)(await readFile(archive)))) {
    await writeFile(join(target, name.split('/').at(-1) ?? name), content, { mode: 0o755 });
  }
}

/**
 * The browser of the package, unpacked once into the cache. The package itself would unpack to fixed names in the
 * system's temporary folder, where a half-written file, or another user's, is taken for the browser.
 */
async function unpacked(): Promise<string> {
  const { folder, version } = await archives();
  const { home } = await kept(`chromium-${version}`, {
    say: console.log,
    build: async (target) => {
      await pipeline(createReadStream(join(folder, 'chromium.br')), createBrotliDecompress(),
        createWriteStream(join(target, 'chromium'), { mode: 0o755 }));
      await unpack(join(folder, 'swiftshader.tar.br'), target);
      await unpack(join(folder, 'al2023.tar.br'), join(target, 'lib'));
      return { version };
    },
  });
  return home;
}

/** What hinders the program from starting with these variables; undefined if nothing does. */
async function hindrance(program: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  try {
    await promisify(execFile)(program, ['--version'], { env, timeout: 30_000 });
    return undefined;
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    return stderr?.trim() || message;
  }
}

/**
 * Starts Chromium without a window, with WebGPU on SwiftShader and a fresh profile that goes when it closes.
 * @param flags more of them
 */
export async function launchChromium(flags: readonly string[] = []): Promise<Browser> {
  const home = await unpacked();
  const executablePath = join(home, 'chromium');
  // drivers chosen for Dawn in Node are not for the browser, which brings its own
  const { VK_DRIVER_FILES: _drivers, LD_LIBRARY_PATH: _libraries, ...env } = process.env as Record<string, string>;
  const bare = await hindrance(executablePath, env);
  // the package carries the few libraries that a small system lacks
  if (bare !== undefined) env.LD_LIBRARY_PATH = join(home, 'lib');
  const still = bare === undefined ? undefined : await hindrance(executablePath, env);
  if (still !== undefined) {
    throw new BrowserError(still,
      'install what it misses (on Debian and Ubuntu: `apt-get install chromium` brings all of it)');
  }
  return chromium.launch({ executablePath, args: [...FLAGS, ...flags], env });
}
