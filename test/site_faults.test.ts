/** What goes wrong on the site, caused in Chromium: each is a sentence on the page, which goes on without a reload. */
import type { Locator, Page } from 'playwright-core';
import * as assert from './assert.ts';
import { canOpenSite, type Opening, Site, whyNot } from './browser/site.ts';
import { test, testIf } from './test.ts';

const run = testIf(canOpenSite, whyNot);

/** A fault that lasts in the worker while `isBroken` is set there. */
interface Fault {
  readonly what: string;
  readonly code: string;
  readonly sentence: RegExp;
  readonly worker: Opening['worker'];
  /** A page, and what is there once all is well; the first page if omitted. */
  readonly at?: readonly [path: string, right: string];
}

const RIGHT = '#here [data-checked=true]';
const TRAIN = ['train.html', '#panel button.main'] as const;
const broken = (code: string) => ({ before: `globalThis.isBroken = true; ${code}` });
const NO_MEMORY = broken(`const pop = GPUDevice.prototype.popErrorScope;
  GPUDevice.prototype.popErrorScope = async function () {
    const error = await pop.call(this);
    return isBroken ? new GPUOutOfMemoryError('there is none') : error;
  };`);
const SMALL_LIMITS = broken(
  `const { get } = Object.getOwnPropertyDescriptor(GPUSupportedLimits.prototype, 'maxBufferSize');
  Object.defineProperty(GPUSupportedLimits.prototype, 'maxBufferSize', { get() { return isBroken ? 64 : get.call(this); } });`,
);

const FAULTS: readonly Fault[] = [
  { what: 'no adapter', code: 'FL_NO_ADAPTER', sentence: /^no WebGPU adapter.*; \S/,
    worker: broken(`const ask = GPU.prototype.requestAdapter;
      GPU.prototype.requestAdapter = function (...all) { return isBroken ? Promise.resolve(null) : ask.apply(this, all); };`) },
  { what: 'a device that is lost while it is loading', code: 'FL_DEVICE_LOST',
    sentence: /^the GPU device was lost.*; run it again/,
    worker: broken(`const ask = GPUAdapter.prototype.requestDevice;
      GPUAdapter.prototype.requestDevice = async function (...all) {
        const device = await ask.apply(this, all);
        if (isBroken) device.destroy();
        return device;
      };`) },
  { what: 'no memory', code: 'FL_OOM', sentence: /^cannot allocate memory.*; close other pages/, worker: NO_MEMORY },
  { what: 'limits that are too small', code: 'FL_LIMIT',
    sentence: /needs maxBufferSize of [\d,]+, this device has 64; choose a smaller case/, worker: SMALL_LIMITS },
  { what: 'limits that are too small', code: 'FL_LIMIT', at: TRAIN,
    sentence: /needs maxBufferSize of [\d,]+, this device has 64; choose a smaller case/, worker: SMALL_LIMITS },
  { what: 'no memory', code: 'FL_OOM', at: TRAIN, sentence: /^cannot allocate memory.*; close other pages/,
    worker: NO_MEMORY },
  { what: 'a worker that cannot be loaded', code: 'FL_WORKER',
    sentence: /^the worker failed: it could not be loaded; try again/, worker: 'missing' },
];

let site: Site;

run('the site is built', async () => {
  site = await Site.open();
  assert.ok(site.pages.length > 0);
});

/** What stands in the page, whatever its style makes of it. */
const textOf = async (locator: Locator) => (await locator.textContent()) ?? '';

/** What was broken in the workers of a page is whole again. */
async function mendWorkers(page: Page): Promise<void> {
  for (const worker of page.workers()) await worker.evaluate('globalThis.isBroken = false');
}

for (const { what, code, sentence, worker, at = ['index.html', RIGHT] } of FAULTS) {
  const [path, right] = at;
  run(`${what}, ${path}: a sentence with a way out, and once it is mended another try succeeds`, async () => {
    const { page, mend, close } = await site.page(path, { worker });
    const said = page.locator(`[data-fault=${code}]`);
    await said.waitFor();
    assert.match(await textOf(said.locator('p')), sentence);
    await mendWorkers(page);
    await mend();
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.locator(right).waitFor();
    await close();
  });
}

run('a worker that does not answer is given up after 30 s, and the next one answers', async () => {
  const { page, mend, close } = await site.page('train.html', {
    worker: { instead: 'for (;;) {}' },
    before: `const wait = globalThis.setTimeout;
      globalThis.isHurried = true;
      globalThis.setTimeout = (body, time, ...all) => wait(body, isHurried && time === 30_000 ? 300 : time, ...all);`,
  });
  const said = page.locator('[data-fault=FL_WORKER_SILENT]');
  await said.waitFor();
  assert.match(await textOf(said.locator('p')), /did not answer for 30 s; .*restart the browser/);
  await mend();
  await page.evaluate('isHurried = false');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.locator(TRAIN[1]).waitFor();
  await close();
});

