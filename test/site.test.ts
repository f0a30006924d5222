/** The built site in Chromium, served under a sub-path with its policy: what each kind of page shows, and to whom. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { canBundle } from '../package/package.ts';
import { serve } from '../web/build/serve.ts';
import { buildSite } from '../web/build/site.ts';
import * as assert from './assert.ts';
import { launchChromium } from './browser/chromium.ts';
import { test, testIf } from './test.ts';

const skipped = process.env.FIRSTLIGHT_SKIP_BROWSER === '1';
const run = testIf(!skipped && canBundle,
  skipped ? 'FIRSTLIGHT_SKIP_BROWSER=1' : 'the bundler cannot read # or ? in the path of the project');

/** A page of each kind; the one of a room twice, the shortest and one with a picture. */
const KINDS = ['index.html', 'doctor.html', 'kernels/index.html', 'kernels/gelu.html', 'kernels/softmax.html',
  'docs/readme.html', 'source/engine/gpu.ts.html', 'source/kernels/shared/index.html'];
const UNDER = '/a/b';
const WITHOUT_GPU = 'delete Navigator.prototype.gpu';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-site-'));
let origin = '';
let pages: readonly string[] = [];
let browser: Browser;
let shutDown = async () => {};

/** A page of the site in a browser of its own, and what went wrong on it so far. */
async function opened(path: string, options: BrowserContextOptions = {},
  script?: string): Promise<{ page: Page; problems: readonly string[]; close(): Promise<void> }> {
  const context = await browser.newContext(options);
  if (script !== undefined) await context.addInitScript(script);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', ({ message }) => problems.push(message));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  await page.goto(`${origin}${UNDER}/${path}`);
  return { page, problems, close: () => context.close() };
}

run('the site is built, and served under a sub-path', async () => {
  pages = await buildSite(folder);
  const server = await serve(folder, { under: UNDER });
  shutDown = () => server.close();
  browser = await launchChromium();
  shutDown = async () => {
    await browser.close();
    await server.close();
  };
  origin = server.origin;
  assert.equal(KINDS.filter((path) => !pages.includes(path)), []);
});

/** What axe finds on the page as it stands, one line each. */
async function violations(page: Page): Promise<string[]> {
  const found = await page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run();
    return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target}`));
  });
  return found;
}

const isTooWide = 'document.documentElement.scrollWidth > document.documentElement.clientWidth';

for (const path of KINDS) {
  for (const script of [undefined, WITHOUT_GPU]) {
    run(`axe finds nothing on ${path}${script === undefined ? '' : ' without WebGPU'}, which is never too wide`, async () => {
      const { page, problems, close } = await opened(path, { reducedMotion: 'reduce' }, script);
      await page.evaluate(axe.source);
      for (const width of [1280, 390]) {
        await page.setViewportSize({ width, height: 900 });
        assert.is(await page.evaluate(isTooWide), false, `${path} scrolls sideways at ${width}`);
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme });
          assert.equal(await violations(page), [], `${path}, ${width}, ${colorScheme}`);
        }
      }
      assert.equal(problems, []);
      await close();
    });
  }
}

test.after(async () => {
  await shutDown();
  rmSync(folder, { recursive: true, force: true });
});

test.run();
