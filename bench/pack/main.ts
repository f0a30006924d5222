/**
 * Makes a folder that runs the project on a GPU machine with neither Node nor network: Node, Dawn, the packages, the
 * sources, the fixtures, and libraries that a driver may miss there.
 *
 *   npm run pack -- FOLDER
 *   FOLDER/firstlight.sh verify      # on the GPU machine
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync,
  rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FirstlightError, formatBytes } from '../../engine/errors.ts';
import { openApt, unpackPackages } from '../../engine/setup/debian.mjs';
import { exitCodeOf, explain } from '../../train/cli/failure.ts';
import { flagsOf } from '../../train/cli/flags.ts';
import { closure, type Lock } from './closure.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const LIMIT_BYTES = 60_000_000;
/** What decodes video, 170 MB, and what starts a browser: neither checks nor benchmarks need them. */
const LEFT_OUT = new Set(['node-av', 'koffi', 'tar-fs', 'follow-redirects']);
/** Beside those of package.json's `dependencies`. */
const ALSO = ['benny', 'uvu', 'wabt', '@sparticuz/chromium'];
/** What NVIDIA's driver library is linked with, and a machine without a display may lack. */
const LIBRARY_PACKAGES = ['libx11-6', 'libxext6', 'libxcb1', 'libxau6', 'libxdmcp6', 'libbsd0', 'libmd0', 'libglvnd0',
  'libegl1', 'libglx0'];
/** Folders of the project that travel. */
const SOURCES = ['engine', 'kernels', 'model', 'mpi', 'train', 'bench', 'test'];

const say = (text: string) => void process.stderr.write(`${text}\n`);

/** Node's binary, without its symbols where there is a program to take them. */
function packNode(folder: string): void {
  const target = join(folder, 'bin/node');
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(realpathSync(process.execPath), target);
  chmodSync(target, 0o755);
  if (hasProgram('strip')) execFileSync('strip', ['-s', target]);
  else say('no `strip` here: Node travels with its symbols, some 3 MB more');
}

function hasProgram(name: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, name)));
}

function packPackages(folder: string): void {
  const { packages } = JSON.parse(readFileSync(join(PROJECT, 'package-lock.json'), 'utf8')) as { packages: Lock };
  const wanted = [...Object.keys(packages['']?.dependencies ?? {}), ...ALSO].filter((name) => !LEFT_OUT.has(name));
  for (const path of closure(packages, wanted, LEFT_OUT).filter((name) => existsSync(join(PROJECT, name)))) {
    cpSync(join(PROJECT, path), join(folder, 'project', path), { recursive: true, filter: (source) =>
      isNeeded(source.slice(PROJECT.length)) });
  }
}

/** Nested packages come by themselves; of platforms only this one; of Chromium nothing but its software driver. */
function isNeeded(path: string): boolean {
  if (/node_modules\/.*\/node_modules$/.test(path) || /\.(map|d\.[cm]?ts|md)$/i.test(path)) return false;
  const dawn = /node_modules\/webgpu\/dist\/([\w-]+)/.exec(path);
  if (dawn !== null) return dawn[1] === 'linux-x64';
  const chromium = /node_modules\/@sparticuz\/chromium\/bin\/(.+)/.exec(path);
  return chromium === null || chromium[1] === 'swiftshader.tar.br';
}

async function packLibraries(folder: string): Promise<void> {
  const target = join(folder, 'libraries');
  mkdirSync(target);
  const work = mkdtempSync(join(tmpdir(), 'firstlight-libraries-'));
  try {
    const { apt } = await openApt(work, () => say('fetching libraries that a driver may miss …'));
    const found = join(await unpackPackages(apt, work, LIBRARY_PACKAGES), 'usr/lib/x86_64-linux-gnu');
    for (const name of readdirSync(found).filter((each) => /\.so\.\d+$/.test(each))) {
      copyFileSync(realpathSync(join(found, name)), join(target, name));
    }
  } catch (error) {
    say(
      `without libraries that a driver may miss on a machine without a display: ${
        error instanceof Error ? error.message : error
      }`,
    );
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** Results of other machines, and the peers, which a machine without network could not install either. */
const STAYING = /\/bench\/(results|peers\/node_modules)(\/|$)/;

/** The sources as they are: they run as TypeScript. No lock file travels, so that nobody tries to install. */
function packSources(folder: string): void {
  for (const path of SOURCES) {
    cpSync(join(PROJECT, path), join(folder, 'project', path), { recursive: true, filter: (source) =>
      !STAYING.test(source) });
  }
  for (const name of ['package.json', 'tsconfig.json']) {
    copyFileSync(join(PROJECT, name), join(folder, 'project', name));
  }
}

function archive(folder: string, target: string, ...paths: string[]): void {
  // owners and times of this machine are nobody's concern there
  execFileSync('tar', ['-C', folder, '--sort=name', '--owner=0', '--group=0', '--mtime=@0', '-cJf', target, ...paths], {
    env: { ...process.env, XZ_OPT: '-9 -T0' },
  });
  say(`${target}: ${formatBytes(statSync(target).size)}`);
}

async function pack(target: string): Promise<number> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new FirstlightError('FL_PACK',
      `packs are made on Linux on x64, this is ${process.platform} on ${process.arch}`);
  }
  if (!hasProgram('xz')) {
    throw new FirstlightError('FL_PACK', 'there is no `xz` here, which the archives are made with', {},
      'on Debian and Ubuntu: apt-get install xz-utils');
  }
  const folder = mkdtempSync(join(tmpdir(), 'firstlight-pack-'));
  try {
    packNode(folder);
    packPackages(folder);
    await packLibraries(folder);
    mkdirSync(target, { recursive: true });
    archive(folder, join(target, 'runtime.tar.xz'), 'bin', 'libraries', 'project/node_modules');
    rmSync(join(folder, 'project/node_modules'), { recursive: true });
    packSources(folder);
    archive(folder, join(target, 'project.tar.xz'), 'project');
    for (const script of ['firstlight.sh', 'card.sh']) {
      copyFileSync(join(PROJECT, 'bench/pack', script), join(target, script));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  const bytes = readdirSync(target).reduce((sum, name) => sum + statSync(join(target, name)).size, 0);
  console.log(`${target}: ${formatBytes(bytes)}; on the GPU machine: ${target}/firstlight.sh verify`);
  if (bytes <= LIMIT_BYTES) return 0;
  say(`more than ${formatBytes(LIMIT_BYTES)}`);
  return 1;
}

async function main(raw: readonly string[]): Promise<number> {
  try {
    const flags = flagsOf('pack', {}, { least: 1, most: 1, name: 'FOLDER, where the pack is to stand,' }, raw,
      'npm run pack -- FOLDER');
    return await pack(flags.words[0]);
  } catch (error) {
    process.stderr.write(explain(error, raw.includes('--debug')));
    return exitCodeOf(error);
  }
}

process.exitCode = await main(process.argv.slice(2));
