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
export async function commandLine(words: readonly string[]): Promise<Ended> {
  const taken = { stdout: '', stderr: '' };
  const streams = ['stdout', 'stderr'] as const;
  const own = streams.map((name) => process[name].write);
  for (const name of streams) {
    process[name].write = ((chunk: string | Uint8Array) => {
      taken[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
      return true;
    }) as Write;
  }
  try {
    return { code: await main(words), ...taken };
  } finally {
    streams.forEach((name, i) => (process[name].write = own[i]));
  }
}
