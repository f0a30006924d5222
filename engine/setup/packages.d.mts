interface Lock {
  readonly packages: Readonly<Record<string, { version?: string; optional?: boolean; devOptional?: boolean }>>;
}

/** Why the installed packages are not those of the lock file, or undefined if they are. */
export function difference(lock: Lock, installed: Lock | undefined): string | undefined;

/** Installs the packages of a folder, by default the project's, if they are missing or differ from its lock file. */
export function ensurePackages(say: (line: string) => void, folder?: string): Promise<void>;
