// @ts-check
/**
 * Chooses the best GPU adapter that this machine can have, and the environment in which Dawn sees it:
 * a hardware GPU, else an installed software one, else a lavapipe fetched with apt, else the SwiftShader that npm
 * brought.
 */
import { availableParallelism } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { isSoftware, isSwiftShader, nameOf } from '../software.mjs';
import { installedDrivers, KUBERNETES, lavapipe, nonEmpty, paths, plainEnvironment, swiftShader,
  trace } from './drivers.mjs';
import { probe } from './probe.mjs';

/**
 * @typedef {import('./drivers.mjs').Environment} Environment
 * @typedef {import('./drivers.mjs').Say} Say
 * @typedef {'hardware' | 'installed' | 'lavapipe' | 'swiftshader'} AdapterKind
 *
 * An adapter that Dawn accepts: what its process must be started with, and the libraries that a process already running
 * must load itself.
 * @typedef {{ readonly kind: AdapterKind, readonly environment: Environment, readonly preload: readonly string[],
 * readonly info: import('./probe.mjs').Info }} Accepted
 *
 * The one that was chosen; what was not to be had, and why, as `name: reason`; and one line for people.
 * @typedef {Accepted & { readonly tried: readonly string[], readonly line: string }} FoundAdapter
 */

/** What FIRSTLIGHT_ADAPTER may say. @type {readonly ('auto' | AdapterKind)[]} */
export const ADAPTERS = ['auto', 'hardware', 'installed', 'lavapipe', 'swiftshader'];

/**
 * How fast to expect it: 256 x 256 matrix products were timed on two cores. @type {Readonly<Record<string, string>>}
 */
const SPEED = {
  lavapipe: `software, some ${6 * availableParallelism()} GFLOP/s`,
  swiftshader: 'software, too slow to train',
};

/** No adapter could be had: `tried` says what was tried, and how each attempt ended. */
export class NothingFound extends Error {
  /** @param {readonly string[]} tried */
  constructor(tried) {
    super(
      `no GPU adapter:\n${
        tried.map((line) => `  ${line}`).join('\n')
      }\n  \`npx firstlight doctor\` looks again and lists the remedies`,
    );
    this.tried = tried;
  }
}

/**
 * The adapter of the drivers that are installed.
 *
 * @param {string} wanted
 * @param {Environment} plain
 * @param {{ say: Say, again: boolean }} options
 * @returns {Promise<Accepted>}
 */
async function ofTheSystem(wanted, plain, { say, again }) {
  const machine = await installedDrivers(plain);
  /** @type {Record<string, string | undefined>} */
  const environment = { ...plain };
  const preload = [];
  if (process.platform === 'linux') {
    if (machine.manifests.length === 0) throw new Error('no driver is installed');
    const standard = machine.manifests.every((path) => !path.startsWith(KUBERNETES));
    if (machine.loader === undefined || !standard) environment.VK_DRIVER_FILES = machine.manifests.join(delimiter);
    if (!standard) {
      environment.LD_LIBRARY_PATH = [...paths(plain.LD_LIBRARY_PATH), join(KUBERNETES, 'lib64')].join(delimiter);
    }
    if (machine.loader === undefined) {
      // containers are often given a GPU's driver and no loader
      const { home } = await swiftShader(say);
      environment.LD_LIBRARY_PATH = [...paths(environment.LD_LIBRARY_PATH), join(home, 'loader')].join(delimiter);
      preload.push(join(home, 'loader', 'libvulkan.so.1'));
    }
  }
  const info = await probe('system', machine.key, environment, again);
  const names = machine.manifests.map((path) => basename(path).replace(/_icd.*/, '')).join(', ');
  if ('failure' in info) throw new Error(`${info.failure}${names === '' ? '' : ` (${names})`}`);
  const kind = isSoftware(info) ? 'installed' : 'hardware';
  if (wanted !== 'auto' && wanted !== kind) {
    throw new Error(`the installed adapter is ${kind === 'hardware' ? 'a GPU' : 'software'}, ${nameOf(info)}`);
  }
  return { kind, environment, preload, info };
}

/**
 * The adapter of a driver of ours.
 *
 * @param {AdapterKind} kind
 * @param {import('./drivers.mjs').OwnDriver} driver
 * @param {Environment} plain
 * @param {boolean} again
 * @returns {Promise<Accepted>}
 */
async function ofOurs(kind, { home, manifest, libraries }, plain, again) {
  const environment = {
    VK_DRIVER_FILES: join(home, manifest),
    LD_LIBRARY_PATH: [join(home, 'lib'), ...paths(plain.LD_LIBRARY_PATH)].join(delimiter),
    NODEVICE_SELECT: '1', // Mesa's layer for choosing among devices looks for a desktop and complains
  };
  const info = await probe(kind, trace(join(home, 'facts.json')), environment, again);
  if ('failure' in info) throw new Error(`${info.failure} (${home})`);
  return { kind, environment, preload: libraries.map((name) => join(home, 'lib', name)), info };
}

/**
 * The adapter to use. Throws NothingFound.
 *
 * @param {{ say?: Say, again?: boolean, wanted?: string }} [options] `again` looks anew instead of remembering,
 * `wanted` defaults to FIRSTLIGHT_ADAPTER
 * @returns {Promise<FoundAdapter>}
 */
export async function findAdapter(
  { say = () => {}, again = false, wanted = nonEmpty(process.env.FIRSTLIGHT_ADAPTER) ?? 'auto' } = {},
) {
  if (!ADAPTERS.some((known) => known === wanted)) {
    throw new Error(`FIRSTLIGHT_ADAPTER is "${wanted}", expected one of ${ADAPTERS.join(', ')}`);
  }
  const plain = plainEnvironment();
  /** @type {Readonly<Record<string, readonly [string, () => Promise<Accepted>]>>} */
  const origins = {
    system: ['GPU', () => ofTheSystem(wanted, plain, { say, again })],
    lavapipe: ['lavapipe', async () => ofOurs('lavapipe', await lavapipe(say, again), plain, again)],
    swiftshader: ['SwiftShader', async () => ofOurs('swiftshader', await swiftShader(say), plain, again)],
  };
  /** @type {string[]} */
  const tried = [];
  for (const [name, find] of wanted === 'auto' ? Object.values(origins) : [origins[wanted] ?? origins.system]) {
    try {
      const found = await find();
      return { ...found, tried,
        line: lineOf(found, wanted === 'auto' ? tried.at(-1) : 'FIRSTLIGHT_ADAPTER asks for it') };
    } catch (error) {
      tried.push(`${name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  throw new NothingFound(tried);
}

/**
 * One short line for people: `npx firstlight doctor` says the rest.
 *
 * @param {Accepted} found @param {string | undefined} why
 */
function lineOf({ kind, info }, why) {
  const speed = SPEED[kind !== 'installed' ? kind : isSwiftShader(info) ? 'swiftshader' : 'lavapipe'];
  const [name] = nameOf(info).split(':'); // what follows is the driver's version
  return `adapter: ${[kind, name, speed, why].filter((part) => part !== undefined).join(', ')}`;
}
