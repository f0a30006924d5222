/**
 * The page that trains, in Chromium: paused, lost and closed it comes to the bits of a run in one piece, and to the
 * numbers of Node; what was trained is taken along.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import type { Page } from 'playwright-core';
import { FileError } from '../engine/file_error.ts';
import { open } from '../engine/index.ts';
import { inputOf, textFeatures } from '../model/systems/system.ts';
import { batchAt, drawnClips } from '../train/moving_shapes/drawn.ts';
import { logitsOf } from '../train/protocols/logits.ts';
import { rank } from '../train/protocols/ranking.ts';
import { openSystem } from '../train/run/system.ts';
import { makeLesson } from '../web/build/lesson.ts';
import { BrowserShelf, type Kept, type Shelf } from '../web/training/kept.ts';
import { type LessonPlan, SEEN_NAMES } from '../web/training/lesson.ts';
import type { Folder } from '../web/training/protocol.ts';
import { TrainService } from '../web/training/service.ts';
import * as assert from './assert.ts';
import { isForEverybody } from './axe.ts';
import { canOpenSite, Site, whyNot } from './browser/site.ts';
import { close } from './close.ts';
import { test, testIf } from './test.ts';

const run = testIf(canOpenSite, whyNot);

const PLAN: LessonPlan = { seed: 1, precision: 'f32', pictures: 4, clips: 1, clipSteps: 3, videoSteps: 2, testClips: 2,
  measureEvery: 2, saveEvery: 100 };
/** The clip that is looked at, from 0. */
const PLACE = 1;

/** What a run leaves, in memory. */
class Memory implements Shelf {
  kept: Kept | undefined;
  read = async () => this.kept;
  save = async (kept: Kept) => void (this.kept = structuredClone(kept));
  clear = async () => void (this.kept = undefined);
  readonly keeps = true;
}

const here = { losses: [] as readonly number[], adapter: '', files: [] as readonly string[] };

const folders: string[] = [];
test.after(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

/** The files of a zip, in a folder. */
function unpacked(zip: Uint8Array): { readonly folder: string; readonly names: readonly string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'firstlight-trained-'));
  folders.push(folder);
  const files = Object.entries(unzipSync(zip));
  for (const [file, bytes] of files) writeFileSync(join(folder, file), bytes);
  return { folder, names: files.map(([file]) => file).sort() };
}

test('what a run in Node leaves is looked at, taken along, and opened as any checkpoint, with the same bits', async () => {
  const [shelf, lesson] = [new Memory(), await makeLesson()];
  const service = new TrainService(lesson, shelf, (work) => work());
  here.adapter = (await service.answer({ kind: 'look' })).adapter;
  await assert.rejectsWith(service.answer({ kind: 'folder' }), { code: 'FL_USAGE' });
  await service.answer({ kind: 'train', plan: PLAN });
  here.losses = (shelf.kept as Kept).curve.map(({ loss }) => loss);
  const seen = await service.answer({ kind: 'see', place: PLACE });
  const { name, zip }: Folder = await service.answer({ kind: 'folder' });
  await service.close();

  const { frames, vision, text } = lesson.xclip;
  const patches = (vision.imageSize / vision.patch) ** 2;
  assert.ok(seen.error <= 1e-5, `weights · v differs by ${seen.error} from what the streaming kernel gives`);
  assert.is(seen.layers.length, vision.layers);
  for (const { ofClasses, ofMessages, tokens } of seen.layers) {
    assert.is(tokens, patches + 2, 'class token, patches, message');
    const sums = [...rowsOf(ofClasses, tokens), ...rowsOf(ofMessages as Float32Array, frames)].map((row) =>
      row.reduce((a, b) => a + b)
    );
    assert.is(sums.length, 2 * vision.heads * frames);
    close('sums of rows', sums, sums.map(() => 1), { atol: 1e-6, rtol: 0 });
  }

  assert.is(name, 'firstlight-x-clip-step-2.zip');
  const { folder, names } = unpacked(zip);
  here.files = names;
  assert.equal(names, ['config.json', 'labels.txt', 'model.safetensors', 'preprocessor_config.json', 'tokenizer.json',
    'tokenizer_config.json']);
  const labels = readFileSync(join(folder, 'labels.txt'), 'utf8').trim().split('\n');
  assert.equal(labels, SEEN_NAMES);
  await using gpu = await open();
  const system = await openSystem(gpu, folder, { precision: 'f32' });
  using model = system.model;
  assert.is(system.tokenizer.tokenize(labels, text.context).length, lesson.names.length);
  using features = textFeatures(gpu, system, labels);
  const clip = batchAt(drawnClips('test_seen', PLAN.seed, PLAN.testClips), Int32Array.of(PLACE));
  const [guess] = rank(
    await logitsOf(gpu, model, clip, { features, input: inputOf(model, system.preprocessor), nameOf: String }),
  );
  assert.equal([labels[guess.label], guess.probability], [seen.guess, seen.probability]);
});

