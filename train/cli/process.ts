/** The process behind `firstlight`: runs its command line, then leaves with the right code. */
import { main } from './main.ts';

/** Waits until all that was written has left, so that leaving cuts nothing off. */
async function flush(stream: NodeJS.WriteStream): Promise<void> {
  await new Promise<void>((done) => stream.write('', () => done()));
}

// `firstlight predict ... | head` closes the pipe early; that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
const exitCode = await main(process.argv.slice(2));
await flush(process.stdout);
await flush(process.stderr);
// Dawn's threads keep Node alive, so the process has to be left.
process.exit(exitCode);
