/** The report of 400 classes as a browser shows it: it finds classes, runs nothing else, and asks for nothing. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { renderReport } from '../train/report/report.ts';
import { launchChromium } from './browser/chromium.ts';
import { manyClasses, ownRun } from './report_sample.ts';

const SKIPS = process.env.FIRSTLIGHT_SKIP_BROWSER === '1';
const folder = mkdtempSync(join(tmpdir(), 'firstlight-report-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

testIf(!SKIPS, 'FIRSTLIGHT_SKIP_BROWSER is set')(
  'a class is found by a part of its name, the table is sorted, the matrix is read, and a name runs nothing',
  async () => {
    const data = ownRun(400);
    const names = data.classes?.names.map((name,
      id) => (id === 7 ? `<img src=x onerror="document.title='run'"> Ärger` : name)
    );
    const path = join(folder, 'report.html');
    writeFileSync(path, renderReport({ ...data, classes: { ...manyClasses(400), names: names ?? [] } }));
    const browser = await launchChromium();
    try {
      const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
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
      await browser.close();
    }
  },
);

test.run();
