/** The site in a Firefox, where one is installed: its pages check the rooms, or say why this build cannot. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rooms } from '../kernels/index.ts';
import { canBundle } from '../package/package.ts';
import { serve, type Served } from '../web/build/serve.ts';
import { buildSite } from '../web/build/site.ts';
import * as assert from './assert.ts';
import { Firefox, installedFirefox } from './browser/firefox.ts';
import { test, testIf } from './test.ts';

const installed = installedFirefox();
const run = testIf(installed !== undefined && canBundle && process.env.FIRSTLIGHT_SKIP_BROWSER !== '1',
  'no Firefox is installed, or the browser is left out');
/** A software adapter there compiles each program of it for half a minute. */
const SLOW = ['attention'];

const folder = mkdtempSync(join(tmpdir(), 'firstlight-firefox-site-'));
let firefox: Firefox | undefined;
let server: Served | undefined;
const UNTIL =
  'const until = async (found) => { while (!found()) await new Promise((resolve) => setTimeout(resolve, 100)); };';

interface First {
  readonly text: string;
  readonly fault: string | null;
}

run('Firefox checks a kernel on the first page and all rooms on theirs, or is told why it cannot', async () => {
  await buildSite(folder, []);
  server = await serve(folder);
  firefox = await Firefox.start(installed?.program ?? '');
  await firefox.open(`${server.origin}/index.html`);
  const { text, fault } = await firefox.evaluate<First>(`${UNTIL}
    const found = () => document.querySelector('#here [data-checked], #here [data-fault]');
    await until(found);
    return { text: document.querySelector('#here').innerText, fault: found().dataset.fault ?? null };`);
  if (fault !== null) {
    console.log(`${installed?.version}: ${text.split('\n')[0]}`);
    assert.is(fault, 'FL_NO_ADAPTER');
    assert.match(text, /^no WebGPU adapter: tried Firefox \d+.*; \S/i);
    return;
  }
  const isSoftware = text.includes('software adapter');
  for (const { name } of rooms.filter((room) => !isSoftware || !SLOW.includes(room.name))) {
    await firefox.open(`${server.origin}/kernels/${name}.html`);
    const said = await firefox.evaluate<string>(`${UNTIL}
      document.querySelector('#check button').click();
      const status = document.querySelector('#check [role=status]');
      await until(() => status.dataset.done !== undefined || document.querySelector('#check button:disabled') === null);
      return status.innerText;`);
    assert.match(said, /^All right: /, name);
  }
});

test.after(async () => {
  await firefox?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

test.run();
