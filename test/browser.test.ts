/**
 * The same engine, kernels and models train, verify and predict in headless Chromium, on SwiftShader, loaded file by
 * file. Each kernel by itself is checked there by the site's pages, in site_study.test.ts.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import type { Page } from 'playwright-core';
import { open } from '../engine/index.ts';
import { saveCheckpoint } from '../model/checkpoint/folder.node.ts';
import { officialPreprocessor } from '../model/checkpoint/preprocessor.ts';
import { initialise, normal } from '../model/parts/init.ts';
import { FLORENCES } from '../model/systems/coswin_config.ts';
import { networkFor, type NetworkName, networkOf } from '../model/systems/network_config.ts';
import { createModel } from '../model/systems/index.ts';
import { clipTokenizer } from '../model/tokenizer.node.ts';
import type { Guess } from '../train/protocols/ranking.ts';
import { openSystem } from '../train/run/system.ts';
import type { CheckResult } from '../train/verify/comparison.ts';
import { launchChromium } from './browser/chromium.ts';
import { guesses, NAMES } from './browser/prediction.ts';
import { SourceServer } from './browser/server.ts';
import { type Training, train } from './browser/training.ts';
import { close } from './close.ts';

const skipped = process.env.FIRSTLIGHT_SKIP_BROWSER === '1';
const run = testIf(!skipped, 'FIRSTLIGHT_SKIP_BROWSER=1');

let page: Page | undefined;
let shutDown = async () => {};
const checkpoints = mkdtempSync(join(tmpdir(), 'firstlight-browser-'));
/** Where the page finds them. */
const ADDRESS = '/checkpoints/';

/** Evaluates an expression in the page; what the page threw comes back as an error. */
function evaluate<T>(expression: string): Promise<T> {
  if (page === undefined) throw new Error('there is no page: Chromium did not start');
  return page.evaluate(expression) as Promise<T>;
}

run('Chromium starts, loads engine and kernels file by file, and offers WebGPU', async () => {
  const server = await SourceServer.start();
  shutDown = () => server.close();
  const browser = await launchChromium();
  shutDown = async () => {
    await browser.close();
    await server.close();
  };
  const opened = await browser.newPage();
  const problems: string[] = [];
  opened.on('pageerror', (error) => problems.push(error.message));
  opened.on('response', (response) => {
    if (!response.ok()) problems.push(`${response.url()}: ${response.status()}`);
  });
  await opened.route(`**${ADDRESS}**`,
    (route) =>
      route.fulfill({ path: join(checkpoints, new URL(route.request().url()).pathname.slice(ADDRESS.length)) }));
  await opened.goto(`${server.origin}/test/browser/index.html`);
  await opened.waitForFunction('globalThis.firstlight !== undefined', undefined, { timeout: 30_000 }).catch((
    error: unknown,
  ) => problems.push(String(error)));
  assert.equal(problems, []);
  page = opened;
  assert.ok(await evaluate<boolean>('navigator.gpu.requestAdapter().then((adapter) => adapter !== null)'),
    'no adapter in the page');
});

let training: Promise<Training> | undefined;
const trainInPage = (isCaptured: boolean) => evaluate<Training>(`firstlight.train(${isCaptured})`);
const firstTraining = () => (training ??= trainInPage(true));

run('in Chromium, ten steps of training lower the loss', async () => {
  const { losses } = await firstTraining();
  assert.is(losses.length, 10);
  assert.ok(losses[9] < losses[0] / 2, `losses: ${losses.join(', ')}`);
});

run(
  'in Chromium, a second training, with its steps recorded anew instead of replayed, gives equal losses and weights, bit for bit',
  async () => {
    assert.equal(await trainInPage(false), await firstTraining());
  },
);

run('ten steps of training give the losses in Chromium that they give in Node', async () => {
  const [there, here] = [await firstTraining(), await train(true)];
  // SwiftShader and lavapipe agree to 4e-7; other adapters may add in another order
  close('losses in Chromium', there.losses, here.losses, { atol: 1e-4, rtol: 0 });
});

/** One of each kind of network; of TSM that which is trained, with statistics of its batches. */
const FIXTURES = ['timesformer_divst_a', 'tsm_r50tiny_train', 'videoswin_padded', 'xflorence_like_a'];

run('in Chromium, a network of each kind agrees with its reference, in its gradients and statistics too', async () => {
  const results = await evaluate<CheckResult[]>(`firstlight.verify(${JSON.stringify(FIXTURES)})`);
  assert.is(results.length, 2 * FIXTURES.length + 1);
  assert.equal(results.filter(({ passed }) => !passed), []);
});

/** Writes a small model of a system that was never trained. */
async function write(system: NetworkName): Promise<string> {
  const folder = join(checkpoints, system);
  const { tokenizer } = (await clipTokenizer()).compact(NAMES);
  const clips = { frames: 4, imageSize: 32, classes: NAMES };
  const config = system === 'x-florence'
    ? networkOf(system, { ...FLORENCES.presets.tiny,
      text: { ...FLORENCES.presets.tiny.text, vocab: tokenizer.vocabSize } }, clips)
    : networkFor(system, 'tiny', clips);
  await using gpu = await open();
  using model = createModel(gpu, config);
  // sure of something: a head that starts near zero takes every clip for everything
  initialise(model, 9, (name) => (name === 'cls_head.fc_cls.weight' ? normal(1) : undefined));
  await saveCheckpoint(folder, { config, parameters: [...model.state()], tokenizer,
    preprocessor: officialPreprocessor(config.imageSize) });
  return folder;
}

for (const system of ['tsm', 'timesformer', 'video-swin', 'x-florence'] as const) {
  run(`in Chromium, ${system} takes a clip for what it takes it for in Node`, async () => {
    const folder = await write(system);
    const there = await evaluate<Guess[]>(`firstlight.predict('${ADDRESS}${system}')`);
    await using gpu = await open();
    const { model, tokenizer, preprocessor } = await openSystem(gpu, folder);
    using _model = model;
    const here = await guesses(gpu, { model, preprocessor, ...(model.texts && { tokenizer }) });
    const byLabel = (all: readonly Guess[]) =>
      [...all].sort((a, b) => a.label - b.label).map(({ probability }) => probability);
    assert.is(there.length, NAMES.length);
    close('probabilities in Chromium', Float64Array.from(byLabel(there)), byLabel(here), { atol: 1e-4, rtol: 0 });
  });
}

test.after(async () => {
  await shutDown();
  rmSync(checkpoints, { recursive: true, force: true });
});

test.run();
