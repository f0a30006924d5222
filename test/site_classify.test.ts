/** The page that classifies, in Chromium: with checkpoints from everywhere it says what `firstlight predict` says. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import type { Locator, Page } from 'playwright-core';
import { open } from '../engine/index.ts';
import { writeVideo } from '../train/data/video/encode.ts';
import type { Answer } from '../train/prediction/answer.ts';
import * as assert from './assert.ts';
import { isForEverybody } from './axe.ts';
import { HOSTS, HubServer } from './browser/hub.ts';
import { canOpenSite, type Opened, type Opening, Site, whyNot } from './browser/site.ts';
import { commandLine } from './command_line.ts';
import { test, testIf } from './test.ts';
import { writeTiny } from './tiny_checkpoint.ts';
import { clip } from './video_sample.ts';

const run = testIf(canOpenSite, whyNot);

const folder = mkdtempSync(join(tmpdir(), 'firstlight-classify-'));
const at = (name: string) => join(folder, name);
const model = at('tiny');
const video = at('clip.mp4');
const NAMES = ['a red square', 'a star', 'a square', 'a blue star', 'a red star', 'a blue square', 'red'];
const TOP = 5;
/** Milliseconds: programs are compiled by a processor that others use, too. */
const PATIENCE = 60_000;

let site: Site;
let hub: HubServer;
let expected: Answer['predictions'];
const filesOf = (path: string) => readdirSync(path).map((name) => [name, readFileSync(join(path, name))] as const);

run('the site and a tiny checkpoint are there, and what predict says of a clip', async () => {
  {
    await using gpu = await open();
    await writeTiny(gpu, model, { texts: NAMES, frames: 2 });
  }
  writeVideo(video, clip(8, 64, 48));
  const { stdout, stderr } = await commandLine(['predict', video, '--checkpoint', model, '--labels', NAMES.join(),
    '--top', String(TOP), '--json']);
  [{ predictions: expected }] = JSON.parse(stdout) as Answer[];
  assert.is(expected.length, TOP, stderr);
  hub = await HubServer.start(new Map(filesOf(model)));
  site = await Site.open();
  // the server stands in the place of Hugging Face, in the policy too
  const page = join(site.folder, 'classify.html');
  const text = readFileSync(page, 'utf8');
  const own = text.replaceAll(/https:\/\/(\*\.)?(huggingface\.co|hf\.co)/g, hub.address);
  assert.ok(own !== text);
  writeFileSync(page, own);
});

/** The page with labels. */
const opened = async (opening: Opening = {}): Promise<Opened> => {
  const it = await site.page('classify.html', opening);
  it.page.setDefaultTimeout(PATIENCE);
  await it.page.locator('#classify:not([hidden])').waitFor();
  await it.page.locator('#words').fill(NAMES.join('\n'));
  return it;
};

const card = (page: Page) => page.locator('#model-card');
const said = (page: Page, text: RegExp) => page.locator('#answer [role=status]', { hasText: text });
const fault = (page: Page, code: string) => page.locator(`#faults [data-fault=${code}]`);
const press = (page: Page, name: string | RegExp) => page.getByRole('button', { name }).click();
const textOf = async (locator: Locator) => (await locator.textContent()) ?? '';

async function load(page: Page): Promise<void> {
  await card(page).waitFor();
  await press(page, 'Load it');
  await said(page, /^(Loaded|Done) in/).waitFor();
}

async function choose(page: Page, ...paths: readonly string[]): Promise<void> {
  await page.locator('#model-files').setInputFiles([...paths]);
}

async function fromHub(page: Page, host: string): Promise<void> {
  await page.locator('#model-name').fill(`${host}/tiny`);
  await press(page, 'Open');
}

/** Looks at the clip, and holds that the answer is that of predict. */
async function classify(page: Page): Promise<void> {
  await page.locator('#clip-file').setInputFiles([]);
  await page.locator('#clip-file').setInputFiles(video);
  await said(page, /^Done in/).waitFor();
  await isAsPredicted(page);
}

const ranked = (page: Page) =>
  page.locator('.ranking li').evaluateAll((items) =>
    items.map((item) => ({ label: item.querySelector('bdi')?.textContent ?? '',
      probability: Number((item as HTMLElement).dataset.probability) })
    )
  );

async function isAsPredicted(page: Page): Promise<void> {
  const ranking = await ranked(page);
  assert.equal(ranking.map(({ label }) => label), expected.map(({ label }) => label));
  ranking.forEach(({ probability }, i) =>
    assert.ok(Math.abs(probability - expected[i].probability) < 1e-4, `${probability} at ${i}`)
  );
}

