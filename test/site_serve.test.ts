/** The server of the site: to this machine alone, from its folder alone, whatever is asked of it. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { serve, type Served } from '../web/build/serve.ts';

const root = mkdtempSync(join(tmpdir(), 'firstlight-serve-'));
const folder = join(root, 'site');
let served: Served;

test.before(async () => {
  mkdirSync(join(folder, 'room'), { recursive: true });
  writeFileSync(join(folder, 'index.html'), 'the site');
  writeFileSync(join(folder, 'room', 'index.html'), 'a room');
  writeFileSync(join(root, 'secret.txt'), 'secret');
  mkdirSync(join(root, 'site-beside'));
  writeFileSync(join(root, 'site-beside', 'index.html'), 'secret');
  symlinkSync(join(root, 'nowhere'), join(folder, 'dangling.html'));
  served = await serve(folder);
});
test.after(async () => {
  await served.close();
  rmSync(root, { recursive: true });
});

/** Sends lines as they are, and returns all that comes back. */
function ask(lines: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(served.origin).port), '127.0.0.1');
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk) => (text += chunk)).on('error', reject).on('close',
      () => resolve(text));
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  });
}

const get = (path: string, host = '127.0.0.1', method = 'GET') =>
  ask([`${method} ${path} HTTP/1.1`, `Host: ${host}`, 'Connection: close']);
const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);

test('pages are served, and a folder by its page', async () => {
  for (const [path, text] of [['/', 'the site'], ['/room', 'a room'], ['/room/?a=b#c', 'a room']]) {
    const answer = await get(path);
    assert.is(statusOf(answer), 200, path);
    assert.match(answer, `\r\n${text}\r\n`);
    assert.match(answer, /x-content-type-options: nosniff/i);
  }
  const head = await get('/', 'localhost:1', 'HEAD');
  assert.is(statusOf(head), 200);
  assert.not.match(head, 'the site');
});

test('nothing outside of the folder is served, and no address ends the server', async () => {
  const paths = ['/../secret.txt', '/..%2fsecret.txt', '/%2e%2e/secret.txt', '/..%5csecret.txt',
    '/room/..%2f..%2fsecret.txt', '/..%2fsite-beside/index.html', '/%00', '/index.html%00.txt', '/%zz', '/%', '//',
    'http://[', '/dangling.html', `/${'a/'.repeat(3000)}`, `/${'%2e%2e%2f'.repeat(500)}etc/passwd`];
  for (const path of paths) {
    const answer = await get(path);
    assert.ok([400, 404, 414, 431].includes(statusOf(answer)), `${path.slice(0, 60)}: ${answer.slice(0, 60)}`);
    assert.not.match(answer, /^secret\r$/m);
  }
  assert.is(statusOf(await get('/')), 200);
});

test('another method, another host and what is no HTTP are refused', async () => {
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    assert.is(statusOf(await get('/', '127.0.0.1', method)), 405);
  }
  for (const host of ['firstlight.example', '127.0.0.1.example', 'example:80', '']) {
    assert.is(statusOf(await get('/', host)), 403, host);
  }
  assert.is(statusOf(await ask(['nonsense'])), 400);
  assert.is(statusOf(await get('/')), 200);
});

test.run();
