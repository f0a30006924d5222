/**
 * Finds the best GPU adapter that this machine can have, and the environment in which Dawn sees it:
 * a hardware GPU, else an installed software one, else a lavapipe fetched with apt, else the SwiftShader that npm brought.
 */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { access, rm } from 'node:fs/promises';
import { availableParallelism, homedir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isSoftware, isSwiftShader, nameOf } from '../software.mjs';
import { cacheFolder, kept, readJson, writeJson } from './cache.mjs';
import { fetchLavapipe, lavapipeName } from './lavapipe.mjs';
import { unpackSwiftShader } from './swiftshader.mjs';

/** What FIRSTLIGHT_ADAPTER may say. */
export const ADAPTERS = ['auto', 'hardware', 'installed', 'lavapipe', 'swiftshader'];

const PROBE_SECONDS = 30;
/** A download that failed is not tried again for so long, unless someone asks. */
const RETRY_MINUTES = 60;
/** Where Kubernetes' NVIDIA plug-in puts the driver's files, outside every folder that is searched. */
const KUBERNETES = '/usr/local/nvidia';
const PROBE = fileURLToPath(new URL('./probe.mjs', import.meta.url));

/** No adapter could be had: `tried` says what was tried, and how each attempt ended. */
export class NothingFound extends Error {
  constructor(tried) {
    super(`no GPU adapter:\n${tried.map((line) => `  ${line}`).join('\n')}\n  \`npm run doctor\` looks again and lists the remedies`);
    this.tried = tried;
  }
}

// ------------------------------------------------------------------------------------------------ what the machine has

const nonEmpty = (text) => (text === undefined || text === '' ? undefined : text);
const paths = (text) => (text ?? '').split(delimiter).filter(Boolean);

function list(folder) {
  try {
    return readdirSync(folder).map((name) => join(folder, name));
  } catch {
    return []; // most of the folders that may hold drivers do not exist
  }
}

/** Size and time of a file: changes when the file does. Undefined for a missing or empty one. */
function trace(path) {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats?.isFile() === true && stats.size > 0 ? `${path} ${stats.size} ${stats.mtimeMs}` : undefined;
}

