/** What a process that tries files does: it decodes one after another, as it is told. */
import { VideoDecodeError } from '../../../engine/errors.ts';
import { readClip } from '../video/read.ts';
import type { Tried } from './tried.ts';

async function tried(path: string): Promise<Tried> {
  let frames = 0;
  try {
    const [{ width, height }] = await readClip(path, (total) => {
      frames = total;
      return [0];
    });
    return { frames, width, height };
  } catch (error) {
    // anything else is a defect: it ends this process, and the other side says so
    if (!(error instanceof VideoDecodeError)) throw error;
    const isPassing = typeof (error.cause as NodeJS.ErrnoException | undefined)?.code === 'string';
    return { problem: String(error.context.reason), hint: error.hint, ...(isPassing ? { isPassing } : {}) };
  }
}

// Ctrl-C reaches all processes of a terminal; this one ends with the one that it answers.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit());
process.on('message', (path: string) => void tried(path).then((result) => process.send?.(result)));
