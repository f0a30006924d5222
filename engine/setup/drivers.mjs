// @ts-check
/** Vulkan drivers: those that the machine has, and two software ones that we bring where it has none. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { access, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { cacheFolder, kept, readJson, writeJson } from './cache.mjs';
import { fetchLavapipe, lavapipeName } from './lavapipe.mjs';
import { unpackSwiftShader } from './swiftshader.mjs';

/**
 * Environment variables to start a process with; undefined removes one.
 * @typedef {Readonly<Record<string, string | undefined>>} Environment
 *
 * A driver of ours: its folder, its manifest and its libraries by name.
 * @typedef {{ readonly home: string, readonly manifest: string, readonly libraries: readonly string[] }} OwnDriver
 *
 * Gets lines on what takes long.
 * @typedef {(line: string) => void} Say
 */

/** A download that failed is not tried again for so long, unless someone asks. */
const RETRY_MINUTES = 60;
/** The folder's name in the cache; that of lavapipe names the system, too. */
const SWIFTSHADER = 'swiftshader';
/** Where Kubernetes' NVIDIA plug-in puts the driver's files, outside every folder that is searched. */
export const KUBERNETES = '/usr/local/nvidia';

/** @param {string | undefined} text */
export const nonEmpty = (text) => (text === undefined || text === '' ? undefined : text);
/** @param {string | undefined} text */
export const paths = (text) => (text ?? '').split(delimiter).filter(Boolean);

/** @param {string} folder */
function list(folder) {
  try {
    return readdirSync(folder).map((name) => join(folder, name));
  } catch {
    return []; // most of the folders that may hold drivers do not exist
  }
}

/** Size and time of a file: changes when the file does. Undefined for a missing or empty one. @param {string} path */
export function trace(path) {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats?.isFile() === true && stats.size > 0 ? `${path} ${stats.size} ${stats.mtimeMs}` : undefined;
}

/** The environment as it was before any driver of ours was added, so that one run may start another. */
export function plainEnvironment() {
  const drivers = ['lavapipe-', SWIFTSHADER].map((name) => join(cacheFolder(), name));
  const withoutOurs = (/** @type {string | undefined} */ text) =>
    nonEmpty(paths(text).filter((path) => !drivers.some((name) => path.startsWith(name))).join(delimiter));
  return {
    VK_DRIVER_FILES: withoutOurs(process.env.VK_DRIVER_FILES ?? process.env.VK_ICD_FILENAMES),
    LD_LIBRARY_PATH: withoutOurs(process.env.LD_LIBRARY_PATH),
  };
}

/** Where the Vulkan loader looks for driver manifests, and where Kubernetes has them. */
function manifestFolders() {
  const { XDG_CONFIG_HOME, XDG_CONFIG_DIRS, XDG_DATA_HOME, XDG_DATA_DIRS } = process.env;
  const standard = [
    nonEmpty(XDG_CONFIG_HOME) ?? join(homedir(), '.config'),
    ...paths(nonEmpty(XDG_CONFIG_DIRS) ?? '/etc/xdg'),
    '/etc',
    nonEmpty(XDG_DATA_HOME) ?? join(homedir(), '.local/share'),
    ...paths(nonEmpty(XDG_DATA_DIRS) ?? '/usr/local/share:/usr/share'),
    '/usr/share',
  ];
  return [...new Set([...standard, join(KUBERNETES, 'share')])].map((folder) => join(folder, 'vulkan/icd.d'));
}

/** The system's Vulkan loader, where the dynamic linker would find it. @param {string | undefined} libraryPath */
async function systemLoader(libraryPath) {
  /** @type {string} */
  const cached = await new Promise((resolve) =>
    execFile('/sbin/ldconfig', ['-p'], (_, stdout) => resolve(stdout ?? ''))
  );
  const known = [...cached.matchAll(/libvulkan\.so\.1 .*=> (\S+)/g)].map(([, path]) => path);
  return [...paths(libraryPath).map((folder) => join(folder, 'libvulkan.so.1')), ...known].find((path) =>
    trace(path) !== undefined
  );
}

/**
 * Manifests of the drivers that are installed, the loader, and a key that changes when any of them does.
 *
 * @param {Environment} plain
 * @returns {Promise<{ manifests: string[], loader?: string, key: string }>}
 */
export async function installedDrivers(plain) {
  if (process.platform !== 'linux') return { manifests: [], key: '' };
  const own = plain.VK_DRIVER_FILES === undefined;
  const manifests = own
    ? manifestFolders().flatMap(list).filter((path) => path.endsWith('.json'))
    : paths(plain.VK_DRIVER_FILES);
  const loader = await systemLoader(plain.LD_LIBRARY_PATH);
  const devices = [...list('/dev/dri'), ...list('/dev').filter((path) => path.startsWith('/dev/nvidia'))];
  const hasNvidia = list('/proc/driver/nvidia').includes('/proc/driver/nvidia/version');
  const nvidia = hasNvidia ? readFileSync('/proc/driver/nvidia/version', 'utf8') : '';
  const key = JSON.stringify([manifests.map(trace), loader && trace(loader), devices, nvidia]);
  return { manifests: manifests.filter((path) => trace(path) !== undefined), loader, key };
}

/** The SwiftShader that npm brought, unpacked. @param {Say} say @returns {Promise<OwnDriver>} */
export function swiftShader(say) {
  return kept(SWIFTSHADER, { say, build: unpackSwiftShader });
}

/**
 * A lavapipe, fetched without root.
 *
 * @param {Say} say
 * @param {boolean} again tries anew although it failed within the last hour
 * @returns {Promise<OwnDriver>}
 */
export async function lavapipe(say, again) {
  const name = await lavapipeName();
  const marker = join(cacheFolder(), `${name}.failed.json`);
  const failed = await readJson(marker);
  const minutes = failed === undefined ? Number.POSITIVE_INFINITY : (Date.now() - failed.at) / 60_000;
  const driver = await kept(name, {
    say,
    isUsable: (/** @type {{ manifest: string, libraries: string[], system: string[] }} */ { system }) =>
      Promise.all(system.map((path) => access(path))).then(() => true, () => false),
    build: async (folder, home) => {
      if (!again && minutes < RETRY_MINUTES) {
        throw new Error(`${failed.reason} (${Math.round(minutes)} min ago; FIRSTLIGHT_RETRY=1 tries again)`);
      }
      try {
        const facts = await fetchLavapipe(folder, home, say);
        await rm(marker, { force: true });
        return facts;
      } catch (error) {
        await writeJson(marker, { at: Date.now(), reason: error instanceof Error ? error.message : String(error) });
        throw error;
      }
    },
  });
  return driver;
}
