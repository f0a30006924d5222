/** Checkpoints that are kept on this device, in the browser's caches: each is there whole, or not at all. */
import { FileError } from '../../../engine/file_error.ts';
import type { KeptModel } from '../protocol.ts';

const PREFIX = 'firstlight checkpoint ';
/** Files lie under addresses that nobody has; the last one says that all are there. */
const addressOf = (file: string) => `https://kept.invalid/${encodeURIComponent(file)}`;
const WHOLE = addressOf('/');

/** What the browser says, as everywhere what a disk says. */
function refusal(error: unknown): FileError {
  const { name = 'Error' } = error instanceof Error ? error : {};
  return new FileError('the storage of this browser', name, error, name === 'QuotaExceededError'
    ? { reason: 'is full', remedy: 'forget a checkpoint that is kept, or leave a private window' }
    : {});
}

/** Those that are kept. A browser that keeps nothing has none. */
export async function keptModels(): Promise<readonly KeptModel[]> {
  if (globalThis.caches === undefined) return [];
  const names = await caches.keys().catch(() => []);
  const models: KeptModel[] = [];
  for (const name of names.filter((each) => each.startsWith(PREFIX))) {
    const whole = await (await caches.open(name)).match(WHOLE);
    if (whole === undefined) await caches.delete(name); // its tab was closed half way
    else models.push({ name: name.slice(PREFIX.length), bytes: Number(await whole.text()) });
  }
  return models;
}

/** A file of one that is kept; undefined if there is none of this name. */
export async function keptFile(model: string, file: string): Promise<Blob | undefined> {
  const response = await (await caches.open(PREFIX + model)).match(addressOf(file));
  return await response?.blob();
}

/** Keeps all files of a checkpoint. @throws FileError where there is no room, and then keeps none */
export async function keepModel(model: string, files: Iterable<readonly [name: string, file: Blob]>): Promise<void> {
  try {
    const cache = await caches.open(PREFIX + model);
    let bytes = 0;
    for (const [name, file] of files) {
      await cache.put(addressOf(name), new Response(file));
      bytes += file.size;
    }
    await cache.put(WHOLE, new Response(String(bytes)));
  } catch (error) {
    await forgetModel(model).catch(() => undefined); // the first error is the one to report
    throw refusal(error);
  }
}

export async function forgetModel(model: string): Promise<void> {
  await caches.delete(PREFIX + model);
}
