/**
 * Runs the test files that `lane.ts` sends, one after another. A mark on both streams tells that a file is done.
 */
import { MARK } from './lane.ts';

// before it is loaded: else uvu runs a file by itself as soon as that is read
Object.assign(globalThis, { UVU_DEFER: true });
const loaded = import('./test.ts');

/** Reads the file and runs its tests, which print their totals. */
async function runFile(url: string): Promise<void> {
  const { exec } = await loaded;
  Object.assign(globalThis, { UVU_QUEUE: [[null]] });
  try {
    await import(url);
    await exec();
  } catch (error) {
    console.error(error);
  }
}

process.on('message', async (url: string) => {
  if (url === '') return process.disconnect(); // there are no more
  // a file that waits for what never comes shall end the process, not wait here for ever
  process.channel?.unref();
  await runFile(url);
  process.exitCode = 0; // the totals have told
  process.stdout.write(MARK);
  process.stderr.write(MARK);
  process.channel?.ref();
});
