import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The files whose text is part of the package: WGSL, and what was tuned. */
export function textsOf(root: string): string[] {
  const wgsl = ['engine', 'kernels'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.wgsl'))
      .map((name) => join(root, folder, name)).sort()
  );
  return [...wgsl, join(root, 'kernels', 'tuned.json')];
}
