/** The built site in Chromium: what each kind of page shows, to whom, and what it weighs on nobody. */
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { rooms } from '../kernels/index.ts';
import * as assert from './assert.ts';
import { isForEverybody } from './axe.ts';
import { canOpenSite, Site, whyNot } from './browser/site.ts';
import { test, testIf } from './test.ts';

const run = testIf(canOpenSite, whyNot);

/** Pages of each kind that run something, and what is there once they have. */
const RUNNING: Readonly<Record<string, string>> = {
  'index.html': '#here [data-checked=true]',
  'doctor.html': '[data-here=worker].met',
  'kernels/gelu.html': '#choices:not([hidden])',
  'train.html': '#plan:not([hidden])',
  'classify.html': '#classify:not([hidden])',
};
const READ = ['kernels/index.html', 'docs/readme.html', 'source/engine/gpu.ts.html',
  'source/kernels/shared/index.html'];
const NO_WEBGPU = { before: 'delete Navigator.prototype.gpu;',
  worker: { before: 'delete WorkerNavigator.prototype.gpu;' } };
const FAULT = '[data-fault=FL_NO_ADAPTER]';

let site: Site;

run('the site is built, with a page of each kind and of each room', async () => {
  site = await Site.open();
  const wanted = [...Object.keys(RUNNING), ...READ, ...rooms.map(({ name }) => `kernels/${name}.html`)];
  assert.equal(wanted.filter((path) => !site.pages.includes(path)), []);
});

for (const path of READ) {
  run(`${path} is for everybody`, async () => {
    const { page, problems, close } = await site.page(path, { reducedMotion: 'reduce' });
    await isForEverybody(page);
    assert.equal(problems, []);
    await close();
  });
}

for (const [path, ready] of Object.entries(RUNNING)) {
  run(`${path} runs under its policy, and is for everybody`, async () => {
    const { page, problems, close } = await site.page(path, { reducedMotion: 'reduce' });
    await page.locator(ready).waitFor();
    assert.is(await page.locator('.needs-script').count(), 0);
    await isForEverybody(page);
    assert.equal(problems, []);
    await close();
  });
}

for (const path of Object.keys(RUNNING)) {
  run(`without WebGPU ${path} says so, with a way out, and is for everybody`, async () => {
    const { page, problems, close } = await site.page(path, { ...NO_WEBGPU, reducedMotion: 'reduce' });
    const said = page.locator(path.startsWith('kernels/') ? '.note.wrong' : FAULT).filter({ hasText: 'WebGPU' });
    await said.waitFor();
    assert.match((await said.textContent()) ?? '', /no WebGPU adapter.*; \S/);
    await isForEverybody(page);
    assert.equal(problems, []);
    await close();
  });
}

run('every study page opens, and offers its files to be edited', async () => {
  const { page, problems, close } = await site.page('index.html');
  for (const { name, cases } of rooms) {
    await page.goto(site.addressOf(`kernels/${name}.html`));
    await page.locator('#choices:not([hidden])').waitFor();
    assert.equal(problems, [], name);
    const files = await page.locator('figure.wgsl').count();
    assert.ok(files > 0, `${name} shows no file`);
    assert.is(await page.getByRole('button', { name: /^Edit / }).count(), files, name);
    assert.is(await page.locator('select[name=case] optgroup').first().locator('option').count(), cases.length, name);
  }
  await close();
});

run('the doctor shows adapter, features and limits, verifies a room, stops, and tells all of it as JSON', async () => {
  const { page, problems, close } = await site.page('doctor.html');
  await page.locator('[data-here=worker].met').waitFor();
  const here = (name: string) => page.locator(`[data-here="${name}"]`).innerText();
  assert.match(await here('adapter'), /swiftshader/i);
  assert.is(await here('kind'), 'software');
  assert.match(await here('browser'), /^Chrome \d+ · WebGPU of Chrome/);
  assert.match(await here('maxComputeInvocationsPerWorkgroup'), /^\d+$/);
  assert.match(await here('vp09'), /yes/);
  assert.equal(await page.locator('[data-here]', { hasText: /^–$/ }).count(), 0);

  await page.getByRole('button', { name: 'Verify this adapter' }).click();
  const [first] = rooms;
  await page.locator(`tr[data-room=${first.name}][data-verified=true]`).waitFor({ timeout: 120_000 });
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByRole('button', { name: 'Go on' }).waitFor();
  await page.getByText('Look at it').click();
  const json = page.locator('#report pre', { hasText: '}' });
  await json.waitFor(); // it is written when it is unfolded, not before
  const report = JSON.parse(await json.innerText());
  assert.is(report.adapter.kind, 'software');
  assert.is(report.proof.isRight, true);
  assert.is(report.storage.session, 'works');
  assert.ok(report.verified[first.name].runs >= first.cases.length);
  assert.equal(report.verified[first.name].failures, []);
  assert.equal(problems, []);
  await close();
});

/** What a key press leads to, until it leads out of the page: a selector of sorts, and whether one sees it. */
async function tabbed(page: Page): Promise<{ readonly what: string; readonly isSeen: boolean }[]> {
  const stops: { what: string; isSeen: boolean }[] = [];
  for (;;) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate(() => {
      const { activeElement: at } = document;
      if (at === null || at === document.body) return undefined;
      const all = [...document.querySelectorAll('*')];
      const { outlineStyle, outlineWidth } = getComputedStyle(at);
      return { what: `${at.tagName} ${all.indexOf(at)}`, isSeen: outlineStyle !== 'none' && outlineWidth !== '0px' };
    });
    if (stop === undefined || stops.some(({ what }) => what === stop.what)) return stops;
    stops.push(stop);
  }
}

run('with the keyboard alone every control of a page is reached, and one sees where one is', async () => {
  for (const [path, ready] of Object.entries(RUNNING).slice(0, 3)) {
    const { page, close } = await site.page(path);
    await page.locator(ready).waitFor();
    const wanted = await page.evaluate(() => {
      const all = [...document.querySelectorAll('*')];
      return all.filter((at) =>
        at.matches('a[href], button:enabled, select:enabled, input:enabled, summary, [tabindex="0"]')
        && at.checkVisibility()
      ).map((at) => `${at.tagName} ${all.indexOf(at)}`);
    });
    const stops = await tabbed(page);
    assert.ok(wanted.length > 10);
    assert.equal(wanted.filter((each) => !stops.some(({ what }) => what === each)), [], path);
    assert.equal(stops.filter(({ isSeen }) => !isSeen), [], path);
    await close();
  }
});

run('without JavaScript, and from a disk, texts, WGSL and tables are there, and the page says how to serve it',
  async () => {
    const unscripted = await site.page('kernels/gelu.html', { javaScriptEnabled: false });
    const { page, close } = await site.page('index.html');
    await page.goto(pathToFileURL(join(site.folder, 'kernels/gelu.html')).href);
    for (const each of [unscripted.page, page]) {
      assert.match(await each.locator('.needs-script').innerText(), 'npm run site -- --serve');
      assert.match(await each.locator('[data-file="gelu/gelu.wgsl"] pre').innerText(), '@compute');
      assert.ok(await each.locator('#measured table').count() > 0);
    }
    // styles come from the disk too
    assert.is(await page.evaluate("getComputedStyle(document.querySelector('figure.wgsl')).borderTopStyle"), 'solid');
    await unscripted.close();
    await close();
  });

test.after(() => site?.close());

test.run();
