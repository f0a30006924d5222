import { launchChromium } from './browser/chromium.ts';
const [, , url, out, w = '1180', h = '900', full = '1'] = process.argv;
const browser = await launchChromium();
const page = await browser.newPage({ viewport: { width: Number(w), height: Number(h) } });
await page.goto(url);
const y = Number(full);
if (y > 1) await page.evaluate(`scrollTo(0, ${y})`);
await page.screenshot({ path: out, fullPage: full === '1' });
await browser.close();
