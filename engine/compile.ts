import type { Context } from './context.ts';
import { withoutRunning } from './pass.ts';
import { type Built, entriesOf } from './pipeline.ts';
import type { Program } from './wgsl.ts';

/** Programs that are compiled at a time: drivers have threads for them, and a page goes on meanwhile. */
const AT_ONCE = 4;

/** What some work needs and has not been compiled yet, the longest text first: it decides when all are done. */
function programsOf(gpu: Context, work: () => void): Built[] {
  const programs = withoutRunning(gpu, (recording) => {
    gpu.scope(work);
    return new Set(recording.commands.flatMap((command) => (command.kind === 'dispatch' ? [command.built] : [])));
  });
  return [...programs].filter(({ isCompiled }) => !isCompiled).sort((a, b) =>
    b.program.code.length - a.program.code.length
  );
}

/** For each program, when it is in the cache of a driver that compiles in the run; nothing elsewhere. */
function warmed(gpu: Context, programs: readonly Built[], isAwaited: boolean): readonly Promise<number>[] {
  return gpu.warmer?.warm(programs.map(({ program }) => {
    const { code, entry } = program;
    return { code, entry, entries: entriesOf(program) };
  }), isAwaited) ?? [];
}

/** A program that another process compiles. */
export interface Warmed {
  /** Kernel and variant, as a `Dispatch` has it. */
  readonly label: string;
  readonly program: Program;
  /** Of a processor, once it is compiled: 0 if it was before, or could not be. */
  readonly seconds: Promise<number>;
}

/**
 * Lets other processes compile what some work will need, where the context has them, while this one goes on.
 *
 * @param work is gone through as by `estimate`, without running anything
 */
export function warm(gpu: Context, work: () => void): readonly Warmed[] {
  gpu.check();
  if (gpu.warmer === undefined) return [];
  const programs = programsOf(gpu, work);
  const seconds = warmed(gpu, programs, false);
  return programs.map(({ label, program }, i) => ({ label, program, seconds: seconds[i] }));
}

/**
 * Compiles what some work will need before it is run, several programs at a time, without making the host wait:
 * otherwise each is compiled where it is first run, in which time a page stands still. Where the context has other
 * processes that compile, they do it.
 *
 * @param work is gone through as by `estimate`, without running anything
 * @param onProgress told how many of those that are to be compiled are done, at first 0; not called if there are none
 * @throws KernelCompileError for WGSL that does not compile, with file, line and column
 */
export async function compile(gpu: Context, work: () => void,
  onProgress: (done: number, total: number) => void = () => undefined): Promise<void> {
  gpu.check();
  const programs = programsOf(gpu, work);
  const total = programs.length;
  if (total === 0) return;
  const warm = warmed(gpu, programs, true);
  let begun = 0;
  let done = 0;
  onProgress(done, total);
  const compileNext = async () => {
    for (let next = begun++; next < total; next = begun++) {
      await warm[next];
      gpu.check();
      await programs[next].compileAhead(gpu);
      gpu.check();
      onProgress(++done, total);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, compileNext));
  await gpu.settled();
}
