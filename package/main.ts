/**
 * `npm run package`: what is published, in dist/. Modules, types beside them, WGSL in the modules and once more as it
 * was written.
 */
import { join } from 'node:path';
import { formatBytes } from '../engine/errors.ts';
import { exitCodeOf, explain } from '../train/cli/failure.ts';
import { buildPackage, packed } from './package.ts';
import { ROOT } from './exports.ts';

const DIST = join(ROOT, 'dist');

try {
  await buildPackage(DIST);
  const { size, unpackedSize, files } = packed(DIST);
  console.log(`dist: as a tarball ${formatBytes(size)} of ${files} files, installed ${formatBytes(unpackedSize)}`);
} catch (error) {
  process.stderr.write(explain(error, process.argv.includes('--debug')));
  process.exitCode = exitCodeOf(error);
}
