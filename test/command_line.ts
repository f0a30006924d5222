/** Command lines as a person types them, run in this process: what it has loaded need not be loaded again. */
import { main } from '../train/cli/main.ts';

/** How a command line ended, and what it printed. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Write = NodeJS.WriteStream['write'];

/** Runs one, such as `['predict', 'clip.mp4', '--help']`; nothing else may print meanwhile. */
export const commandLine = (words: readonly string[]): Promise<Ended> => printed(() => main(words));

/** The same of what a command does. @param onOutput told of all that was printed on stdout so far, after each piece */
export async function printed(work: () => Promise<number>, onOutput?: (stdout: string) => void): Promise<Ended> {
  const taken = { stdout: '', stderr: '' };
  const streams = ['stdout', 'stderr'] as const;
  const own = streams.map((name) => process[name].write);
  for (const name of streams) {
    process[name].write = ((chunk: string | Uint8Array) => {
      taken[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
      if (name === 'stdout') onOutput?.(taken.stdout);
      return true;
    }) as Write;
  }
  try {
    return { code: await work(), ...taken };
  } finally {
    streams.forEach((name, i) => (process[name].write = own[i]));
  }
}
