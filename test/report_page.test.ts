/** Reports as a browser shows them: they find classes, run nothing else, and ask for nothing, whatever names hold. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import type { ReportData } from '../train/report/data.ts';
import { renderReport } from '../train/report/report.ts';
import { shown } from '../engine/shown.ts';
import { launchChromium } from './browser/chromium.ts';
import { HOSTILE, MARKUP } from './hostile_sample.ts';
import { manyClasses, ownRun, sample } from './report_sample.ts';

const run = testIf(process.env.FIRSTLIGHT_SKIP_BROWSER !== '1', 'FIRSTLIGHT_SKIP_BROWSER is set');
const folder = mkdtempSync(join(tmpdir(), 'firstlight-report-'));
let browser: Browser | undefined;
test.after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

run(
  'a class is found by a part of its name, the table is sorted, the matrix is read, and a name runs nothing',
  async () => {
    const data = ownRun(400);
    const names = data.classes?.names.map((name,
      id) => (id === 7 ? `<img src=x onerror="document.title='run'"> Ärger` : name)
    );
    const path = join(folder, 'report.html');
    writeFileSync(path, renderReport({ ...data, classes: { ...manyClasses(400), names: names ?? [] } }));
    browser ??= await launchChromium();
    const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
    try {
      const asked: string[] = [];
      const said: string[] = [];
      page.on('request', (request) => asked.push(request.url()));
      page.on('pageerror', (error) => said.push(error.message));
      page.on('console', (message) => said.push(message.text()));
      await page.goto(pathToFileURL(path).href);
      const visible = (selector: string) =>
        page.locator(`${selector}:visible`).evaluateAll((rows) => rows.map((row) => row.textContent));
      await page.locator('.search input').fill('ARGER');
      assert.is((await visible('.by-class tbody tr')).length, 1);
      assert.is(await page.locator('.search output').textContent(), '1 of 400 classes');
      await page.locator('.search input').fill('an umbrella');
      assert.is((await visible('.by-class tbody tr')).length, 20);
      assert.ok((await visible('.pairs tbody tr')).every((text) => text?.includes('an umbrella')));
      await page.locator('.search input').fill('');
      assert.is((await visible('.by-class tbody tr')).length, 400);

      const shares = () =>
        page.locator('.by-class tbody tr').evaluateAll((rows) =>
          rows.map((row) => Number(row.getAttribute('data-share')))
        );
      const worstFirst = await shares();
      assert.equal(worstFirst, [...worstFirst].sort((a, b) => a - b));
      for (const order of ['ascending', 'descending']) {
        await page.locator('th[data-sort=share] button').click();
        assert.is(await page.locator('th[data-sort=share]').getAttribute('aria-sort'), order);
      }
      assert.equal(await shares(), [...worstFirst].reverse());

      await page.locator('.matrix svg').hover({ position: { x: 10, y: 10 } });
      assert.match(await page.locator('.matrix .readout').textContent() ?? '', /^.+ → .+: \d+ clips?$/);
      assert.is(await page.title(), data.title);
      assert.equal(said, []);
      assert.equal(asked.filter((url) => !url.startsWith('data:image/png')), [pathToFileURL(path).href]);
    } finally {
      await page.close();
    }
  },
);

/** Not shown, or shown as one of a few words. */
const OURS = ['key', 'finishedAt', 'kind', 'matrix'];

/** The same with a foreign text in place of every text, each in turn. */
function withForeign<T>(value: T, next: () => string): T {
  if (typeof value === 'string') return next() as T;
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || value instanceof Map) return value;
  if (Array.isArray(value)) return value.map((own: unknown) => withForeign(own, next)) as T;
  return Object.fromEntries(
    Object.entries(value).map(([key, own]) => [key, OURS.includes(key) ? own : withForeign(own, next)]),
  ) as T;
}

const FOREIGN = [...MARKUP, HOSTILE, MARKUP[0].repeat(100)];

