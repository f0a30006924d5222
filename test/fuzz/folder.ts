/** A folder for readers that want files, gone with the process. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const root = mkdtempSync(join(tmpdir(), 'firstlight-fuzz-'));
process.on('exit', () => rmSync(root, { recursive: true, force: true }));

/** The path of a file in the folder. */
export const at = (name: string): string => join(root, name);

/** Writes a file, in the place of what was there, and returns its path. */
export function written(name: string, content: string | Uint8Array): string {
  const path = at(name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}
