import { formatBytes } from './errors.ts';
import type { Built } from './pipeline.ts';
import type { Lifetime } from './plan.ts';
import { Storage } from './storage.ts';

/** A piece of a storage, in bytes from its start. */
export interface Place {
  readonly storage: Storage;
  readonly offset: number;
}

/** What a binding of a kernel is given. */
export type Resource =
  | { readonly kind: 'uniform'; readonly index: number; readonly block: ArrayBuffer }
  | { readonly kind: 'read' | 'read_write'; readonly index: number; readonly storage: Storage; readonly offset: number; readonly bytes: number };

/** One command of the stream. */
export type Command =
  | { readonly kind: 'dispatch'; readonly label: string; readonly built: Built; readonly resources: readonly Resource[]; readonly grid: readonly [number, number, number] }
  | { readonly kind: 'copy'; readonly from: Place; readonly to: Place; readonly bytes: number }
  | { readonly kind: 'clear'; readonly to: Place; readonly bytes: number };

/** What the memory of a recording is for. */
export interface RecordedMemory {
  /** Storages made in the recording, in order. */
  readonly storages: readonly Storage[];
  /** When each is in use, and what it must be apart from. */
  readonly lifetimes: readonly Lifetime[];
}

/** Commands of a step in place of their execution, with memory that is only counted. */
export class Recording {
  readonly commands: Command[] = [];
  readonly #storages: Storage[] = [];
  readonly #outside = new Set<Storage>();

  append(command: Command): void {
    for (const storage of storagesOf(command)) {
      if (storage.recording === this || this.#outside.has(storage)) continue;
      // what the step reads must outlive it
      storage.refs++;
      this.#outside.add(storage);
    }
    this.commands.push(command);
  }

  take(bytes: number, label: string): Storage {
    const storage = new Storage(bytes, this);
    storage.refs = 1;
    storage.bytes = bytes;
    storage.label = label;
    this.#storages.push(storage);
    return storage;
  }

  /** Storages made before the recording that it uses; it holds them until they are released. */
  get outside(): ReadonlySet<Storage> {
    return this.#outside;
  }

  /** Labels and sizes of the largest tensors. */
  largest(count: number): string[] {
    return [...this.#storages].sort((a, b) => b.bytes - a.bytes).slice(0, count).map(({ label, bytes }) => `${label} ${formatBytes(bytes)}`);
  }

  /** Lifetimes of all storages that commands use. What tensors still hold at the end is in use all the time. */
  memory(): RecordedMemory {
    const first = new Map<Storage, number>();
    const last = new Map<Storage, number>();
    const apart = new Map<Storage, Set<Storage>>();
    this.commands.forEach((command, i) => {
      for (const storage of storagesOf(command)) {
        if (storage.recording !== this) continue;
        if (!first.has(storage)) first.set(storage, i);
        last.set(storage, i);
      }
      const { reads, writes } = accesses(command);
      for (const read of reads) {
        for (const write of writes) {
          if (read === write) continue;
          neighbours(apart, read).add(write);
          neighbours(apart, write).add(read);
        }
      }
    });
    const storages = this.#storages.filter((storage) => first.has(storage) || storage.refs > 0);
    const numbers = new Map(storages.map((storage, i) => [storage, i]));
    const lifetimes = storages.map((storage) => ({
      bytes: storage.bytes,
      first: storage.refs > 0 ? 0 : (first.get(storage) as number),
      last: storage.refs > 0 ? this.commands.length : (last.get(storage) as number),
      apart: new Set([...(apart.get(storage) ?? [])].flatMap((other) => numbers.get(other) ?? [])),
    }));
    return { storages, lifetimes };
  }
}

function neighbours(apart: Map<Storage, Set<Storage>>, storage: Storage): Set<Storage> {
  let set = apart.get(storage);
  if (set === undefined) apart.set(storage, (set = new Set()));
  return set;
}

/** What a command reads or writes. */
export function storagesOf(command: Command): Storage[] {
  const { reads, writes } = accesses(command);
  return [...reads, ...writes];
}

function accesses(command: Command): { readonly reads: readonly Storage[]; readonly writes: readonly Storage[] } {
  switch (command.kind) {
    case 'copy':
      return { reads: [command.from.storage], writes: [command.to.storage] };
    case 'clear':
      return { reads: [], writes: [command.to.storage] };
    case 'dispatch': {
      const of = (kind: Resource['kind']) => command.resources.flatMap((resource) => (resource.kind === kind && resource.kind !== 'uniform' ? [resource.storage] : []));
      return { reads: of('read'), writes: of('read_write') };
    }
  }
}
