/**
 * The pages of the rooms at work in Chromium: each checks its cases, takes an edit and judges it; and an edit of every
 * kind is a sentence, after which the browser goes on.
 */
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { rooms } from '../kernels/index.ts';
import { ROOT } from '../package/exports.ts';
import { compare } from '../bench/kernels/compare.ts';
import { type KernelData, KIND } from '../bench/kernels/data.ts';
import { parseResults } from '../bench/result_text.ts';
import { encode } from '../web/study/address.ts';
import * as assert from './assert.ts';
import { isForEverybody } from './axe.ts';
import { canOpenSite, type Opened, Site, whyNot } from './browser/site.ts';
import { MARKUP } from './hostile_sample.ts';
import { test, testIf } from './test.ts';

const run = testIf(canOpenSite, whyNot);
/** Cases whose programs this browser's software adapter compiles for minutes, or whose checks take as long. */
const PATIENCE = 240_000;
const totals = { rooms: 0, cases: 0, runs: 0 };

let site: Site;

run('the site is built', async () => {
  site = await Site.open();
  assert.ok(site.pages.length > rooms.length);
});

const panelOf = (page: Page, file: string) => page.locator(`figure[data-file="${file}"]`);

/** The verdict on a file that is open, after something that asks for one. */
async function verdictAfter(page: Page, file: string, act: () => Promise<unknown>): Promise<string> {
  const outcome = panelOf(page, file).locator('.outcome');
  // a verdict may come before anybody has looked whether one is awaited
  const kinds = await outcome.evaluateHandle((element) => {
    const seen: string[] = [];
    new MutationObserver(() => seen.push(element.className)).observe(element, { attributeFilter: ['class'] });
    return seen;
  });
  await act();
  await page.waitForFunction((seen) => seen.length > 1 && !seen.at(-1)?.includes('pending'), kinds, {
    timeout: PATIENCE,
  });
  return outcome.innerText();
}

/** The verdict on a whole new text of a file that is open. */
function judge(page: Page, file: string, text: string): Promise<string> {
  return verdictAfter(page, file, async () => {
    await panelOf(page, file).locator('.cm-content').click();
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.insertText(text);
  });
}

async function edit(page: Page, file: string): Promise<void> {
  await page.getByRole('button', { name: `Edit ${file}` }).click();
  await panelOf(page, file).locator('.cm-content').waitFor();
}

for (const room of rooms) {
  run(`the page of ${room.name} checks every case of its room in Chromium`, async () => {
    const { page, problems, close } = await site.page(`kernels/${room.name}.html`);
    await page.getByRole('button', { name: 'Check all cases' }).click();
    const said = page.locator('#check [data-done]');
    await said.waitFor({ timeout: PATIENCE });
    const [text, runs] = [await said.innerText(), await said.getAttribute('data-done')];
    assert.match(text, /^All right: /);
    totals.rooms++;
    totals.cases += room.cases.length;
    totals.runs += Number(runs);
    assert.equal(problems, []);
    await close();
  });
}

const FILE = 'layernorm/layernorm.wgsl';
const written = readFileSync(`${ROOT}/kernels/${FILE}`, 'utf8');

/** The text with a change that must be possible. */
function changed(from: string, to: string): string {
  assert.match(written, from);
  return written.replace(from, to);
}

/** Edits of every kind, and what is said of them. */
const EDITS: readonly { readonly what: string; readonly text: string; readonly says: RegExp }[] = [
  { what: 'a comment', text: changed('// Layer', '// A layer'), says: /^right; / },
  { what: 'a number that is wrong', text: changed('rstd = 1.0', 'rstd = 1.1'),
    says: /^wrong: output 0, element \d+ is \S+, want \S+/ },
  { what: 'no WGSL', text: changed('let mean = ', 'let mean + '), says: /^layernorm\.wgsl:\d+:\d+: / },
  { what: 'a binding renamed', text: changed(' weight: array', ' weights: array'),
    says: /binding "weights" got no tensor/ },
  { what: 'no entry point', text: changed('@compute', ''), says: /no entry point/ },
  { what: 'a write out of bounds', text: changed('y[row * vectors + c]', 'y[row * vectors + c + 4096u]'),
    says: /^it writes out of bounds/ },
  { what: 'a loop without end', text: changed('c += row_lanes(lanes)', 'c += 0u'), says: /^a loop does not end/ },
  { what: 'no text', text: ' ', says: /\S/ },
];

