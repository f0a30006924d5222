/** The folder of this project. */
export const projectFolder: string;

/** The folder where drivers are kept between runs. */
export function cacheFolder(): string;

/** Runs `body` while no other process runs one under the same lock file. */
export function locked<T>(path: string, say: (line: string) => void, body: () => Promise<T>): Promise<T>;

/** Runs `body`, one process ahead of all that come meanwhile under the same lock file: they find what it has made. */
export function oneAhead<T>(path: string, body: () => Promise<T>): Promise<T>;

/** The folder `name` of the cache with the facts about it, built if it is not there, not usable or damaged. */
export function kept<F extends object>(
  name: string,
  options: { say: (line: string) => void; build: (folder: string, home: string) => Promise<F>;
    isUsable?: (facts: F) => Promise<boolean> },
): Promise<F & { home: string }>;

/** JSON in `path`, or undefined if there is none that can be read. */
// oxlint-disable-next-line typescript/no-explicit-any -- each reader knows what it wrote
export function readJson(path: string): Promise<any>;

/** Replaces `path` in one step, so that no reader sees half of it. */
export function writeJson(path: string, value: unknown): Promise<void>;
