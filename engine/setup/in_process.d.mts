/** Chooses and loads the adapter's driver, for a process that was not started by run.mjs. */
export function prepareProcess(): Promise<void>;
