import { type FloatType, type Gpu, open } from '../../engine/index.ts';
import { caseOf, unknown, usage, variantsOf } from '../../kernels/checking/lookup.ts';
import { rooms } from '../../kernels/index.ts';
import { caseCommands, variantOf, wgslOf } from '../../kernels/programs.ts';
import type { Room } from '../../kernels/shared/room.ts';
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
