/** The same engine, kernels and model in headless Chromium, on SwiftShader. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Page } from 'playwright-core';
import { rooms } from '../kernels/index.ts';
import { launchChromium } from './browser/chromium.ts';
import type { RoomReport } from './browser/rooms.ts';
import { SourceServer } from './browser/server.ts';
import type { Training } from './browser/training.ts';

const skipped = process.env.FIRSTLIGHT_SKIP_BROWSER === '1';
if (skipped) console.log('FIRSTLIGHT_SKIP_BROWSER=1: nothing is run in a browser');
const run = skipped ? test.skip : test;

let page: Page;
let close = async () => {};
let adapter = '';
const totals = { rooms: 0, cases: 0, runs: 0 };

/** Evaluates an expression in the page; what the page threw comes back as an error. */
function evaluate<T>(expression: string): Promise<T> {
  return page.evaluate(expression) as Promise<T>;
}

run('Chromium starts, loads every module of the page, and offers WebGPU', async () => {
  const server = await SourceServer.start();
  close = () => server.close();
  const browser = await launchChromium();
  close = async () => {
    await browser.close();
    await server.close();
  };
  page = await browser.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('response', (response) => {
    if (!response.ok()) problems.push(`${response.url()}: ${response.status()}`);
  });
  await page.goto(`${server.origin}/test/browser/index.html`);
  await page.waitForFunction('globalThis.firstlight !== undefined', undefined, { timeout: 30_000 }).catch((error: unknown) => problems.push(String(error)));
  assert.equal(problems, []);
  assert.ok(await evaluate<boolean>('navigator.gpu.requestAdapter().then((adapter) => adapter !== null)'), 'no adapter in the page');
});

for (const room of rooms) {
  run(`in Chromium, every case of ${room.name} agrees with float64 on every variant`, async () => {
    const report = await evaluate<RoomReport>(`firstlight.sweep(${JSON.stringify(room.name)})`);
    adapter = report.adapter;
    totals.rooms++;
    totals.cases += report.cases;
    totals.runs += report.runs;
    assert.equal(report.failures.map(({ item, variant, message }) => `${room.name}/${variant}: "${item}": ${message}`), []);
    assert.is(report.cases, room.cases.length);
    assert.ok(report.runs > 0, 'every case was skipped');
  });
}

run('in Chromium, ten steps of training lower the loss, and a second run gives equal bits', async () => {
  const first = await evaluate<Training>('firstlight.train()');
  assert.is(first.losses.length, 10);
  assert.ok(first.losses[9] < first.losses[0] / 2, `losses: ${first.losses.join(', ')}`);
  assert.equal(await evaluate<Training>('firstlight.train()'), first);
});

test.after(async () => {
  if (!skipped) console.log(`coverage: Chromium on ${adapter}: ${totals.rooms} rooms, ${totals.cases} cases, ${totals.runs} room x case x variant runs`);
  await close();
});

test.run();