run('an edit of each kind is judged in a sentence, and what comes after a loop without end is judged as before',
  async () => {
    const { page, problems, close } = await site.page('kernels/layernorm.html');
    await page.locator('select[name=variant]').selectOption('subgroup');
    await edit(page, FILE);
    for (const { what, text, says } of [...EDITS, EDITS[0]]) {
      assert.match(await judge(page, FILE, text), says, what);
      const marks = await panelOf(page, FILE).locator('.wrong-line').count();
      assert.is(marks, what === 'no WGSL' ? 1 : 0, what);
    }
    assert.equal(problems, []);
    await close();
  });

run('an edit is in the address: opened elsewhere it waits for a click, and then is judged', async () => {
  const first = await site.page('kernels/layernorm.html');
  await edit(first.page, FILE);
  // WGSL has no NUL, not in a comment either
  const hostile = MARKUP.map((own) => `// ${own.replaceAll('\0', '')}\n`).join('');
  await judge(first.page, FILE, `${EDITS[1].text}${hostile}`);
  const { hash } = new URL(first.page.url());
  await first.close();
  const { page, problems, close } = await site.page(`kernels/layernorm.html${hash}`);
  await page.getByText(`a changed ${FILE}`).waitFor();
  assert.is(page.workers().length, 0);
  await page.getByRole('button', { name: 'Show and check' }).click();
  await panelOf(page, FILE).locator('.outcome.wrong').waitFor({ timeout: PATIENCE });
  assert.is(await page.locator('select[name=variant]').inputValue(), 'subgroup');
  const another = () => page.locator('select[name=variant]').selectOption('tree');
  assert.match(await verdictAfter(page, FILE, another), /^wrong: /, 'another variant is another verdict');
  await page.getByRole('button', { name: `Take back all changes of ${FILE}` }).click();
  assert.is(new URL(page.url()).hash, '');
  assert.equal([await page.evaluate('globalThis.didRun'), problems], [undefined, []], 'markup in comments is text');
  await close();
});

