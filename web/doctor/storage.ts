/** What this browser keeps for a page: found out by trying, because private windows say yes and then refuse. */

export interface Storage {
  /** Bytes that this site may keep and does keep; undefined where the browser does not say. */
  readonly quota: number | undefined;
  readonly usage: number | undefined;
  /** Whether the browser promised not to clear it by itself. */
  readonly isPersistent: boolean | undefined;
  /** Files of the site's own (OPFS), and what a tab keeps of edits: 'works', or why not. */
  readonly files: string;
  readonly session: string;
}

export async function examineStorage(): Promise<Storage> {
  const { storage } = navigator as { storage?: StorageManager }; // only of a secure origin
  const estimate = await storage?.estimate?.().catch(() => undefined);
  return {
    quota: estimate?.quota,
    usage: estimate?.usage,
    isPersistent: await storage?.persisted?.().catch(() => undefined),
    files: await works(async () => {
      if (storage?.getDirectory === undefined) throw new Error('not offered by this browser, or not to this address');
      await storage.getDirectory();
    }),
    session: await works(async () => {
      const key = 'firstlight doctor';
      sessionStorage.setItem(key, 'kept');
      sessionStorage.removeItem(key);
    }),
  };
}

/** 'works', or why not. */
async function works(trial: () => Promise<void>): Promise<string> {
  try {
    await trial();
    return 'works';
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
}
