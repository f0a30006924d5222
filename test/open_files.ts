import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** What this process has open of a folder, the folder too; nothing where the system does not tell. */
export function openUnder(folder: string): string[] {
  if (!existsSync('/proc/self/fd')) return [];
  const names = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(join('/proc/self/fd', fd))];
    } catch {
      return []; // that of the list itself
    }
  });
  return names.filter((name) => name === folder || name.startsWith(join(folder, '/')));
}
