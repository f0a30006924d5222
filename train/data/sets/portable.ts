import nodePath from 'node:path';

/**
 * A path as a run folder keeps it: from the folder on, with `/`, so that what is moved together stays together.
 * Absolute where the two have nothing in common but the root of the system, or not even that: another drive.
 *
 * @param path absolute  @param folder absolute  @param rules of the system's paths; tests give those of another one
 */
export function portable(path: string, folder: string, rules: nodePath.PlatformPath = nodePath): string {
  const from = rules.relative(folder, path);
  if (rules.isAbsolute(from)) return path;
  const { root } = rules.parse(folder);
  const ups = from.split(rules.sep).filter((part) => part === '..').length;
  const depth = folder.slice(root.length).split(rules.sep).filter((part) => part !== '').length;
  if (ups > 0 && ups >= depth) return path;
  return from === '' ? '.' : from.replaceAll(rules.sep, '/');
}
