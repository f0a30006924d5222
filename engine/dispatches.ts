/**
 * What some work gives the device, to be read by people and tools: programs with what they are bound to, and nothing
 * runs.
 */
import type { Command as Recorded, Resource } from './command.ts';
import type { Context } from './context.ts';
import { withoutRunning } from './pass.ts';
import { type Binding, bindingsOf, type Field, type Program } from './wgsl.ts';

/** A program on its tensors. */
export interface Dispatch {
  readonly kind: 'dispatch';
  /** Kernel and variant: `softmax.vec4.subgroup`. */
  readonly label: string;
  readonly program: Program;
  /** Scalars that `elem`, aliases and structs are made of are known here: `element` is WGSL's. */
  readonly bindings: readonly (Binding & { readonly bytes: number; readonly tensor: string })[];
  readonly params: readonly (Field & { readonly value: number })[];
  readonly grid: readonly [number, number, number];
}

/** Bytes that are copied, or set to 0. */
export interface Move {
  readonly kind: 'copy' | 'clear';
  readonly to: string;
  readonly bytes: number;
}

/** A command of some work, in the order of the stream. */
export type Command = Dispatch | Move;

/**
 * Goes through some work without a device's memory, as `estimate` does: kernels are noted, not run, and writes from
 * the host go nowhere.
 *
 * @param works called one after another, in one scope  @returns the commands of each
 */
export function commandsOf(gpu: Context, ...works: readonly (() => void)[]): Command[][] {
  return withoutRunning(gpu, (recording) =>
    works.map((work) => {
      const begin = recording.commands.length;
      work();
      return recording.commands.slice(begin).map(commandOf);
    }));
}

function commandOf(command: Recorded): Command {
  if (command.kind !== 'dispatch') return { kind: command.kind, to: command.to.storage.label, bytes: command.bytes };
  const { label, built: { program }, resources, grid } = command;
  const declared = bindingsOf([{ file: label, text: program.code }]);
  const bindings = resources.map((resource) => {
    const binding = declared.find(({ index }) => index === resource.index) as Binding;
    if (resource.kind === 'uniform') return { ...binding, bytes: resource.block.byteLength, tensor: '' };
    const tensor = 'texture' in resource ? `texture ${resource.texture.slot}` : resource.storage.label;
    return { ...binding, bytes: resource.bytes, tensor };
  });
  return { kind: 'dispatch', label, program, bindings, params: paramsOf(program, resources), grid };
}

/** The numbers of `struct Params`, read back from what is bound. */
function paramsOf({ params }: Program, resources: readonly Resource[]): Dispatch['params'] {
  const block = resources.find((resource) => resource.kind === 'uniform')?.block;
  if (block === undefined) return [];
  const view = new DataView(block);
  const read = { f32: 'getFloat32', u32: 'getUint32', i32: 'getInt32' } as const;
  return params.map((field, i) => ({ ...field, value: view[read[field.type]](4 * i, true) }));
}