run(
  'a folder of files and a video: the answer of predict, ranked anew as labels are typed, and for everybody after it',
  async () => {
    const { page, problems, close } = await opened({ reducedMotion: 'reduce' });
    await page.locator('#model-folder').setInputFiles(model);
    await load(page);
    assert.match(await textOf(card(page)), /X-CLIP .* 2 frames of 32 x 32, for any labels.*weights.*MiB/);
    await classify(page);
    assert.is(await page.locator('.frames canvas').count(), 2);
    assert.match(await textOf(page.locator('#answer figcaption')),
      /2 of 8 frames, of each of 64 × 48 pixels the square/);

    await page.locator('#words').fill('a star\n\n a dog \na star');
    await page.locator('#words-hint', { hasText: 'was not trained with "dog"; use words' }).waitFor();
    assert.is(await page.locator('#words').inputValue(), 'a star\n\n a dog \na star');
    await page.locator('#words').fill('');
    await page.locator('#words-hint', { hasText: 'there are no labels yet; type some' }).waitFor();
    await page.locator('#words').fill(`${'a star '.repeat(80)}`);
    await page.locator('#words-hint', { hasText: 'tokens, the context holds' }).waitFor();
    await page.locator('#words').fill('a star\na square');
    await page.locator('.ranking li').nth(1).waitFor();
    assert.is((await ranked(page)).reduce((sum, { probability }) => sum + probability, 0).toFixed(6), '1.000000');
    await page.locator('#words').fill(NAMES.join('\n'));
    await page.locator('.ranking li').nth(TOP - 1).waitFor();
    await isAsPredicted(page);
    await isForEverybody(page);
    assert.equal(problems, []);
    await close();
  },
);

run('from a hub, however it gives its files; whatever left the page were GETs for files of the checkpoint',
  async () => {
    const { page, close } = await opened();
    const left: string[] = [];
    page.context().on('request', (request) => {
      const address = request.url();
      if (!address.startsWith(site.addressOf('')) && !address.startsWith('blob:')) {
        left.push(`${request.method()} ${address}`);
      }
    });
    hub.cuts = 1;
    for (const host of HOSTS) {
      await fromHub(page, host);
      await card(page).locator('.name', { hasText: `${host}/tiny` }).waitFor();
      await load(page);
      await classify(page);
    }
    assert.ok(left.length > 0);
    assert.equal(
      [...left, ...hub.asked.map((line) => line.replace(' /', ` ${hub.address}/`))].filter((line) =>
        !/^GET http:\/\/127\.0\.0\.1:\d+\/\w+\/tiny\/resolve\/main\/[\w.]+( |$)/.test(line)
      ),
      [],
    );
    // what its policy does not name the worker cannot reach either
    const refused = await page.workers()[0].evaluate(`new Promise((resolve) => {
    addEventListener('securitypolicyviolation', ({ effectiveDirective }) => resolve(effectiveDirective));
    fetch(${JSON.stringify(site.addressOf('index.html'))}).catch(() => undefined);
  })`);
    assert.is(refused, 'connect-src');
    await close();
  });

run('a connection that breaks is a sentence, and another try goes on where it was', async () => {
  const { page, close } = await opened();
  await fromHub(page, 'cut');
  await card(page).waitFor();
  hub.asked.length = 0;
  hub.cuts = 3;
  await press(page, 'Load it');
  await fault(page, 'FL_NETWORK').waitFor();
  assert.match(await textOf(fault(page, 'FL_NETWORK')), /could not be fetched further than [\d,]+ bytes.*try again/i);
  await press(page, 'Try again');
  await said(page, /^Loaded in/).waitFor();
  const begins = hub.asked.map((line) => /bytes=(\d+)-/.exec(line)?.[1]);
  assert.is(new Set(begins).size, begins.length - 3, 'each range came once, but for those that broke');
  await close();
});

run('kept on this device it is there without a network, and can be forgotten; without room it is told', async () => {
  const { page, close } = await opened();
  await fromHub(page, 'ranges');
  await page.getByLabel('keep it on this device').check();
  await load(page);
  const kept = page.getByRole('button', { name: /^ranges\/tiny, 1\.\d MiB$/ });
  await kept.waitFor();
  await page.reload();
  hub.asked.length = 0;
  await kept.click();
  await load(page);
  assert.equal(hub.asked, []);
  await press(page, 'Forget ranges/tiny');
  await kept.waitFor({ state: 'detached' });
  await close();
  const full = await opened({
    worker: {
      before: `Cache.prototype.put = () => Promise.reject(new DOMException('no room', 'QuotaExceededError'));`,
    },
  });
  await fromHub(full.page, 'ranges');
  await full.page.getByLabel('keep it on this device').check();
  await load(full.page);
  assert.match(await textOf(full.page.locator('#faults')),
    /storage of this browser: is full.*lasts here as long as this tab/);
  await full.close();
});