run('a device that is lost in the middle of a check fails one run at most, by name, and the rest of the room is right',
  async () => {
    const { page, close } = await site.page('kernels/gelu.html', { worker: { before: `let submits = 0;
    const ask = GPUAdapter.prototype.requestDevice;
    GPUAdapter.prototype.requestDevice = async function (...all) {
      const device = await ask.apply(this, all);
      const submit = device.queue.submit.bind(device.queue);
      device.queue.submit = (commands) => {
        submit(commands);
        if (++submits === 6) device.destroy();
      };
      return device;
    };` } });
    await page.getByRole('button', { name: 'Check all cases' }).click();
    await page.locator('#check [data-done]').waitFor({ timeout: 120_000 });
    // the run that was under way may have been done
    assert.match(await textOf(page.locator('#check [role=status]')), /^(All right|1 run wrong): 12 cases, \d\d+ runs/);
    for (const lost of await page.locator('#check li.missed').allTextContents()) {
      assert.match(lost, /the GPU device was lost \(destroyed\).*; run it again/);
    }
    await close();
  });

run('an editor that cannot be loaded is a sentence, and opens once the network is back', async () => {
  const { page, mend, close } = await site.page('kernels/gelu.html');
  await page.route(/\/assets\/editor-/, (route) => route.abort());
  const edit = page.getByRole('button', { name: 'Edit gelu/gelu.wgsl' });
  await edit.click();
  const outcome = page.locator('[data-file="gelu/gelu.wgsl"] .outcome');
  await outcome.filter({ hasText: 'could not be loaded' }).waitFor();
  assert.match(await textOf(outcome), /^a part of this page could not be loaded; look at the network/);
  await mend();
  await edit.click();
  await page.locator('[data-file="gelu/gelu.wgsl"] .cm-content').waitFor();
  await close();
});

run('a room that the worker cannot load is a sentence, and is checked once the network is back', async () => {
  const { page, mend, close } = await site.page('index.html');
  await page.route('**/assets/cases-*.js', (route) => route.abort());
  await page.goto(site.addressOf('kernels/sgd.html'));
  const check = page.getByRole('button', { name: 'Check all cases' });
  const said = page.locator('#check [role=status]');
  await check.click();
  await said.filter({ hasText: 'could not be loaded; look at the network' }).waitFor();
  await mend();
  await check.click();
  await page.locator('#check [data-done]').waitFor({ timeout: 120_000 });
  assert.match(await textOf(said), /^All right/);
  await close();
});

/** In a worker: storage that refuses, on an adapter that has no features. */
const WITHOUT_STORAGE = (error: string) =>
  `IDBFactory.prototype.open = () => { throw new DOMException('refused', '${error}'); };
  Object.defineProperty(GPUAdapter.prototype, 'features', { get: () => new Set() });`;

for (const [what, error, before] of [
  ['a private window', 'SecurityError',
    `for (const name of ['sessionStorage', 'localStorage']) Object.defineProperty(window, name, {
    get() { throw new DOMException('The operation is insecure.', 'SecurityError'); } });`],
  ['a full quota', 'QuotaExceededError',
    `Storage.prototype.setItem = () => { throw new DOMException('exceeded', 'QuotaExceededError'); };`],
]) {
  run(
    `${what}: the doctor says so, a run lasts as long as its tab, and a study page takes edits, which its address keeps`,
    async () => {
      const doctor = await site.page('doctor.html', { before });
      const session = doctor.page.locator('[data-here=session].lacks');
      await session.waitFor();
      assert.match(await session.innerText(), /SecurityError|QuotaExceededError/);
      assert.equal(doctor.problems, []);
      await doctor.close();
      const train = await site.page('train.html', { worker: { before: WITHOUT_STORAGE(error) } });
      await train.page.locator(TRAIN[1]).waitFor();
      const told = train.page.locator('#panel .note.wrong');
      assert.match(await told.innerText(), /^the storage of this browser: .*; a run lasts here as long as this tab$/);
      const half = train.page.locator('[name=precision] option', { hasText: 'f16, which this adapter does not store' });
      assert.is(await half.isDisabled(), true);
      assert.equal(train.problems, []);
      await train.close();
      const { page, problems, close } = await site.page('kernels/gelu.html', { before });
      await page.getByRole('button', { name: 'Edit gelu/gelu.wgsl' }).click();
      await page.locator('.cm-content').click();
      await page.keyboard.type('// typed');
      await page.waitForURL(/#.{10}/);
      assert.match(await page.locator('.cm-content').innerText(), '// typed');
      assert.equal(problems, []);
      await close();
    },
  );
}

run('an address with rubbish is a sentence, and the page is as it was written', async () => {
  for (const rubbish of ['rubbish', '%00', 'A'.repeat(5000), '__proto__']) {
    const { page, problems, close } = await site.page(`kernels/gelu.html#${rubbish}`);
    const said = page.locator('#shared', { hasText: 'this address cannot be read' });
    await said.waitFor();
    assert.is(await page.getByRole('button', { name: /^Edit / }).count(), await page.locator('figure.wgsl').count());
    assert.equal(problems, [], rubbish);
    await close();
  }
});

test.after(() => site?.close());

test.run();
