/** What the stream of a context is made of. */
import { workOf } from './pace.ts';
import type { Built } from './pipeline.ts';
import type { Storage } from './storage.ts';
import type { Texture } from './textures.ts';

/** A range of a storage, in bytes from its start. */
export interface Place {
  readonly storage: Storage;
  readonly offset: number;
}

/** A stretch of a storage that a command writes to. */
export interface WrittenStretch extends Place {
  readonly bytes: number;
}

/** What a binding of a kernel is given. */
export type Resource =
  | { readonly kind: 'uniform'; readonly index: number; readonly block: ArrayBuffer }
  | { readonly kind: 'texture_read' | 'texture_write'; readonly index: number; readonly texture: Texture;
    readonly bytes: number }
  | { readonly kind: 'read' | 'read_write'; readonly index: number; readonly storage: Storage; readonly offset: number;
    readonly bytes: number };

/** One command of the stream. */
export type Command =
  | { readonly kind: 'dispatch'; readonly label: string; readonly built: Built; readonly resources: readonly Resource[];
    readonly grid: readonly [number, number, number]; readonly flops?: number }
  | { readonly kind: 'copy'; readonly from: Place; readonly to: Place; readonly bytes: number }
  | { readonly kind: 'clear'; readonly to: Place; readonly bytes: number };

/** Work of a command, as `Pace` counts it. A dispatch may reach all that it binds. */
export function workOfCommand(command: Command): number {
  if (command.kind !== 'dispatch') return workOf((command.kind === 'copy' ? 2 : 1) * command.bytes);
  return workOf(
    command.resources.reduce((sum, resource) => (resource.kind === 'uniform' ? sum : sum + resource.bytes), 0),
    command.flops,
  );
}

/** What a command reads or writes. */
export function storagesOf(command: Command): Storage[] {
  const { reads, writes } = accesses(command);
  return [...reads, ...writes];
}

/** What a command reads, and what it writes. */
export function accesses(
  command: Command,
): { readonly reads: readonly Storage[]; readonly writes: readonly Storage[] } {
  switch (command.kind) {
    case 'copy':
      return { reads: [command.from.storage], writes: [command.to.storage] };
    case 'clear':
      return { reads: [], writes: [command.to.storage] };
    case 'dispatch': {
      const of = (kind: 'read' | 'read_write') =>
        command.resources.flatMap((
          resource,
        ) => (resource.kind === kind
          ? [(resource as Resource & { readonly kind: 'read' | 'read_write' }).storage]
          : [])
        );
      return { reads: of('read'), writes: of('read_write') };
    }
  }
}

/** The textures that a command is given. */
export function texturesOf(command: Command): Texture[] {
  if (command.kind !== 'dispatch') return [];
  return command.resources.flatMap((resource) => ('texture' in resource ? [resource.texture] : []));
}

/** The stretches that a command writes to. */
export function writesOf(command: Command): WrittenStretch[] {
  if (command.kind !== 'dispatch') return [{ ...command.to, bytes: command.bytes }];
  return command.resources.flatMap((resource) => (resource.kind === 'read_write' ? [resource] : []));
}
