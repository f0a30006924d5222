import { request } from 'node:http';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { SourceServer } from './browser/server.ts';

const server = await SourceServer.start();

/** Asks for a path as it stands: `fetch` would tidy it first. */
function get(path: string): Promise<{ status: number | undefined; type: string | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: new URL(server.origin).port, path }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode, type: response.headers['content-type'], text }));
    });
    asked.on('error', reject).end();
  });
}

test('TypeScript is served as JavaScript, with its imports as a person wrote them', async () => {
  const { status, type, text } = await get('/engine/arena.ts');
  assert.is(status, 200);
  assert.match(type ?? '', 'text/javascript');
  assert.match(text, 'from "./plan.ts"');
  assert.not.match(text.split('//# sourceMappingURL')[0], 'interface ArenaEntry');
});

test('WGSL and the page are served as they are', async () => {
  assert.match((await get('/engine/sum.wgsl')).text, '@compute');
  assert.match((await get('/test/browser/index.html')).type ?? '', 'text/html');
});

test('a package that sources name is one module, and fixtures of systems are bytes', async () => {
  const { type, text } = await get('/packages/zod.js');
  assert.match(type ?? '', 'text/javascript');
  assert.match(text, /^export \{/m);
  assert.not.match(text, /^import /m);
  assert.is((await get('/test/fixtures/systems/op_pool.safetensors')).type, 'application/octet-stream');
});

for (const path of [
  '/package.json',
  '/packages/uvu.js',
  '/test/fixtures/video/packed.avi',
  '/node_modules/uvu/dist/index.mjs',
  '/.git/config',
  '/engine',
  '/engine/',
  '/engine/nothing.ts',
  '/engine/setup/run.mjs',
  '/engine/../package.json',
  '/engine/../../etc/passwd.ts',
  '/engine/%2e%2e/package.json',
  '/engine/..%2fpackage.json',
  '/engine/..\\package.json',
  '/engine/index.ts%00.html',
  '/engine/.hidden.ts',
  '//engine/index.ts',
]) {
  test(`${path} is not served`, async () => {
    assert.is((await get(path)).status, 404);
  });
}

test.after(() => server.close());

test.run();
