/** A new room is on the site as soon as kernels/index.ts names it. */
import { execFile } from 'node:child_process';
import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { canBundle } from '../package/package.ts';
import { ROOT } from '../package/exports.ts';
import * as assert from './assert.ts';
import { test, testIf } from './test.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-room-'));
const kernels = join(folder, 'kernels');

/** The project once more, so that a room can be added to it. */
function copyProject(): void {
  for (const name of ['engine', 'kernels', 'model', 'mpi', 'train', 'bench', 'package', 'lint', 'web']) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true, filter: (path) => !path.includes('node_modules') });
  }
  for (const name of ['package.json', 'package-lock.json', 'README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'LICENSE',
    'THIRD_PARTY.md', '.npmrc', '.oxlintrc.json', 'tsconfig.json']) copyFileSync(join(ROOT, name), join(folder, name));
  for (const name of ['node_modules', 'test']) symlinkSync(join(ROOT, name), join(folder, name), 'junction');
}

function replaceIn(path: string, what: string, by: string): void {
  const text = readFileSync(path, 'utf8');
  if (!text.includes(what)) throw new Error(`${path} has no ${what}`);
  writeFileSync(path, text.replace(what, by));
}

testIf(canBundle, 'the bundler cannot read # or ? in the path of the project')(
  'a folder and a line in kernels/index.ts are all that a new room needs to be on the site, with its cases',
  async () => {
    copyProject();
    cpSync(join(kernels, 'gelu'), join(kernels, 'example'), { recursive: true });
    replaceIn(join(kernels, 'example', 'cases.ts'), "name: 'gelu',", "name: 'example',");
    replaceIn(join(kernels, 'index.ts'), "import { room as gelu } from './gelu/cases.ts';",
      "import { room as gelu } from './gelu/cases.ts';\nimport { room as example } from './example/cases.ts';");
    replaceIn(join(kernels, 'index.ts'), 'rooms: readonly Room[] = [', 'rooms: readonly Room[] = [example,');
    // without the API's pages, which take longer than all others
    writeFileSync(join(folder, 'build.ts'),
      "import { buildSite } from './web/build/site.ts';\nawait buildSite('site', []);\n");
    await promisify(execFile)(process.execPath, ['engine/setup/run.mjs', 'build.ts'], { cwd: folder });
    const page = readFileSync(join(folder, 'site', 'kernels', 'example.html'), 'utf8');
    assert.match(page, 'data-room="example"');
    assert.match(page, 'data-file="example/gelu.wgsl"');
    assert.match(page, 'quick_gelu: both tails, a partial workgroup');
    assert.match(readFileSync(join(folder, 'site', 'index.html'), 'utf8'), 'kernels/example.html');
  },
);

test.after(() => rmSync(folder, { recursive: true, force: true }));

test.run();
