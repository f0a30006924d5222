/** `firstlight doctor`: what this machine offers for training, what is missing, and what to do about it. */
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { availableParallelism, cpus, freemem, homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { findAdapter, NothingFound } from '../../engine/setup/choose.mjs';
import { FEATURE_USES, FirstlightError, formatBytes, type Gpu, LIMIT_USES, open, Tensor } from '../../engine/index.ts';
import { gelu } from '../../kernels/gelu/index.ts';
import { findUnits, type MatrixFinding } from '../../kernels/shared/matrix.ts';
import { openWorld } from '../../mpi/world.ts';
import { packageVersion, systemName, usableMemory } from '../run/machine.ts';
import { doctorOfRanks } from './doctor_ranks.ts';

/** A part that training does without. */
interface Part {
  readonly name: string;
  readonly purpose: string;
  readonly present: boolean;
  readonly detail: string;
  readonly remedy: string;
}

/** All that doctor finds out; `--json` prints it. */
export interface Diagnosis {
  readonly canTrain: boolean;
  readonly adapter: { readonly kind: string; readonly name: string; readonly driver: string } | null;
  /** Better adapters that were not to be had, and why. */
  readonly tried: readonly string[];
  /** Why there is no adapter, or why a kernel did not run on it. */
  readonly failure?: string;
  readonly dawn: string;
  readonly features: Readonly<Record<string, boolean>>;
  /** The matrices that products are made of, or why they do without matrix units. */
  readonly matrixUnits: MatrixFinding;
  readonly limits: Readonly<Record<string, number>>;
  readonly machine: { readonly node: string; readonly system: string; readonly processor: string;
    readonly cores: number; readonly memoryBytes: number; readonly freeMemoryBytes: number };
  readonly parts: readonly Part[];
  readonly remedies: readonly string[];
}

/** GELU, forward and gradient, at points where the answer is known: shows that kernels compile, run, and are right. */
async function proveKernels(gpu: Gpu): Promise<void> {
  // gelu(x) - gelu(-x) = x, for any x: Phi(x) + Phi(-x) = 1
  const points = Float32Array.from({ length: 1001 }, (_, i) => (i - 500) / 100);
  using x = Tensor.from(gpu, points, [points.length]);
  using y = gelu(x, 'gelu');
  const values = await y.read();
  const worst = Math.max(...values.map((value, i) => Math.abs(value - values[values.length - 1 - i] - points[i])));
  if (!(worst < 1e-5)) {
    throw new FirstlightError('FL_DEVICE_WRONG', `a test kernel is off by ${worst} on this adapter`, { worst },
      'try another adapter: FIRSTLIGHT_ADAPTER=lavapipe or swiftshader');
  }
}

function inPath(...names: readonly string[]): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
}

/** Loads an optional package; undefined if it works, else why not. */
export async function loadFailure(name: string): Promise<string | undefined> {
  try {
    await import(name);
    return undefined;
  } catch (error) {
    return (error instanceof Error ? error.message : String(error)).split('\n')[0];
  }
}

/** Whether this is a clone, with its tests; the published command is JavaScript. */
const IS_CLONE = import.meta.url.endsWith('.ts');

/** What brings an optional package. */
const bringing = (name: string) =>
  IS_CLONE ? 'npm ci --ignore-scripts --include=optional' : `npm install ${name}, where firstlight-cli is installed`;

async function parts(): Promise<Part[]> {
  const [video, koffi] = await Promise.all([loadFailure('node-av'), loadFailure('koffi')]);
  const chromium = inPath('chromium', 'chromium-browser', 'google-chrome');
  const carrier = '@sparticuz/chromium';
  const carried = packageVersion(carrier);
  const ofUse: Part[] = [
    { name: 'video files', purpose: 'reading and writing video', present: video === undefined,
      detail: video ?? `node-av ${packageVersion('node-av')}`,
      remedy: `${bringing('node-av')}; its binary exists for Linux, macOS and Windows on x64 and arm64` },
    { name: 'SwiftShader', purpose: IS_CLONE ? 'second adapter for kernel tests' : 'an adapter where all else fails',
      present: carried !== undefined, detail: carried === undefined
        ? `${carrier} is not installed`
        : `carried by ${carrier} ${carried}`, remedy: bringing(carrier) },
  ];
  if (!IS_CLONE) return ofUse;
  return [...ofUse, { name: 'browser', purpose: 'tests in a browser', present: (chromium ?? carried) !== undefined,
    detail: chromium ?? (carried === undefined ? 'no Chromium is installed' : `${carrier} ${carried}`),
    remedy: `${bringing(carrier)}, or install Chromium (Debian: apt install chromium)` }, { name: 'koffi',
    purpose: 'use as a library, not started by a command of ours', present: koffi === undefined,
    detail: koffi ?? `koffi ${packageVersion('koffi')}`, remedy: bringing('koffi') }];
}

