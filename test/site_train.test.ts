/** The page that trains, in Chromium: paused and resumed it comes to the bits of a run in one piece, and to Node's. */
import type { Page } from 'playwright-core';
import { makeLesson } from '../web/build/lesson.ts';
import { FileError } from '../engine/file_error.ts';
import { BrowserShelf, type Kept, type Shelf } from '../web/training/kept.ts';
import type { LessonPlan } from '../web/training/lesson.ts';
import { TrainService } from '../web/training/service.ts';
import * as assert from './assert.ts';
import { isForEverybody } from './axe.ts';
import { canOpenSite, type Opened, Site, whyNot } from './browser/site.ts';
import { close } from './close.ts';
import { test, testIf } from './test.ts';

const run = testIf(canOpenSite, whyNot);

const PLAN: LessonPlan = { seed: 1, precision: 'f32', pictures: 4, clips: 1, clipSteps: 2, videoSteps: 2, testClips: 1,
  measureEvery: 2, saveEvery: 100 };

/** What a page has kept: losses, and a digest of all weights. */
interface Left {
  readonly losses: readonly number[];
  readonly measured: readonly { readonly step: number; readonly loss: number }[];
  readonly weights: string;
}

const LEFT = `new Promise((resolve, reject) => {
  const opening = indexedDB.open('firstlight training');
  opening.onerror = () => reject(opening.error);
  opening.onsuccess = () => {
    const store = opening.result.transaction('run').objectStore('run');
    const [curve, measured, weights] = ['curve', 'measured', 'weights'].map((key) => store.get(key));
    weights.onsuccess = async () => {
      const bytes = await new Blob([...weights.result.values()]).arrayBuffer();
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
      resolve({ losses: curve.result.map(({ loss }) => loss), measured: measured.result, weights: digest.join() });
    };
  };
})`;

const left = (page: Page) => page.evaluate(LEFT) as Promise<Left>;
const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();
const done = (page: Page) => page.locator('#panel [role=status]', { hasText: 'Done.' }).waitFor({ timeout: 180_000 });

let site: Site;
let whole: Left;

/** The page with a plan in its form. */
async function opened(): Promise<Opened> {
  const it = await site.page('train.html', { reducedMotion: 'reduce' });
  await choose(it.page);
  return it;
}

/** Writes the plan into the form. */
async function choose(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Start' }).waitFor();
  for (const [key, value] of Object.entries(PLAN)) {
    if (typeof value === 'number') await page.locator(`[name=${key}]`).fill(String(value));
  }
}

run('a tiny CLIP and then X-CLIP learn in the page, which says when another tab trains, and is for everybody after it',
  async () => {
    site = await Site.open();
    const { page, problems, close: shut } = await opened();
    await page.evaluate(
      `void navigator.locks.request('firstlight training', () => new Promise((done) => { release = done; }))`,
    );
    await press(page, 'Start');
    await page.locator('[data-fault=FL_RUN_LOCKED]', { hasText: 'another tab of this browser is training' }).waitFor();
    await page.evaluate('release()');
    await press(page, 'Try again');
    await page.getByRole('button', { name: 'Start' }).waitFor();
    await choose(page);
    await press(page, 'Start');
    await done(page);
    assert.match(await page.locator('dl.live').innerText(), /kept in this browser\s+step 2 of X-CLIP/);
    assert.is(await page.locator('#live tbody tr').count(), 1);
    whole = await left(page);
    assert.is(whole.losses.length, PLAN.clipSteps + PLAN.videoSteps);
    await isForEverybody(page);
    assert.equal(problems, []);
    await shut();
  });

run('paused, its tab closed, it goes on in another one and comes to the same bits', async () => {
  const { page, close: shut } = await opened();
  await press(page, 'Start');
  const step = page.locator('dl.live div', { hasText: /^step/ }).locator('dd', { hasText: /^\d/ });
  await step.waitFor({ timeout: 120_000 });
  await press(page, 'Pause');
  await page.getByRole('button', { name: 'Go on' }).waitFor({ timeout: 120_000 });
  const { losses } = await left(page);
  assert.ok(losses.length < PLAN.clipSteps + PLAN.videoSteps, 'it was paused at the end');
  const next = await page.context().newPage();
  await page.close();
  await next.goto(site.addressOf('train.html'));
  await press(next, 'Go on');
  await done(next);
  assert.equal(await left(next), whole);
  await shut();
});

/** What a run leaves, in memory. */
class Memory implements Shelf {
  kept: Kept | undefined;
  read = async () => this.kept;
  save = async (kept: Kept) => void (this.kept = structuredClone(kept));
  clear = async () => void (this.kept = undefined);
}

run('the same plan has the same losses in Node', async () => {
  const shelf = new Memory();
  const service = new TrainService(await makeLesson(), shelf, (work) => work());
  const { adapter } = await service.answer({ kind: 'look' });
  await service.answer({ kind: 'train', plan: PLAN });
  await service.close();
  const here = (shelf.kept as Kept).curve.map(({ loss }) => loss);
  // of the same adapter bit for bit; others add in another order
  if (/swiftshader/i.test(adapter)) assert.equal(here, whole.losses);
  close('losses in Chromium', Float64Array.from(whole.losses), here, { atol: 1e-4, rtol: 0 });
});

test('what a browser does not keep, because it may not or has no room, is told and is at hand as long as the tab is open', async () => {
  const kept = { plan: PLAN, stage: 'CLIP', step: 3 } as Kept;
  const before = Object.getOwnPropertyDescriptor(globalThis, 'indexedDB');
  Object.defineProperty(globalThis, 'indexedDB', { configurable: true, value: { open() {
    throw new DOMException('no room', 'QuotaExceededError');
  } } });
  try {
    const shelf = new BrowserShelf();
    await assert.rejectsWith(() => shelf.read(), /the storage of this browser: is full/);
    await assert.rejectsWith(() => shelf.save(kept), FileError);
    assert.is(await shelf.read(), kept);
    await assert.rejectsWith(() => shelf.clear(), FileError);
    await assert.rejectsWith(() => shelf.read(), FileError);
  } finally {
    if (before === undefined) Reflect.deleteProperty(globalThis, 'indexedDB');
    else Object.defineProperty(globalThis, 'indexedDB', before);
  }
});

test.after(() => site?.close());

test.run();