run('one file, and a zip whose files are deflated, are checkpoints too', async () => {
  const { page, close } = await opened();
  writeFileSync(at('tiny.zip'),
    zipSync(Object.fromEntries(filesOf(model).map(([name, bytes]) => [`tiny/${name}`, bytes]))));
  await choose(page, at('tiny.zip'));
  await load(page);
  await classify(page);
  await choose(page,
    ...['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json', 'preprocessor_config.json'].map((
      name,
    ) => join(model, name)));
  await said(page, /^$/).waitFor({ state: 'attached' });
  await load(page);
  await isAsPredicted(page);
  await close();
});

/** A checkpoint that cannot be used. */
interface Unusable {
  readonly what: string;
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  readonly code: string;
  readonly sentence: RegExp;
}

const bytesOf = (name: string) => readFileSync(join(model, name));

run(
  'a checkpoint that cannot be used, or a name that is none, is a sentence; what was typed stays, and the page goes on',
  async () => {
    const { page, close } = await opened();
    const config = JSON.parse(bytesOf('config.json').toString()) as { text_config: object };
    const WRONG: readonly Unusable[] = [
      { what: 'no config', files: { 'model.safetensors': bytesOf('model.safetensors') }, code: 'FL_CONFIG',
        sentence: /config\.json: no such file; .*needs its config\.json/i },
      { what: 'no weights', files: { 'config.json': bytesOf('config.json') }, code: 'FL_CHECKPOINT_FORMAT',
        sentence: /holds none of model\.safetensors/ },
      { what: 'pickled', files: { 'x.pth': 'a pickle of something else' }, code: 'FL_CHECKPOINT_FORMAT',
        sentence: /x\.pth: / },
      { what: 'cut off',
        files: { 'model.safetensors': bytesOf('model.safetensors').subarray(0, 700_000),
          'config.json': bytesOf('config.json') }, code: 'FL_CHECKPOINT_FORMAT', sentence: /the file at 700000/ },
      { what: 'other shapes',
        files: { 'model.safetensors': bytesOf('model.safetensors'), 'config.json': JSON.stringify({
          ...config,
          text_config: { ...config.text_config, max_position_embeddings: 33 },
        }) }, code: 'FL_STATE_DICT', sentence: /does not fit the model/ },
    ];
    for (const { what, files, code, sentence } of WRONG) {
      mkdirSync(at(what));
      for (const [name, bytes] of Object.entries(files)) writeFileSync(join(at(what), name), bytes);
      await choose(page, ...Object.keys(files).map((name) => join(at(what), name)));
      if (code === 'FL_STATE_DICT') await press(page, 'Load it');
      await fault(page, code).waitFor();
      assert.match(await textOf(fault(page, code)), sentence, what);
      assert.is(await page.locator('#words').inputValue(), NAMES.join('\n'));
    }
    await page.locator('#model-name').fill('../etc');
    await press(page, 'Open');
    await fault(page, 'FL_MODEL_NAME').waitFor();
    await fromHub(page, 'closed');
    await fault(page, 'FL_HOST').waitFor();
    assert.match(await textOf(fault(page, 'FL_HOST')), /answers 401.*check the name/);
    await page.locator('#model-folder').setInputFiles(model);
    await load(page);
    await classify(page);
    await close();
  },
);

run('a clip that is none, and a device that is lost, are sentences with a way out', async () => {
  const { page, close } = await opened({ worker: { before: `
    const ask = GPUAdapter.prototype.requestDevice;
    GPUAdapter.prototype.requestDevice = async function (...all) { return globalThis.device = await ask.apply(this, all); };` } });
  await page.locator('#model-folder').setInputFiles(model);
  await load(page);
  writeFileSync(at('none.mp4'), 'no video');
  await page.locator('#clip-file').setInputFiles(at('none.mp4'));
  await fault(page, 'FL_VIDEO').waitFor();
  await classify(page);
  await page.workers()[0].evaluate('device.destroy()');
  await page.locator('#clip-file').setInputFiles(at('none.mp4'));
  await fault(page, 'FL_VIDEO').waitFor();
  await classify(page);
  await close();
});

test.after(async () => {
  await site?.close();
  await hub?.close();
  rmSync(folder, { recursive: true, force: true });
});

test.run();