function readable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** What a Linux machine shows of its GPUs. */
export interface ShownDevices {
  /** FIRSTLIGHT_ADAPTER, or auto. */
  readonly forced: string;
  /** /dev/nvidia0 and so on. */
  readonly nvidia: readonly string[];
  /** /dev/dri/renderD128 and so on. */
  readonly render: readonly string[];
  /** Those of `render` that this user may not open. */
  readonly locked: readonly string[];
}

export function shownDevices(): ShownDevices {
  const devices = (folder: string, pattern: RegExp) => (existsSync(folder)
    ? readdirSync(folder).filter((name) => pattern.test(name)).map((name) => join(folder, name))
    : []);
  const render = devices('/dev/dri', /^renderD/);
  return { forced: process.env.FIRSTLIGHT_ADAPTER ?? 'auto', nvidia: devices('/dev', /^nvidia\d/), render,
    locked: render.filter((path) => !readable(path)) };
}

/** What stands between a Linux machine and a faster adapter than one of some kind. */
export function graphicsRemedies(kind: string, { forced, nvidia, render, locked }: ShownDevices): string[] {
  if (kind === 'hardware') return [];
  const remedies = [];
  if (forced !== 'auto') remedies.push(`FIRSTLIGHT_ADAPTER=${forced} rules all other adapters out: unset it`);
  if (nvidia.length > 0) {
    remedies.push(
      'an NVIDIA GPU is there without its Vulkan driver: install it (Debian: nvidia-driver and nvidia-vulkan-icd); in a container set NVIDIA_DRIVER_CAPABILITIES=all',
    );
  }
  if (locked.length > 0) {
    remedies.push(`you may not open ${locked.join(', ')}: sudo usermod -aG render,video $USER, then log in again`);
  } else if (render.length > 0) {
    remedies.push(
      'a GPU is there without a Vulkan driver: install it (Debian: apt install mesa-vulkan-drivers libvulkan1)',
    );
  }
  if (remedies.length === 0) {
    remedies.push(
      'this machine shows no GPU: on one that has a GPU with a Vulkan driver, training is 100 times faster and more',
    );
  }
  if (kind === 'none') {
    remedies.push(
      `without a GPU: apt install mesa-vulkan-drivers libvulkan1 (Mesa 25 or newer; in Debian 12 from bookworm-backports), or ${
        bringing('@sparticuz/chromium')
      }, for SwiftShader`,
    );
  }
  if (kind === 'swiftshader') {
    remedies.push(
      'a faster software adapter: Mesa 25 or newer (apt install mesa-vulkan-drivers); FIRSTLIGHT_RETRY=1 fetches it again',
    );
  }
  return remedies;
}

async function diagnose(): Promise<Diagnosis> {
  let found: Awaited<ReturnType<typeof findAdapter>> | undefined;
  let failure: string | undefined;
  let tried: readonly string[] = [];
  let gpu: Gpu | undefined;
  try {
    found = await findAdapter();
    tried = found.tried;
    gpu = await open();
    await proveKernels(gpu);
  } catch (error) {
    if (error instanceof NothingFound) tried = error.tried;
    failure = error instanceof Error ? error.message : String(error);
  }
  const kind = gpu === undefined ? 'none' : (found?.kind ?? 'none');
  const optional = await parts();
  const diagnosis: Diagnosis = {
    canTrain: failure === undefined,
    adapter: gpu === undefined || found === undefined
      ? null
      : { kind: found.kind, name: gpu.name, driver: found.environment.VK_DRIVER_FILES ?? "the system's own" },
    tried,
    failure,
    dawn: `webgpu ${packageVersion('webgpu')}`,
    features: Object.fromEntries(
      Object.keys(FEATURE_USES).map((name) => [name, gpu?.adapter.features.has(name) ?? false]),
    ),
    matrixUnits: gpu === undefined ? { why: 'there is no adapter' } : findUnits(gpu.report),
    limits: Object.fromEntries(
      Object.keys(LIMIT_USES).map((name) => [name, gpu?.limits[name as keyof typeof LIMIT_USES] ?? 0]),
    ),
    machine: { node: process.versions.node, system: systemName(), processor: cpus()[0]?.model.trim() ?? 'unknown',
      cores: availableParallelism(), memoryBytes: usableMemory(), freeMemoryBytes: freemem() },
    parts: optional,
    remedies: [...(process.platform === 'linux' ? graphicsRemedies(kind, shownDevices()) : []), ...optional.flatMap((
      { name, present, remedy },
    ) => (present ? [] : [`${name}: ${remedy}`]))],
  };
  await gpu?.close();
  return diagnosis;
}

