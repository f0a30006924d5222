import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What no program runs: cases, references and costs are what tests compare with, naive files are pages to read. */
const NOT_RUN = /[/.](?:cases|reference|cost)\.ts$|\.d\.m?ts$|\.naive\.wgsl$/;

/** The sources in some folders, by their path from the root. */
export function textsOf(root: string, folders: readonly string[]): ReadonlyMap<string, string> {
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).sort().map((name) =>
      `${folder}/${name.replaceAll('\\', '/')}`
    )
  );
  return new Map(
    files.filter((file) => /\.(?:ts|wgsl)$/.test(file) && !NOT_RUN.test(file)).map((
      file,
    ) => [file, readFileSync(join(root, file), 'utf8')]),
  );
}
