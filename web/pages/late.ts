/** Modules that are loaded when they are first needed. */

let tries = 0;

/**
 * What `load` imports. A browser remembers an import that failed for as long as the page lives, and would not look at
 * the network again; so after a failure the module is asked for under another address, which is the same file.
 */
export async function late<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const address = /https?:\/\/\S+\.js$/.exec(error instanceof Error ? error.message : '')?.[0];
    if (address === undefined) throw error; // Safari names none, and forgets
    return await import(/* @vite-ignore */ `${address}?again=${++tries}`) as T;
  }
}
