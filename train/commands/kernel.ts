import { FirstlightError, type FloatType, type Gpu, open } from '../../engine/index.ts';
import { nearest } from '../../engine/nearest.ts';
import { rooms } from '../../kernels/index.ts';
import { caseCommands, variantOf, wgslOf } from '../../kernels/programs.ts';
import type { Case, Room } from '../../kernels/shared/room.ts';
import { tuned } from '../../kernels/tuned.ts';
import { prefer } from '../../kernels/shared/prefer.ts';

export interface KernelOptions {
  /** A room; the list of all if omitted. */
  readonly name?: string;
  /** What would run here if omitted. */
  readonly variant?: string;
  /** Name of a case or workload, or a part of one; the first case if omitted. */
  readonly case?: string;
  /** The programs of the gradient, in place of those of the operation. */
  readonly gradient?: boolean;
  readonly type?: FloatType;
  /** Kernels, variants, cases and workloads of the room, in place of programs. */
  readonly list?: boolean;
}

/** Prints the programs that a case of a room is run with on this adapter. Returns the exit status. */
export async function kernel(options: KernelOptions): Promise<number> {
  await using gpu = await open({ tuning: tuned });
  console.log(kernelText(gpu, options));
  return 0;
}

/** What `kernel` prints. Nothing is compiled, and nothing runs. */
export function kernelText(gpu: Gpu, options: KernelOptions): string {
  const { name, variant, case: wanted, gradient = false, type = 'f32', list = false } = options;
  if (name === undefined) return roomList(gpu);
  const room = rooms.find((each) => each.name === name);
  if (room === undefined) throw unknown('room', name, rooms.map((each) => each.name));
  if (list) return caseList(gpu, room, type);
  gpu.requireType(type);
  const item = caseOf(room, wanted);
  const reason = item.skip?.(gpu);
  if (reason !== undefined) throw usage(`${name}: "${item.name}" cannot run here: ${reason}`);
  if (gradient && item.wrt.length === 0) throw usage(`${name}: "${item.name}" has no gradient`, 'leave --gradient out');
  if (variant !== undefined) {
    const known = variantsOf(gpu, room, type);
    if (!known.includes(variant)) throw unknown(`variant of ${name} on ${gpu.name}`, variant, known);
    prefer(gpu, room.kernels, variant, type);
  }
  const commands = caseCommands(gpu, item, type, gradient ? 'gradient' : 'forward');
  gpu.candidates.clear();
  const dispatches = commands.filter((command) => command.kind === 'dispatch');
  const what = `${name}, ${gradient ? 'gradient' : 'forward'} of the case "${item.name}" in ${type}`;
  if (dispatches.length === 0) throw usage(`${what}: dispatches nothing`);
  const isMissing = variant !== undefined && !dispatches.some((dispatch) => variantOf(dispatch) === variant);
  const note = isMissing
    ? `\n// No program of it is in the variant ${variant}: these have none, or do not take this case in it.`
    : '';
  return `// ${what}, as ${gpu.name} runs it.${note}\n${wgslOf(commands)}`;
}

/** The case or workload of this name, or the only one that has it in its name. */
function caseOf({ name, cases, workloads }: Room, wanted: string | undefined): Case {
  if (wanted === undefined) return cases[0];
  const all = [...cases.map((item) => ({ name: item.name, make: () => item })), ...workloads];
  const exact = all.filter((each) => each.name === wanted);
  const found = exact.length > 0 ? exact : all.filter((each) => each.name.includes(wanted));
  if (found.length === 0) throw unknown(`case of ${name}`, wanted, all.map((each) => each.name));
  if (found.length > 1) {
    throw usage(`${name}: "${wanted}" is in the names of ${found.length} cases`, namesText(found.map((each) =>
      each.name
    )));
  }
  return found[0].make();
}

function variantsOf(gpu: Gpu, { kernels }: Pick<Room, 'kernels'>, type: FloatType): string[] {
  return [...new Set(kernels.flatMap((each) => each.candidates(gpu, type).map(({ variant }) => variant)))];
}

function roomList(gpu: Gpu): string {
  const lines = rooms.map((room) => {
    const count = `${room.cases.length} cases`;
    return `  ${room.name.padEnd(14)} ${count.padEnd(9)} ${variantsOf(gpu, room, 'f32').join(', ')}`;
  });
  return `rooms, and the variants that ${gpu.name} can run:\n${lines.join('\n')}`;
}

function caseList(gpu: Gpu, room: Room, type: FloatType): string {
  const kernels = room.kernels.map((each) =>
    `  ${each.name}: ${variantsOf(gpu, { kernels: [each] }, type).join(', ')}`
  );
  const [cases, workloads] = [room.cases, room.workloads].map((all) => all.map(({ name }) => `  ${name}`));
  const sections = { [`kernels, each with its variants on ${gpu.name}`]: kernels, cases, workloads };
  return Object.entries(sections).map(([title, lines]) => [title, ...lines].join('\n')).join('\n\n');
}

function usage(message: string, hint?: string): FirstlightError {
  return new FirstlightError('FL_USAGE', message, {}, hint);
}

function unknown(what: string, name: string, known: readonly string[]): FirstlightError {
  const guess = nearest(name, known);
  const question = guess === undefined ? '' : `did you mean "${guess}"? `;
  return usage(`there is no ${what} "${name}"`, `${question}There are: ${namesText(known)}`);
}

/** Names with spaces stand on lines of their own. */
function namesText(names: readonly string[]): string {
  return names.some((name) => name.includes(' ')) ? names.map((name) => `\n    ${name}`).join('') : names.join(', ');
}