const rowsOf = (values: Float32Array, length: number) =>
  Array.from({ length: values.length / length }, (_, row) => values.subarray(row * length, (row + 1) * length));

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
      resolve({ losses: curve.result.map(({ loss }) => loss), measured: measured.result,
        weights: Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('') });
    };
  };
})`;

const left = (page: Page) => page.evaluate(LEFT) as Promise<Left>;
const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();
const offered = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).waitFor();
const said = (page: Page, text: string) =>
  page.locator('#panel > [role=status]', { hasText: text }).waitFor({ timeout: 180_000 });

/** Writes the plan into the form. */
async function choose(page: Page): Promise<void> {
  await offered(page, 'Start');
  for (const [key, value] of Object.entries(PLAN)) {
    if (typeof value === 'number') await page.locator(`[name=${key}]`).fill(String(value));
  }
}

const DEVICE = `const ask = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = async function (...all) { return globalThis.device = await ask.apply(this, all); };`;
/** The tab is behind others, or is seen again. */
const hide = (page: Page, hidden: boolean) =>
  page.evaluate((value) => {
    Object.defineProperty(document, 'hidden', { configurable: true, value });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);

let site: Site;

run(
  'paused, its device lost and its tab closed, a run goes on in another tab, which had to wait, and comes to the bits of one in one piece',
  async () => {
    site = await Site.open();
    const { page: first, problems, close: shut } = await site.page('train.html#%00?A=__proto__', {
      worker: { before: DEVICE },
      reducedMotion: 'reduce',
      acceptDownloads: true,
    });
    const second = await first.context().newPage();
    second.on('pageerror', ({ message }) => problems.push(message));
    await second.goto(site.addressOf('train.html'));
    await choose(first);
    await choose(second);
    await press(first, 'Start');
    await said(first, 'Compiling programs');
    await press(second, 'Start');
    await second.locator('[data-fault=FL_RUN_LOCKED]', { hasText: 'another tab of this browser is training' })
      .waitFor();
    await press(first, 'Pause');
    await first.getByRole('button', { name: 'Go on' }).waitFor({ timeout: 120_000 });
    const { losses } = await left(first);
    assert.is(losses.length, 1);

    await press(first, 'Go on');
    await said(first, 'from step');
    await first.workers()[0].evaluate('device.destroy()');
    await first.locator('[data-fault=FL_DEVICE_LOST]', { hasText: 'run it again, which opens a new device' }).waitFor();
    await said(first, 'It is kept in this browser behind step');
    await press(first, 'Try again');
    await offered(first, 'Go on');
    await first.close();

    await press(second, 'Try again');
    await press(second, 'Go on');
    await said(second, 'Stage 2');
    await hide(second, true);
    await second.locator('#attention input').fill(String(PLACE + 1));
    await press(second, 'Show');
    await second.waitForFunction(() => /^X-CLIP \d\/2, in the background · /.test(document.title), undefined, {
      timeout: 180_000,
    });
    await hide(second, false);
    await second.locator('#attention [data-checked=true]').waitFor({ timeout: 60_000 });
    await said(second, 'Done.');
    assert.match(await second.locator('dl.live').innerText(), /kept in this browser\s+step 2 of X-CLIP/);
    assert.is(await second.locator('#live tbody tr').count(), 1);
    assert.is(await second.locator('#attention canvas').count(), 4);
    await second.getByText('The same as tables').click();
    await isForEverybody(second);

    const parted = await left(second);
    const [download] = await Promise.all([second.waitForEvent('download'), press(second, 'Download')]);
    assert.is(download.suggestedFilename(), 'firstlight-x-clip-step-2.zip');
    const { folder, names } = unpacked(readFileSync(await download.path()));
    assert.equal(names, here.files);
    await using gpu = await open();
    using model = (await openSystem(gpu, folder, { precision: 'f32' })).model;
    const weights = createHash('sha256');
    for (const values of await gpu.read([...model.parameters()].map(([, each]) => each))) {
      weights.update(new Uint8Array((values as Float32Array).buffer));
    }
    assert.is(weights.digest('hex'), parted.weights);

    await press(second, 'Forget this run');
    await press(second, 'Start');
    await said(second, 'Done.');
    const whole = await left(second);
    assert.equal(parted, whole);
    // of the same adapter bit for bit; others add in another order
    if (/swiftshader/i.test(here.adapter)) assert.equal(here.losses, whole.losses);
    close('losses in Chromium', whole.losses, here.losses, { atol: 1e-4, rtol: 0 });
    assert.equal(problems, []);
    await shut();
  },
);

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
    assert.equal([await shelf.read(), shelf.keeps], [kept, false]);
    await assert.rejectsWith(() => shelf.clear(), FileError);
    await assert.rejectsWith(() => shelf.read(), FileError);
  } finally {
    if (before === undefined) Reflect.deleteProperty(globalThis, 'indexedDB');
    else Object.defineProperty(globalThis, 'indexedDB', before);
  }
});

test.after(() => site?.close());

test.run();
