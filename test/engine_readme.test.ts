import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test } from './test.ts';
import * as assert from './assert.ts';

const ROOT = new URL('../', import.meta.url);
const PAGE = new URL('engine/README.md', ROOT);
const page = readFileSync(PAGE, 'utf8');

test('the example of engine/README.md prints what it says', async () => {
  const example = /```ts\n(.*?)```/s.exec(page)?.[1] ?? '';
  const promised = /console\.log\(.*\); \/\/ (.*)$/m.exec(example)?.[1];
  const folder = await mkdtemp(join(tmpdir(), 'firstlight-readme-'));
  try {
    const file = join(folder, 'example.mts');
    await writeFile(file, example.replace(/from '\.\/(.*)'/g, (_, path) => `from '${new URL(path, ROOT).href}'`));
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', import.meta.resolve('tsx'), file]);
    assert.is(stdout.trim(), promised);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('every link of engine/README.md leads to a file', () => {
  const links = [...page.matchAll(/\]\((?!https:)([^)]+)\)/g)].map(([, link]) => link);
  assert.ok(links.length > 0);
  assert.equal(links.filter((link) => !existsSync(new URL(link, PAGE))), []);
});

test.run();
