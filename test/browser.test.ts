/**
 * The same engine, kernels and model train in headless Chromium, on SwiftShader, loaded file by file. Each kernel by
 * itself is checked there by the site's pages, in site_study.test.ts.
 */
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import type { Page } from 'playwright-core';
import { launchChromium } from './browser/chromium.ts';
import { SourceServer } from './browser/server.ts';
import { type Training, train } from './browser/training.ts';
import { close } from './close.ts';

const skipped = process.env.FIRSTLIGHT_SKIP_BROWSER === '1';
const run = testIf(!skipped, 'FIRSTLIGHT_SKIP_BROWSER=1');

let page: Page | undefined;
let shutDown = async () => {};

/** Evaluates an expression in the page; what the page threw comes back as an error. */
function evaluate<T>(expression: string): Promise<T> {
  if (page === undefined) throw new Error('there is no page: Chromium did not start');
  return page.evaluate(expression) as Promise<T>;
}

run('Chromium starts, loads engine and kernels file by file, and offers WebGPU', async () => {
  const server = await SourceServer.start();
  shutDown = () => server.close();
  const browser = await launchChromium();
  shutDown = async () => {
    await browser.close();
    await server.close();
  };
  const opened = await browser.newPage();
  const problems: string[] = [];
  opened.on('pageerror', (error) => problems.push(error.message));
  opened.on('response', (response) => {
    if (!response.ok()) problems.push(`${response.url()}: ${response.status()}`);
  });
  await opened.goto(`${server.origin}/test/browser/index.html`);
  await opened.waitForFunction('globalThis.firstlight !== undefined', undefined, { timeout: 30_000 }).catch((
    error: unknown,
  ) => problems.push(String(error)));
  assert.equal(problems, []);
  page = opened;
  assert.ok(await evaluate<boolean>('navigator.gpu.requestAdapter().then((adapter) => adapter !== null)'),
    'no adapter in the page');
});

let training: Promise<Training> | undefined;
const trainInPage = (isCaptured: boolean) => evaluate<Training>(`firstlight.train(${isCaptured})`);
const firstTraining = () => (training ??= trainInPage(true));

run('in Chromium, ten steps of training lower the loss', async () => {
  const { losses } = await firstTraining();
  assert.is(losses.length, 10);
  assert.ok(losses[9] < losses[0] / 2, `losses: ${losses.join(', ')}`);
});

run(
  'in Chromium, a second training, with its steps recorded anew instead of replayed, gives equal losses and weights, bit for bit',
  async () => {
    assert.equal(await trainInPage(false), await firstTraining());
  },
);

run('ten steps of training give the losses in Chromium that they give in Node', async () => {
  const [there, here] = [await firstTraining(), await train(true)];
  // SwiftShader and lavapipe agree to 4e-7; other adapters may add in another order
  close('losses in Chromium', there.losses, here.losses, { atol: 1e-4, rtol: 0 });
});

test.after(() => shutDown());

test.run();
