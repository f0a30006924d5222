import { readFile } from 'node:fs/promises';

/** The text of a file beside the sources. */
export function readText(url: URL): Promise<string> {
  return readFile(url, 'utf8');
}
