/** Keeps node_modules equal to the lock file. */
import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { cacheFolder, locked, projectFolder, readJson } from './cache.mjs';

/** Why the installed packages are not those of the lock file, or undefined if they are. */
export function difference(lock, installed) {
  if (installed === undefined) return 'they are not installed yet';
  for (const [path, { version, optional, devOptional }] of Object.entries(lock.packages)) {
    if (path === '') continue;
    const present = installed.packages[path];
    // optional packages are left out where they do not fit the platform
    if (present === undefined && !optional && !devOptional) {
      return `${path.replace(/^.*node_modules\//, '')} is missing`;
    }
    if (present !== undefined && present.version !== version) {
      return `${path.replace(/^.*node_modules\//, '')} is ${present.version}, the lock file says ${version}`;
    }
  }
  return undefined;
}

async function state(folder) {
  const lock = await readJson(join(folder, 'package-lock.json'));
  // without a lock file we are ourselves an installed package, and npm has seen to the rest
  return lock === undefined
    ? undefined
    : difference(lock, await readJson(join(folder, 'node_modules/.package-lock.json')));
}

function canWrite(folder) {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Runs `npm ci`, the npm that started us if there is one. Its output is shown only if it fails. */
async function install(folder) {
  const { npm_execpath: npm, npm_config_cache: cache } = process.env;
  const byNode = npm !== undefined && /\.c?js$/.test(npm);
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  // npm needs a cache that can be written, and by default has it in the home
  const ownCache = cache === undefined || !existsSync(cache) ? !canWrite(homedir()) : !canWrite(cache);
  const env = { ...process.env, ...(ownCache ? { npm_config_cache: join(cacheFolder(), 'npm') } : {}) };
  const options = { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'],
    shell: !byNode && process.platform === 'win32' };
  const child = byNode ? spawn(process.execPath, [npm, ...args], options) : spawn('npm', args, options);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk) => (text += chunk));
  const exitCode = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (exitCode !== 0) throw new Error(`npm ci failed (${exitCode}) in ${folder}:\n${text.trim()}`);
}

/** Installs the packages of a folder if they are missing or differ from its lock file. */
export async function ensurePackages(say, folder = projectFolder) {
  if ((await state(folder)) === undefined) return;
  await mkdir(join(projectFolder, '.cache'), { recursive: true });
  await locked(join(projectFolder, '.cache/packages.lock'), say, async () => {
    const reason = await state(folder);
    if (reason === undefined) return; // another process did it
    say(`installing packages (${reason}) …`);
    const start = performance.now();
    await install(folder);
    say(`packages installed in ${((performance.now() - start) / 1000).toFixed(0)} s`);
  });
}
