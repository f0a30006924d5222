/** The programs that a case is run with, as WGSL to read, or to paste into a WebGPU project. */
import { type AnyTensor, backward, type Command, commandsOf, type Context, type Dispatch, type FloatType, type Program,
  Tensor } from '../engine/index.ts';
import type { Case, Input } from './shared/room.ts';

export type Direction = 'forward' | 'gradient';

/** The commands of one direction of a case: nothing runs. */
export function caseCommands(gpu: Context, item: Case, type: FloatType, direction: Direction): readonly Command[] {
  let inputs: Readonly<Record<string, AnyTensor>> = {};
  let outputs: readonly AnyTensor[] = [];
  const [, forward, gradient] = commandsOf(
    gpu,
    () => {
      const tensors = Object.entries(item.inputs).map(([name, input]) => [name, empty(gpu, name, input, type)]);
      inputs = Object.fromEntries(tensors);
      if (direction === 'gradient') { for (const name of item.wrt) inputs[name].requiresGrad = true; }
    },
    () => void (outputs = item.run(inputs, type)),
    () => {
      if (direction === 'gradient') backward(outputs[0] as Tensor, outputs[0].like(outputs[0].shape, 'dy') as Tensor);
    },
  );
  return direction === 'forward' ? forward : gradient;
}

/** An input of a case without its content, which no command depends on. */
function empty(gpu: Context, name: string, { shape, data, isWide }: Input, type: FloatType): AnyTensor {
  const float = isWide === true ? 'f32' : type;
  const dtype = data instanceof Uint32Array ? 'u32' : data instanceof Int32Array ? 'i32' : float;
  return Tensor.empty(gpu, shape, dtype, name);
}

/** The variant that a dispatch ran in. */
export function variantOf({ label }: Dispatch): string {
  return label.slice(label.lastIndexOf('.') + 1);
}

/** A line of a program, and where it was written. */
export interface ListedLine {
  readonly text: string;
  /** As `Source.file` names it; `prelude` for what a launch puts before the files. */
  readonly file: string;
  readonly line: number;
}

/** A program of some commands, to be read. */
export interface ListedProgram {
  /** In comments, its bindings, and the params and grid of each of its dispatches. */
  readonly heading: string;
  readonly lines: readonly ListedLine[];
}

/** Commands, to be read. */
export interface Listing {
  /** What is done, one after another. */
  readonly steps: readonly string[];
  /** Each program once. Every program is a module of its own. */
  readonly programs: readonly ListedProgram[];
}

/** What some commands do, and the programs that they run. */
export function listingOf(commands: readonly Command[]): Listing {
  const programs = new Map<Program, Dispatch[]>();
  for (const command of commands) {
    if (command.kind === 'dispatch') programs.set(command.program, [...(programs.get(command.program) ?? []), command]);
  }
  return {
    steps: commands.map(stepText),
    programs: [...programs].map(([program, dispatches], i) => ({
      heading: heading(dispatches, `program ${i + 1} of ${programs.size}`),
      lines: listedLines(program),
    })),
  };
}

/**
 * Commands as one WGSL text: in comments what is done in which order, then each program once, with where its lines
 * were written in the margin, and above it its bindings, and the params and grid of each of its dispatches.
 */
export function wgslOf(commands: readonly Command[]): string {
  const { steps, programs } = listingOf(commands);
  const order = steps.map((step, i) => `//   ${i + 1}. ${step}`);
  return [`// In this order:\n${order.join('\n')}`,
    ...programs.map((program) => `${program.heading}\n\n${annotated(program)}`)].join('\n\n');
}

function stepText(command: Command): string {
  switch (command.kind) {
    case 'dispatch':
      return `${command.label} on ${gridText(command)}`;
    case 'clear':
      return `set ${command.bytes} bytes of "${command.to}" to 0`;
    case 'copy':
      return `copy ${command.bytes} bytes into "${command.to}"`;
  }
}

function gridText({ grid }: Dispatch): string {
  return `${grid.join(' × ')} workgroups`;
}

/** What a program is bound to, in comments. */
function heading(dispatches: readonly Dispatch[], number: string): string {
  const [{ label, program, bindings }] = dispatches;
  const title = `// ${label}, ${number}: entry point ${program.entry}, bindings of group 0 `;
  const rows = bindings.map(({ index, kind, name, type, element, bytes, tensor }) =>
    kind === 'uniform'
      ? [`${index}`, name, 'uniform', type, `${bytes} bytes`]
      : [`${index}`, name, `storage, ${kind}`, type, `${bytes} bytes`, `of ${element}, tensor "${tensor}"`]
  );
  const calls = dispatches.map((dispatch, i) => {
    const which = dispatches.length === 1 ? '' : `dispatch ${i + 1}: `;
    const params = dispatch.params.map(({ name, type, value }) => `${name}: ${type} = ${value}`).join(', ');
    return `//   ${which}${params === '' ? '' : `params { ${params} }, `}grid ${gridText(dispatch)}`;
  });
  return [title.padEnd(120, '─'), ...columns(rows).map((row) => `//   ${row}`), ...calls].join('\n');
}

/** Cells in columns, each as wide as its widest. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const most = Math.max(...rows.map(({ length }) => length));
  const widths = Array.from({ length: most }, (_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i])).join('  ').trimEnd());
}

function listedLines({ code, locate }: Program): ListedLine[] {
  return code.split('\n').map((text, i) => {
    const from = locate(i + 1);
    const colon = from.lastIndexOf(':');
    return { text, file: from.slice(0, colon), line: Number(from.slice(colon + 1)) };
  });
}

/**
 * The text of a program, which file and line each line is from in the margin. WGSL takes comments anywhere, also
 * before `enable`.
 */
function annotated({ lines }: ListedProgram): string {
  const margins = lines.map(({ file, line }) => `${file}:${line}`);
  const width = Math.max(...margins.map(({ length }) => length));
  return lines.map(({ text }, i) => `/* ${margins[i].padEnd(width)} */ ${text}`.trimEnd()).join('\n');
}
