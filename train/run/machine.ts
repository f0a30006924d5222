/** What a result was measured with. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Gpu } from '../../engine/index.ts';
import type { Environment } from '../report/data.ts';

const readVersion = (path: string | URL) => (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;

/** Version of an installed package, wherever npm put it; undefined if it is not there. */
export function packageVersion(name: string): string | undefined {
  const folders = createRequire(import.meta.url).resolve.paths(name) ?? [];
  const path = folders.map((folder) => join(folder, name, 'package.json')).find((each) => existsSync(each));
  return path === undefined ? undefined : readVersion(path);
}

/** e.g. `Debian GNU/Linux 12 (bookworm) x64`. */
export function systemName(): string {
  const release = existsSync('/etc/os-release')
    ? /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1]
    : undefined;
  return `${release ?? process.platform} ${process.arch}`;
}

/**
 * Bytes of memory that this process may use: the machine's, or what a container leaves it if that is less.
 * @param constrained `process.constrainedMemory()`: undefined, 0 or some 1.8e19, by system and version, where there is
 * no limit
 */
export function usableMemory(machine = totalmem(),
  constrained: number | undefined = process.constrainedMemory()): number {
  return constrained !== undefined && constrained > 0 && constrained < machine ? constrained : machine;
}

/** Bytes that may be taken. A software adapter's memory is the machine's; a card does not tell how much it has. */
export const defaultBudget = (kind: Gpu['kind']): number =>
  kind === 'software' ? Math.floor(0.8 * usableMemory()) : Number.POSITIVE_INFINITY;

/** Adapter, machine, versions, and the candidates made so far, for a report. */
export function environmentOf(gpu: Gpu): Environment {
  const { vendor, architecture, description } = gpu.adapter.info;
  return {
    adapter: gpu.name,
    driver: description || `${vendor} ${architecture}`,
    backend: { linux: 'Vulkan', darwin: 'Metal', win32: 'D3D12' }[process.platform as string] ?? process.platform,
    isSoftware: gpu.kind === 'software',
    machine: `${systemName()}, ${availableParallelism()} cores`,
    versions: {
      Firstlight: readVersion(new URL('../../package.json', import.meta.url)),
      Node: process.versions.node,
      Dawn: `webgpu ${packageVersion('webgpu') ?? 'unknown'}`,
    },
    candidates: gpu.candidates.used,
  };
}