/** The environment as it was before any of ours was added, so that one run may start another. */
function plainEnvironment(cache) {
  const withoutOurs = (text) => nonEmpty(paths(text).filter((path) => !path.startsWith(cache)).join(delimiter));
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

/** The system's Vulkan loader, where the dynamic linker would find it. */
async function systemLoader(libraryPath) {
  const cached = await new Promise((resolve) => execFile('/sbin/ldconfig', ['-p'], (_, stdout) => resolve(stdout ?? '')));
  const known = [...cached.matchAll(/libvulkan\.so\.1 .*=> (\S+)/g)].map(([, path]) => path);
  return [...paths(libraryPath).map((folder) => join(folder, 'libvulkan.so.1')), ...known].find((path) => trace(path) !== undefined);
}

/** The drivers and the loader that are installed, and a key that changes when any of them does. */
async function installed(plain) {
  const manifests = plain.VK_DRIVER_FILES === undefined ? manifestFolders().flatMap(list).filter((path) => path.endsWith('.json')) : paths(plain.VK_DRIVER_FILES);
  const loader = await systemLoader(plain.LD_LIBRARY_PATH);
  const devices = [...list('/dev/dri'), ...list('/dev').filter((path) => path.startsWith('/dev/nvidia'))];
  const nvidia = list('/proc/driver/nvidia').includes('/proc/driver/nvidia/version') ? readFileSync('/proc/driver/nvidia/version', 'utf8') : '';
  return { manifests: manifests.filter((path) => trace(path) !== undefined), loader, key: JSON.stringify([manifests.map(trace), loader && trace(loader), devices, nvidia]) };
}

// ------------------------------------------------------------------------------------------------ asking Dawn

/** What Dawn says of the adapter under `environment`: its info and features, or why there is none. */
async function probe(environment) {
  const env = { ...process.env, ...environment };
  for (const [name, value] of Object.entries(env)) if (value === undefined) delete env[name];
  return new Promise((resolve) => {
    execFile(process.execPath, [PROBE], { env, timeout: PROBE_SECONDS * 1000, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      if (error?.killed === true) resolve({ failure: `the driver did not answer in ${PROBE_SECONDS} s`, passing: true });
      else if (error !== null) resolve({ failure: `the driver ended the process (${error.signal ?? error.code}): ${stderr.trim().split('\n').at(-1)}` });
      else if (stdout.trim() === 'null') resolve({ failure: 'Dawn accepts no installed driver' });
      else resolve(JSON.parse(stdout));
    });
  });
}

/** `probe`, remembered until `key` changes: the answer costs a process and a driver's start. */
async function remembered(name, key, environment, again) {
  const path = join(cacheFolder(), 'probes.json');
  const { version } = JSON.parse(readFileSync(fileURLToPath(import.meta.resolve('webgpu')).replace(/index\.js$/, 'package.json'), 'utf8'));
  const whole = `${version} ${process.arch} ${trace(PROBE)} ${JSON.stringify(environment)} ${key}`;
  const known = (await readJson(path)) ?? {};
  if (!again && known[name]?.key === whole) return known[name].answer;
  const answer = await probe(environment);
  if (answer.passing) return answer; // a busy machine today says nothing about tomorrow
  // read again: another process may have added its own meanwhile
  await writeJson(path, { ...(await readJson(path)), [name]: { key: whole, answer } });
  return answer;
}

// ------------------------------------------------------------------------------------------------ software drivers of our own

async function swiftShader(say) {
  return kept('swiftshader', { say, build: unpackSwiftShader });
}

async function lavapipe(say, again) {
  const name = await lavapipeName();
  const marker = join(cacheFolder(), `${name}.failed.json`);
  const failed = await readJson(marker);
  const minutes = failed === undefined ? Number.POSITIVE_INFINITY : (Date.now() - failed.at) / 60_000;
  const present = ({ system }) => Promise.all(system.map((path) => access(path))).then(() => true, () => false);
  return kept(name, {
    say,
    isUsable: present,
    build: async (folder, home) => {
      if (!again && minutes < RETRY_MINUTES) throw new Error(`${failed.reason} (${Math.round(minutes)} min ago; FIRSTLIGHT_RETRY=1 tries again)`);
      try {
        const facts = await fetchLavapipe(folder, home, say);
        await rm(marker, { force: true });
        return facts;
      } catch (error) {
        await writeJson(marker, { at: Date.now(), reason: error.message });
        throw error;
      }
    },
  });
}

// ------------------------------------------------------------------------------------------------ the candidate

/** How fast to expect it: 256 x 256 matrix products were timed on two cores. */
const SPEED = {
  hardware: 'full speed',
  lavapipe: `expect some ${6 * availableParallelism()} GFLOP/s; a GPU with a Vulkan driver is 100 times faster and more`,
  swiftshader: 'expect 1/40 of lavapipe: right for checks, too slow to train; better: Mesa 25 (mesa-vulkan-drivers) or a GPU driver',
};

/** Chooses. Each attempt that fails adds a line to `tried`. */
async function attempts(wanted, plain, { say, again, tried }) {
  const machine = process.platform === 'linux' ? await installed(plain) : { manifests: [], key: '' };

  async function ofTheSystem() {
    const environment = { ...plain };
    const preload = [];
    if (process.platform === 'linux') {
      if (machine.manifests.length === 0) throw new Error('no driver is installed');
      const standard = machine.manifests.every((path) => !path.startsWith(KUBERNETES));
      if (machine.loader === undefined || !standard) environment.VK_DRIVER_FILES = machine.manifests.join(delimiter);
      if (!standard) environment.LD_LIBRARY_PATH = [...paths(plain.LD_LIBRARY_PATH), join(KUBERNETES, 'lib64')].join(delimiter);
      if (machine.loader === undefined) {
        // containers are often given a GPU's driver and no loader
        const { home } = await swiftShader(say);
        environment.LD_LIBRARY_PATH = [...paths(environment.LD_LIBRARY_PATH), join(home, 'loader')].join(delimiter);
        preload.push(join(home, 'loader', 'libvulkan.so.1'));
      }
    }
    const info = await remembered('system', machine.key, environment, again);
    if (info.failure !== undefined) throw new Error(`${info.failure}${machine.manifests.length === 0 ? '' : ` (${machine.manifests.map((path) => basename(path).replace(/_icd.*/, '')).join(', ')})`}`);
    const kind = isSoftware(info) ? 'installed' : 'hardware';
    if (wanted !== 'auto' && wanted !== kind) throw new Error(`the installed adapter is ${kind === 'hardware' ? 'a GPU' : 'software'}, ${nameOf(info)}`);
    return { kind, environment, preload, info };
  }

  async function ofOurs(kind, driver) {
    const facts = await driver();
    const environment = {
      VK_DRIVER_FILES: join(facts.home, facts.manifest),
      LD_LIBRARY_PATH: [join(facts.home, 'lib'), ...paths(plain.LD_LIBRARY_PATH)].join(delimiter),
      NODEVICE_SELECT: '1', // Mesa's layer for choosing among devices looks for a desktop and complains
    };
    const info = await remembered(kind, trace(join(facts.home, 'facts.json')), environment, again);
    if (info.failure !== undefined) throw new Error(`${info.failure} (${facts.home})`);
    return { kind, environment, preload: facts.libraries.map((name) => join(facts.home, 'lib', name)), info };
  }

  const ways = {
    system: ['GPU', ofTheSystem],
    lavapipe: ['lavapipe', () => ofOurs('lavapipe', () => lavapipe(say, again))],
    swiftshader: ['SwiftShader', () => ofOurs('swiftshader', () => swiftShader(say))],
  };
  const order = wanted === 'auto' ? Object.values(ways) : [ways[wanted] ?? ways.system];
  for (const [name, way] of order) {
    try {
      return await way();
    } catch (error) {
      tried.push(`${name}: ${error.message}`);
    }
  }
  throw new NothingFound(tried);
}

/**
 * The adapter to use. `say` gets lines on what takes long; `again` forgets what is remembered and looks anew.
 * Returns { kind, environment, preload, info, tried, line }: `environment` is what Dawn's process must be started with,
 * `preload` the libraries that a process already running must load itself, `tried` what was not to be had, `line` is for people.
 */
export async function findAdapter({ say = () => {}, again = false, wanted = nonEmpty(process.env.FIRSTLIGHT_ADAPTER) ?? 'auto' } = {}) {
  if (!ADAPTERS.includes(wanted)) throw new Error(`FIRSTLIGHT_ADAPTER is "${wanted}", expected one of ${ADAPTERS.join(', ')}`);
  const tried = [];
  const found = await attempts(wanted, plainEnvironment(cacheFolder()), { say, again, tried });
  const speed = found.kind !== 'installed' ? found.kind : isSwiftShader(found.info) ? 'swiftshader' : 'lavapipe';
  const why = wanted === 'auto' ? tried.at(-1) : 'FIRSTLIGHT_ADAPTER asks for it';
  const line = `adapter: ${found.kind}, ${nameOf(found.info)}${why === undefined ? '' : ` (${why})`}; ${SPEED[speed]}`;
  return { ...found, tried, line };
}
