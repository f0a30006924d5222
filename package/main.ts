/**
 * `npm run package`: what is published, in dist/. Modules, types beside them, WGSL in the modules and once more as it
 * was written.
 */
import { join, relative } from 'node:path';
import { formatBytes } from '../engine/errors.ts';
import { exitCodeOf, explain } from '../train/cli/failure.ts';
import { buildPackage, packed } from './package.ts';
import { CLI, ROOT } from './exports.ts';

const DIST = join(ROOT, 'dist');

try {
  await buildPackage(DIST);
  for (const [name, folder] of [['firstlight', DIST], ['firstlight-cli', join(DIST, CLI)]]) {
    const { size, unpackedSize, files } = packed(folder);
    console.log(`${name} in ${relative(ROOT, folder)}: as a tarball ${formatBytes(size)} of ${files} files, unpacked ${
      formatBytes(unpackedSize)
    }`);
  }
} catch (error) {
  process.stderr.write(explain(error, process.argv.includes('--debug')));
  process.exitCode = exitCodeOf(error);
}
