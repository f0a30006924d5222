/** What a person waits for on the site, and what the pages weigh: in Chromium, on its software adapter, as medians. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Browser, Page } from 'playwright-core';
import { median } from '../bench/statistics.ts';
import { launchChromium } from '../test/browser/chromium.ts';
import { serve } from './build/serve.ts';

/** How often each is measured. */
const TIMES = 5;
/** The page that is edited and checked. */
const STUDY = 'kernels/layernorm.html';
const EDITED = 'layernorm/layernorm.wgsl';

/** A run that is short, of the page that trains. */
const TRAINED = { clipSteps: 10, videoSteps: 5, pictures: 16, clips: 4, testClips: 4, measureEvery: 5, saveEvery: 5 };

/** As text, for the page: the longest time from one frame to the next from now on, in milliseconds. */
const WATCH_FRAMES = `
  globalThis.longestFrame = 0;
  let last = performance.now();
  requestAnimationFrame(function next(now) {
    longestFrame = Math.max(longestFrame, now - last);
    last = now;
    requestAnimationFrame(next);
  });`;

export interface Measured {
  readonly what: string;
  readonly value: string;
}

const milliseconds = (values: readonly number[]) =>
  `${median(values).toFixed(0)} ms (${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)})`;

/** What a page asks for: names of files of the site. */
function requestsOf(page: Page, origin: string): string[] {
  const names: string[] = [];
  page.on('request', (request) => names.push(request.url().replace(`${origin}/`, '').replace(/#.*/, '')));
  return names;
}

/** Bytes of some files of the site, each compressed as a server would. */
function compressed(folder: string, names: readonly string[]): string {
  const bytes = names.map((name) => gzipSync(readFileSync(join(folder, name)), { level: 9 }).length);
  return `${(bytes.reduce((a, b) => a + b, 0) / 1000).toFixed(1)} KB in ${names.length} requests`;
}

/** @param folder of the built site */
export async function measureSite(folder: string): Promise<Measured[]> {
  const { origin, close } = await serve(folder);
  const browser = await launchChromium();
  try {
    const [weight, editor] = await weights(browser, folder, origin);
    const first: number[] = [];
    const verdicts: number[] = [];
    const frames: number[] = [];
    for (let i = 0; i < TIMES; i++) {
      first.push(await firstResult(browser, origin));
      const { verdict, frame } = await study(browser, origin);
      verdicts.push(verdict);
      frames.push(frame);
    }
    return [
      { what: 'a study page before the first click, gzip', value: weight },
      { what: 'its editor, gzip', value: editor },
      { what: 'first checked kernel result', value: milliseconds(first) },
      { what: 'a verdict, from the last key', value: milliseconds(verdicts) },
      { what: 'longest frame while kernels run', value: milliseconds(frames) },
      { what: 'the page that trains before the first click, gzip', value: await trainWeight(browser, folder, origin) },
      { what: 'longest frame while it trains', value: milliseconds(await trainFrames(browser, origin)) },
    ];
  } finally {
    await browser.close();
    await close();
  }
}

/** The page that trains, before its first click: page, style, scripts and worker. */
async function trainWeight(browser: Browser, folder: string, origin: string): Promise<string> {
  const page = await browser.newPage();
  const names = requestsOf(page, origin);
  await page.goto(`${origin}/train.html`);
  await page.locator('#plan:not([hidden])').waitFor();
  await page.close();
  return compressed(folder, names);
}

/** Longest frames while it trains, in runs that follow each other in one page: the first one compiles. */
async function trainFrames(browser: Browser, origin: string): Promise<number[]> {
  const page = await browser.newPage();
  const press = (name: string) => page.getByRole('button', { name, exact: true }).click();
  await page.goto(`${origin}/train.html`);
  await page.locator('#plan:not([hidden])').waitFor();
  for (const [name, value] of Object.entries(TRAINED)) await page.locator(`[name=${name}]`).fill(String(value));
  const frames: number[] = [];
  for (let i = 0; i < TIMES; i++) {
    await page.evaluate(WATCH_FRAMES);
    await press('Start');
    await page.locator('#panel > [role=status]', { hasText: 'Done.' }).waitFor({ timeout: 600_000 });
    frames.push(await page.evaluate<number>('longestFrame'));
    await press('Forget this run');
    await page.getByRole('button', { name: 'Start', exact: true }).waitFor();
  }
  await page.close();
  return frames;
}

async function weights(browser: Browser, folder: string, origin: string): Promise<[string, string]> {
  const page = await browser.newPage();
  const names = requestsOf(page, origin);
  await page.goto(`${origin}/${STUDY}`, { waitUntil: 'networkidle' });
  const before = names.splice(0);
  await page.getByRole('button', { name: `Edit ${EDITED}` }).click();
  await page.locator('.cm-content').waitFor();
  const after = names.filter((name) => !name.includes('worker'));
  await page.close();
  return [compressed(folder, before), compressed(folder, after)];
}

/** Milliseconds from the navigation until the first page says what its kernel gave. */
async function firstResult(browser: Browser, origin: string): Promise<number> {
  const page = await browser.newPage();
  const start = performance.now();
  await page.goto(`${origin}/index.html`);
  await page.locator('#here [data-checked]').waitFor();
  const time = performance.now() - start;
  await page.close();
  return time;
}

/** An edit that changes nothing but a comment, judged; and the longest frame while all cases are checked. */
async function study(browser: Browser, origin: string): Promise<{ verdict: number; frame: number }> {
  const page = await browser.newPage();
  await page.goto(`${origin}/${STUDY}`);
  await page.getByRole('button', { name: `Edit ${EDITED}` }).click();
  await page.locator('.cm-content').click();
  await page.keyboard.press('ControlOrMeta+Home');
  await page.keyboard.type('// first\n');
  const panel = page.locator(`[data-file="${EDITED}"]`);
  await panel.locator('.outcome.right').waitFor();
  // a verdict may come before anybody has looked whether one is awaited
  const kinds = await panel.locator('.outcome').evaluateHandle((element) => {
    const seen: string[] = [];
    new MutationObserver(() => seen.push(element.className)).observe(element, { attributeFilter: ['class'] });
    return seen;
  });
  await page.keyboard.type('// again\n');
  const start = performance.now();
  await page.waitForFunction((seen) => seen.some((kind) => kind.includes('pending')) && seen.at(-1)?.includes('right'),
    kinds);
  const verdict = performance.now() - start;
  await page.evaluate(WATCH_FRAMES);
  await page.locator('#check button').first().click();
  await page.locator('#check [data-done]').waitFor({ timeout: 600_000 });
  const frame = await page.evaluate<number>('longestFrame');
  await page.close();
  return { verdict, frame };
}
