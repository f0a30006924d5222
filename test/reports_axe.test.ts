/** The reports can be read by everybody: by keys, by voice, in both colour schemes, on a phone. */
import type { Browser } from 'playwright-core';
import { reportPage } from '../bench/kernels/report.ts';
import { rooflinePicture } from '../bench/kernels/roofline_picture.ts';
import type { KernelData } from '../bench/kernels/data.ts';
import { readResults } from '../bench/results.ts';
import { renderReport } from '../train/report/report.ts';
import { isForEverybody } from './axe.ts';
import { launchChromium } from './browser/chromium.ts';
import { ownRun, sample } from './report_sample.ts';
import { test, testIf } from './test.ts';

const run = testIf(process.env.FIRSTLIGHT_SKIP_BROWSER !== '1', 'FIRSTLIGHT_SKIP_BROWSER=1');

let browser: Browser | undefined;

/** The benchmark's page, of a few rows: axe looks at every cell. */
function benchReport(): string {
  const shipped = readResults<KernelData>('bench/results/llvmpipe-mesa-25.0.7/kernels.json', 'kernels');
  const results = { ...shipped, rows: shipped.rows.filter((_, i) => i % 40 === 0) };
  return reportPage(results, rooflinePicture(results.rows, results.roofs, results.environment.adapter));
}

const PAGES = { 'of the benchmark': benchReport, 'of a demo': () => renderReport(sample),
  'of a run of one’s own': () => renderReport(ownRun(40)) };

for (const [name, pageOf] of Object.entries(PAGES)) {
  run(`the report ${name} is accessible, light and dark, on a screen and on a phone`, async () => {
    browser ??= await launchChromium();
    const page = await browser.newPage({ reducedMotion: 'reduce' });
    await page.setContent(pageOf());
    await page.evaluate(() => document.querySelectorAll('details').forEach((each) => (each.open = true)));
    await isForEverybody(page);
    await page.close();
  });
}

test.after(() => browser?.close());

test.run();
