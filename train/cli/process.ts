/** The process behind `firstlight`: runs its command line, then leaves with the right code. */
import { main } from './main.ts';

/** Waits until all that was written has left, so that leaving cuts nothing off. */
async function flush(stream: NodeJS.WriteStream): Promise<void> {
  await new Promise<void>((done) => stream.write('', () => done()));
}

const words = process.argv.slice(2);
/**
 * What goes on when nobody reads its output any more, because the terminal was closed, or the reader of a pipe has
 * ended; `predict` ends by itself then, once its threads have.
 */
const goesOn = ['train', 'demo', 'check', 'predict'].includes(words[0]);
// `firstlight search ... | head` closes the pipe early; that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (!goesOn) process.exit(error.code === 'EPIPE' ? 0 : 1);
});
process.stderr.on('error', () => undefined); // where errors are told: nobody is left to be told of this one
const exitCode = await main(words);
await flush(process.stdout);
await flush(process.stderr);
// Dawn's threads keep Node alive, so the process has to be left.
process.exit(exitCode);