run('an address with rubbish is a sentence, and the page is as it was', async () => {
  const escape = await site.page('kernels/gelu.html#%zz');
  assert.match(await escape.page.locator('#shared [role=alert]').innerText(), /this address cannot be read: /i);
  await escape.close();
  const { page, problems, close } = await site.page('kernels/gelu.html#eJxrubbish');
  assert.match(await page.locator('#shared [role=alert]').innerText(), /^this address cannot be read: /);
  assert.is(await page.getByRole('button', { name: /^Edit / }).count() > 0, true);
  assert.equal(problems, []);
  await close();
  const foreign = await site.page(`kernels/gelu.html#${await encode({ room: MARKUP[1], files: {} })}`);
  assert.match(await foreign.page.locator('#shared [role=alert]').innerText(), /there is no room "<img src=x /);
  assert.is(await foreign.page.evaluate('globalThis.didRun'), undefined);
  await foreign.close();
});

run('a page that was used is for everybody: cases checked, programs shown, an edit with its mark', async () => {
  const { page, problems, close } = await site.page('kernels/gelu.html', { reducedMotion: 'reduce' });
  await page.getByRole('button', { name: 'Check all cases' }).click();
  await page.locator('#check [data-done]').waitFor({ timeout: PATIENCE });
  await page.locator('#check summary').first().click();
  await page.getByRole('button', { name: 'Show the operation' }).click();
  await page.locator('#program [data-done]').waitFor({ timeout: PATIENCE });
  await edit(page, 'gelu/gelu.wgsl');
  const gelu = readFileSync(`${ROOT}/kernels/gelu/gelu.wgsl`, 'utf8');
  assert.match(await judge(page, 'gelu/gelu.wgsl', gelu.replace('let ', 'let 1')), /^gelu\.wgsl:\d+:\d+: /);
  await isForEverybody(page);
  assert.equal(problems, []);
  await close();
});

run('a device that is lost in the middle is a sentence, and the next verdict has another device', async () => {
  const opened: Opened = await site.page('kernels/layernorm.html', { worker: { before: `
    const ask = GPUAdapter.prototype.requestDevice;
    globalThis.isBroken = true;
    GPUAdapter.prototype.requestDevice = async function (...all) {
      const device = await ask.apply(this, all);
      const submit = device.queue.submit.bind(device.queue);
      device.queue.submit = (commands) => {
        if (globalThis.isBroken) device.destroy();
        submit(commands);
      };
      return device;
    };` } });
  const { page, close } = opened;
  await page.locator('select[name=variant]').selectOption('subgroup');
  await edit(page, FILE);
  assert.match(await judge(page, FILE, EDITS[0].text), /lost/);
  for (const worker of page.workers()) await worker.evaluate('globalThis.isBroken = false');
  assert.match(await judge(page, FILE, `${EDITS[0].text}\n`), /^right; /);
  await close();
});

run('the programs of a case are shown with the file of each line', async () => {
  const { page, close } = await site.page('kernels/layernorm.html');
  await page.getByRole('button', { name: 'Show its gradient' }).click();
  await page.locator('#program [data-done]').waitFor({ timeout: PATIENCE });
  assert.match(await page.locator('#program pre.file').first().innerText(),
    /layernorm\/layernorm_grad\w*(?:\.\w+)?\.wgsl:\d+/);
  await close();
});

run('a ladder is measured, drawn by what is loaded for it alone, told as JSON that the benchmark reads, and stopped',
  async () => {
    const { page, problems, close } = await site.page('kernels/layernorm.html');
    const late: string[] = [];
    page.on('request', (request) => late.push(request.url()));
    const ladder = page.locator('#ladder');
    const said = ladder.locator('[data-done]');
    await ladder.locator('select').selectOption('tiny, 16 clips: 2176 × 64');
    await ladder.getByRole('button', { name: 'Measure' }).click();
    await said.waitFor({ timeout: PATIENCE });
    assert.ok(late.some((address) => address.includes('ladder_view')), 'Plot comes when it is needed');
    assert.match(await said.innerText(), /^Measured on .*, by .* around stretches of calls\.$/);
    const rows = Number(await said.getAttribute('data-done'));
    assert.is(await ladder.locator('.panel tbody tr').count(), rows);
    assert.ok(await ladder.getByRole('img', { name: /kernels by operations per byte/ }).isVisible());
    await isForEverybody(page);

    await page.evaluate('Object.defineProperty(navigator, "clipboard", { value: undefined })');
    await ladder.getByRole('button', { name: 'Copy as JSON' }).click();
    const text = await ladder.getByRole('textbox', { name: 'results as JSON' }).inputValue();
    const results = parseResults<KernelData>(text, 'the page', KIND);
    assert.is(results.rows.length, rows);
    assert.is(compare(results.rows, results.rows).unmatched, 0);

    await ladder.locator('select').selectOption('');
    await ladder.getByRole('button', { name: 'Measure' }).click();
    await ladder.getByRole('button', { name: 'Stop' }).click();
    await said.waitFor({ timeout: PATIENCE });
    assert.match(await said.innerText(), /^Stopped/);
    assert.equal(problems, []);
    await close();
  });

test.after(async () => {
  if (canOpenSite) {
    console.log(
      `coverage: Chromium on SwiftShader: ${totals.rooms} rooms, ${totals.cases} cases, ${totals.runs} room x case x variant runs`,
    );
  }
  await site?.close();
});

test.run();
