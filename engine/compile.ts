import type { Context } from './context.ts';
import { withoutRunning } from './pass.ts';

/** Programs that are compiled at a time: drivers have threads for them, and a page goes on meanwhile. */
const AT_ONCE = 4;

/**
 * Compiles what some work will need before it is run, several programs at a time, without making the host wait:
 * otherwise each is compiled where it is first run, in which time a page stands still.
 *
 * @param work is gone through as by `estimate`, without running anything
 * @param onProgress told how many of those that are to be compiled are done, at first 0; not called if there are none
 * @throws KernelCompileError for WGSL that does not compile, with file, line and column
 */
export async function compile(gpu: Context, work: () => void,
  onProgress: (done: number, total: number) => void = () => undefined): Promise<void> {
  gpu.check();
  const programs = withoutRunning(gpu, (recording) => {
    gpu.scope(work);
    return new Set(recording.commands.flatMap((command) => (command.kind === 'dispatch' ? [command.built] : [])));
  });
  const waiting = [...programs].filter(({ isCompiled }) => !isCompiled);
  const total = waiting.length;
  if (total === 0) return;
  let done = 0;
  onProgress(done, total);
  const compileNext = async () => {
    for (let built = waiting.shift(); built !== undefined; built = waiting.shift()) {
      await built.compileAhead(gpu);
      gpu.check();
      onProgress(++done, total);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, compileNext));
  await gpu.settled();
}
