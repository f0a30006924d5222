/**
 * What is published, in dist/: modules, types beside them, WGSL in the modules and once more as it was written, all of
 * it in one file, and the command line in dist/cli.
 *
 *   npm run package                builds it, and says how large it is
 *   npm run package -- --users     and tries it outside of the project, as those would who use it; takes minutes
 */
import { join, relative } from 'node:path';
import { formatBytes } from '../engine/errors.ts';
import { exitCodeOf, explain } from '../train/cli/failure.ts';
import { buildPackage, packed } from './package.ts';
import { CLI, ROOT } from './exports.ts';
import { appSizes } from './sizes.ts';
import { tryUsers } from './users/main.ts';

const DIST = join(ROOT, 'dist');

try {
  await buildPackage(DIST);
  for (const [name, folder] of [['firstlight', DIST], ['firstlight-cli', join(DIST, CLI)]]) {
    const { size, unpackedSize, files } = packed(folder);
    console.log(
      `${name} in ${relative(ROOT, folder)}: as a tarball ${formatBytes(size)} of ${files} files, unpacked ${
        formatBytes(unpackedSize)
      }`,
    );
  }
  for (const { app, bytes } of await appSizes(DIST)) {
    console.log(`bundled for a browser, ${app}: ${(bytes / 1000).toFixed(1)} KB gzip`);
  }
  if (process.argv.includes('--users')) process.exitCode = await tryUsers(DIST);
} catch (error) {
  process.stderr.write(explain(error, process.argv.includes('--debug')));
  process.exitCode = exitCodeOf(error);
}