const WIDTH = 22;

/** Paints where a person looks at a terminal that shows colours. */
function painter(): (style: 'bold' | 'dim' | 'green' | 'yellow' | 'red', text: string) => string {
  const codes = { bold: 1, dim: 2, green: 32, yellow: 33, red: 31 };
  const colours = process.stdout.isTTY === true && (process.env.NO_COLOR ?? '') === '' && process.env.TERM !== 'dumb';
  return (style, text) => (colours ? `\u001b[${codes[style]}m${text}\u001b[0m` : text);
}

/** The diagnosis as text. */
export function render(diagnosis: Diagnosis): string {
  const paint = painter();
  const mark = (good: boolean) => (good ? paint('green', '✓') : paint('yellow', '·'));
  const row = (name: string, value: string) => `  ${name.padEnd(WIDTH)}${value}`;
  const section = (title: string, lines: readonly string[]) => [`\n${paint('bold', title)}`, ...lines];
  const home = (path: string) => (path.startsWith(homedir()) ? `~${path.slice(homedir().length)}` : path);
  const { adapter, features, limits, machine, parts: optional } = diagnosis;
  const notTaken = diagnosis.tried.map((reason, i) => row(i === 0 ? 'not to be had' : '', reason));

  const graphics = adapter === null
    ? [row('adapter', paint('red', 'none')), ...notTaken,
      ...(notTaken.length === 0 ? [row('because', diagnosis.failure ?? '')] : [])]
    : [
      row('adapter', `${paint('bold', adapter.name)} (${adapter.kind})`),
      row('driver', home(adapter.driver)),
      ...notTaken,
      row('Dawn', diagnosis.dawn),
      ...Object.entries(FEATURE_USES).map(([name, purpose], i) =>
        row(i === 0 ? 'features' : '', `${mark(features[name])} ${name} ${paint('dim', `(${purpose})`)}`)
      ),
      row('matrix units', `${mark(diagnosis.matrixUnits.units !== undefined)} ${diagnosis.matrixUnits.why}`),
      ...Object.entries(LIMIT_USES).map(([name, { use, unit }], i) => {
        const amount = unit === 'bytes' ? formatBytes(limits[name]).replace(/ \(.*/, '') : String(limits[name]);
        return row(i === 0 ? 'limits' : '', `${amount.padEnd(10)}${paint('dim', use)}`);
      }),
    ];
  const verdict = diagnosis.canTrain
    ? paint('green', '✓ A kernel ran here and was right: training can run.')
    : paint('red', `✗ Training cannot run: ${adapter === null ? 'there is no adapter' : diagnosis.failure}.`);
  return [
    ...section('GPU', graphics),
    ...section('Machine', [
      row('Node', machine.node),
      row('system', machine.system),
      row('processor', `${machine.processor}, ${machine.cores} cores`),
      row('memory',
        `${formatBytes(machine.memoryBytes).replace(/ \(.*/, '')}, ${
          formatBytes(machine.freeMemoryBytes).replace(/ \(.*/, '')
        } free`),
    ]),
    ...section('Optional parts',
      optional.map(({ name, purpose, present, detail }) =>
        row(name, `${mark(present)} ${detail} ${paint('dim', `(${purpose})`)}`)
      )),
    ...(diagnosis.remedies.length === 0
      ? []
      : section('To get more', diagnosis.remedies.map((remedy) => `  - ${remedy}`))),
    `\n${verdict}\n`,
  ].join('\n');
}

/** Examines this machine, or those of all ranks, and prints what it found. Returns 0 if training can run, else 4. */
export async function doctor({ json = false }: { json?: boolean }): Promise<number> {
  const world = await openWorld();
  const diagnosis = await diagnose();
  if (world.size > 1) return doctorOfRanks(world, diagnosis, json);
  process.stdout.write(json ? `${JSON.stringify(diagnosis, null, 2)}\n` : render(diagnosis));
  await world.end();
  return diagnosis.canTrain ? 0 : 4;
}