/** Notes every breach of a page's policy. */
const WATCH = `globalThis.breaches = [];
  addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) =>
    breaches.push(effectiveDirective + ' ' + blockedURI));`;

/** What no text may have become: elements that load or run, handlers of events, and links that are code. */
const BECAME = `[...document.querySelectorAll('*')].filter((element) =>
  ['IFRAME', 'OBJECT', 'EMBED', 'BASE', 'LINK', 'FORM', 'ANIMATE', 'MARQUEE'].includes(element.tagName.toUpperCase())
  || [...element.attributes].some(({ name, value }) => name.startsWith('on') || /^(javascript|http)/.test(value)
    && name !== 'xmlns')
  || (element.tagName === 'IMG' && !element.src.startsWith('data:image/png;'))).map((element) => element.outerHTML)`;

/** Texts of another direction that stand among others without being apart. */
const MIXED = `[...document.querySelectorAll('body *:not(svg *)')].filter((element) =>
  [...element.childNodes].some((node) => node.nodeType === 3 && node.data.includes('מימין'))
  && !/isolate|plaintext/.test(getComputedStyle(element).unicodeBidi)).map((element) => element.outerHTML)`;

/** Whether the policy of the page lets a script run that is put into it. */
const LETS_RUN = `(() => {
  const script = document.createElement('script');
  script.textContent = 'globalThis.isLet = true';
  document.body.append(script);
  return globalThis.isLet === true;
})()`;

/** A report with every section that there is. */
const WHOLE: ReportData = {
  ...ownRun(70),
  confusions: sample.confusions.slice(0, 1),
  unreadable: [{ file: 'a.mp4', reason: 'is cut off' }],
  parts: [{ name: 'split 1', classes: 2, clips: 3, leftOut: 0, unreadable: 1, top1: 0.5, top5: 1 }],
  tables: [{ title: 'a table', hint: 'what it says', columns: ['system', 'top-1'], rows: [['X-CLIP', '50 %']] }],
};

run('a report shows hostile texts, in place of every text that there is, and they do nothing', async () => {
  browser ??= await launchChromium();
  const page = await browser.newPage();
  const [asked, said]: [string[], string[]] = [[], []];
  page.on('request', (request) => asked.push(request.url()));
  page.on('dialog', (dialog) => void said.push(dialog.message()));
  page.on('popup', (popup) => said.push(popup.url()));
  page.on('pageerror', ({ message }) => said.push(message));
  page.on('console', (message) => said.push(message.text()));
  await page.addInitScript(WATCH);
  let turn = 0;
  const path = join(folder, 'hostile.html');
  writeFileSync(path, renderReport(withForeign(WHOLE, () => FOREIGN[turn++ % FOREIGN.length])));
  const { href } = pathToFileURL(path);
  await page.goto(href);
  // what waits for a hand is not kept waiting
  await page.evaluate(`for (const element of document.querySelectorAll('*')) {
    if (element.tagName === 'DETAILS') element.open = true;
    for (const kind of ['mouseover', 'focus', 'click']) element.dispatchEvent(new Event(kind, { bubbles: true }));
  }`);
  assert.is(await page.evaluate('globalThis.didRun'), undefined);
  assert.equal(await page.evaluate(BECAME), []);
  assert.equal(await page.evaluate(MIXED), []);
  assert.equal(await page.evaluate('breaches'), []);
  assert.equal(said, []);
  assert.is(page.url(), href);
  assert.equal(asked.filter((url) => !url.startsWith('data:image/png')), [href]);
  const text = await page.locator('body').innerText();
  assert.equal(MARKUP.filter((own) => !text.includes(shown(own))), [], 'they are there to be read');
  assert.is(await page.evaluate(LETS_RUN), false, 'and if one had become a script, it would not run');
  assert.is((await page.evaluate('breaches') as string[]).length, 1);
  await page.close();
});

test.run();
