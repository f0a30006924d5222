/** Which installed packages a program needs, by the lock file. */

/** An entry of a lock file's `packages`. */
interface Locked {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export type Lock = Readonly<Record<string, Locked>>;

/** Where Node finds `name` when a module in `from` imports it: in the nearest node_modules above. */
function resolve(lock: Lock, from: string, name: string): string | undefined {
  for (let folder = from;; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const path = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`;
    if (path in lock) return path;
    if (folder === '') return undefined;
  }
}

/**
 * Folders of the named packages and of all that they need, without those in `left`, which are not followed either.
 *
 * @throws if a package is needed that the lock file does not have
 */
export function closure(lock: Lock, names: readonly string[], left: ReadonlySet<string>): string[] {
  const found = new Set<string>();
  const visit = (from: string, name: string, optional: boolean) => {
    if (left.has(name)) return;
    const path = resolve(lock, from, name);
    if (path === undefined) {
      if (optional) return;
      throw new Error(`${name}, needed by ${from === '' ? 'the project' : from}, is not in the lock file`);
    }
    if (found.has(path)) return;
    found.add(path);
    const { dependencies = {}, optionalDependencies = {} } = lock[path];
    for (const each of Object.keys(dependencies)) visit(path, each, each in optionalDependencies);
    for (const each of Object.keys(optionalDependencies)) visit(path, each, true);
  };
  for (const name of names) visit('', name, false);
  return [...found].sort();
}
