import { createHash } from 'node:crypto';
import { decode } from 'fast-png';
import { parseHTML } from 'linkedom';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { isMet, resultOf } from '../train/report/data.ts';
import { lossChart, VALIDATION_COLOUR } from '../train/report/charts.ts';
import { stripUri } from '../train/report/film.ts';
import { renderReport } from '../train/report/report.ts';
import { ownRun, sample } from './report_sample.ts';

const page = renderReport(sample);
const { document } = parseHTML(page);
const texts = (selector: string) =>
  [...document.querySelectorAll(selector)].map((element) => (element.textContent ?? '').replace(/\s+/g, ' ').trim());

test('the report loads nothing and runs nothing, and has the browser forbid it', () => {
  const styles = [...new Set([...page.matchAll(/<style>(.*?)<\/style>/gs)].map(([, own]) => own))];
  const hashes = styles.map((own) => `'sha256-${createHash('sha256').update(own).digest('base64')}'`).join(' ');
  assert.is(document.querySelector('meta[http-equiv="Content-Security-Policy"]')?.getAttribute('content'),
    `default-src 'none'; img-src data:; style-src ${hashes}; style-src-attr 'unsafe-inline'; base-uri 'none'; form-action 'none'`);
  assert.is(document.querySelectorAll('script, link, iframe, img, object').length, 0);
  const addresses = [...page.matchAll(/(?:src|href)="([^"]*)"|url\(([^)]*)\)/g)].map((match) => match[1] ?? match[2]);
  assert.ok(addresses.length > 0);
  assert.equal(addresses.filter((address) => !address.startsWith('data:image/png;base64,') && !address.startsWith('#')),
    []);
});

test('every headline stands beside its target or ceiling and the chance level', () => {
  assert.equal(texts('.headline h3'), sample.headlines.map(({ system }) => system));
  assert.equal(texts('.headline .number'), ['98.4%', '95.3%', '28.8%', '51.2%']);
  assert.equal(texts('.headline .mark:not(.chance)'), ['target 90 %', 'target 80 %', 'ceiling 50 %', 'ceiling 50 %']);
  assert.equal(texts('.headline .mark.chance'), ['chance 0.8 %', 'chance 4.2 %', 'chance 17 %', 'chance 17 %']);
  assert.equal(texts('.verdict'), ['✓All 4 goals met']);
});

test('a goal that was missed is said at the top and beside its number', () => {
  const [first, ...others] = sample.headlines;
  const { document: missed } = parseHTML(
    renderReport({ ...sample, headlines: [{ ...first, value: 0.899 }, ...others] }),
  );
  assert.match(missed.querySelector('.verdict.missed')?.textContent ?? '', '3 of 4 goals met');
  assert.match(missed.querySelector('.status')?.textContent ?? '', '✗ missed');
});

test('targets are met from their value on, ceilings up to theirs and the margin of sampling', () => {
  assert.is(isMet({ value: 0.9, goal: { kind: 'at least', value: 0.9 } }), true);
  assert.is(isMet({ value: 0.899, goal: { kind: 'at least', value: 0.9 } }), false);
  assert.is(isMet({ value: 0.5, goal: { kind: 'at most', value: 0.5 } }), true);
  assert.is(isMet({ value: 0.501, goal: { kind: 'at most', value: 0.5 } }), false);
  assert.is(isMet({ value: 0.55, goal: { kind: 'at most', value: 0.5, margin: 0.066 } }), true);
  assert.is(isMet({ value: Number.NaN, goal: { kind: 'at most', value: 0.5 } }), false);
});

test('every clip has its frames and three names, the right one marked', () => {
  const cards = [...document.querySelectorAll('.clip')];
  assert.is(cards.length, sample.clips.length);
  for (const [index, card] of cards.entries()) {
    const { label, top } = sample.clips[index];
    assert.is(card.querySelectorAll('.strip i').length, 8);
    const guesses = [...card.querySelectorAll('.guesses li')];
    assert.is(guesses.length, 3);
    for (const [rank, guess] of guesses.entries()) {
      assert.is(guess.classList.contains('right'), top[rank].label === label);
    }
  }
  assert.is(document.querySelectorAll('.guesses li.right').length, sample.clips.length);
});

test('the strip holds each frame at its place, bit for bit', () => {
  const rgb = Uint8Array.from({ length: 3 * 2 * 4 * 3 }, (_, i) => i);
  const { width, height, data } = decode(
    Buffer.from(stripUri({ width: 4, height: 2, count: 3, rgb }).split(',')[1], 'base64'),
  );
  assert.equal([width, height], [12, 2]);
  for (let frame = 0; frame < 3; frame++) {
    for (let y = 0; y < 2; y++) {
      for (let i = 0; i < 12; i++) assert.is(data[(y * 12 + frame * 4) * 3 + i], rgb[(frame * 2 + y) * 12 + i]);
    }
  }
});

test('a clip of one frame stands still', () => {
  const clip = { ...sample.clips[0], frames: { width: 2, height: 2, count: 1, rgb: new Uint8Array(12) } };
  const text = renderReport({ ...sample, clips: [clip] });
  assert.match(text, '--end:0%');
  assert.not.match(text, 'NaN');
});

test('curves, both confusion matrices and the environment are there', () => {
  const charts = [...document.querySelectorAll('svg')].map((svg) => svg.getAttribute('aria-label'));
  assert.equal(charts, [
    'Loss, Stage 1: a tiny CLIP on still pictures',
    'Learning rate, Stage 1: a tiny CLIP on still pictures',
    'Loss, Stage 2: expanded to video',
    'Learning rate, Stage 2: expanded to video',
    'Confusion matrix: Motions, with the number of clips',
    'Confusion matrix: All 144 names, ordered by group',
  ]);
  assert.equal(texts('.legend span'), ['CLIP', 'X-CLIP', 'CLIP-Mean']);
  assert.match(texts('dl').join(), 'Mesa 25.0.7');
  assert.match(texts('.times').join(), 'In all');
});

test('every pair that occurred is a cell with its count, in the order of the labels', () => {
  const counts = [[3, 1], [0, 4]];
  const { document: small } = parseHTML(
    renderReport({ ...sample, confusions: [{ title: 'own', confusion: { labels: ['up', 'down'], counts } }] }),
  );
  const titles = [...small.querySelectorAll('svg[aria-label="Confusion matrix: own"] title')].map((title) =>
    title.textContent
  );
  assert.equal(titles, ['up → up: 3 (75 % of up)', 'up → down: 1 (25 % of up)', 'down → down: 4 (100 % of down)']);
});

test('text that looks like HTML stays text', () => {
  const label = `<b onclick="x">a & b's</b>`;
  const hostile = renderReport({ ...sample, title: label, config: '</pre><script>1</script>',
    clips: [{ ...sample.clips[0], label, file: label }],
    confusions: [{ title: 'own', confusion: { labels: [label, 'b'], counts: [[1, 0], [0, 1]] } }] });
  assert.is(hostile.includes('<b onclick'), false);
  assert.is(hostile.includes('<script>'), false);
  assert.is(parseHTML(hostile).document.querySelector('h1')?.textContent, label);
});

test('values that are not finite leave a gap in a curve and do not break it', () => {
  const stages = [{ title: 's',
    curves: [{ system: 'a', loss: [[1, 2], [2, Number.NaN], [3, 1]] as [number, number][], lr: [] }] }];
  assert.not.match(renderReport({ ...sample, stages }), 'NaN');
});

test('result.json holds every number of the report under a stable name', () => {
  const result = JSON.parse(JSON.stringify(resultOf(sample)));
  assert.is(result.targetsMet, true);
  assert.is(result.results.xclip_seen_top1.value, 0.984);
  assert.is(result.results.xclip_shuffled_motion.met, true);
  assert.is(result.finalLoss.length, 3);
  assert.is(result.seconds, 655);
  assert.is(JSON.stringify(result).length < 5000, true, 'no pixels, no curves');
});

test('a run without goals has results, and neither a verdict nor targets', () => {
  const own = ownRun(3);
  const { document: page } = parseHTML(renderReport(own));
  assert.is(page.querySelectorAll('.verdict, .mark:not(.chance), .status b').length, 0);
  assert.is(page.querySelectorAll('.headline').length, 2);
  const result = JSON.parse(JSON.stringify(resultOf(own)));
  assert.is(result.targetsMet, undefined);
  assert.equal(Object.keys(result.results.top1), ['system', 'measure', 'value', 'clips', 'chance', 'meaning']);
});

test('validations are drawn over the loss, and by themselves with the best marked', () => {
  const { document: page } = parseHTML(renderReport(ownRun(3)));
  const best = Math.max(...(ownRun(3).stages[0].validations ?? []).map(({ top1 }) => top1));
  const chart = page.querySelector('svg[aria-label="Accuracy on data.val"]');
  assert.match(chart?.textContent ?? '', /best \d+\.\d/);
  assert.ok(best > 0.5);
  assert.equal([...page.querySelectorAll('.legend span')].map((each) => each.textContent), ['X-CLIP',
    'rate of new parts', 'on data.val, without label smoothing', 'top-1', 'top-5']);
});

test('few validations are dots on the loss, many are a line alone, and of none there is nothing', () => {
  const marks = (count: number) => {
    const validations = Array.from({ length: count }, (_, i) => ({ step: i + 1, top1: 0.5, top5: 0.9, loss: 2 }));
    const chart = lossChart({ title: 'x', curves: [], validations });
    return [chart.match(/<circle/g)?.length ?? 0, chart.includes(VALIDATION_COLOUR)];
  };
  assert.equal([0, 1, 2, 60, 61].map(marks), [[0, false], [1, true], [2, true], [60, true], [0, true]]);
});

test('the same data gives the same page', () => assert.is(renderReport(sample) === page, true));

test('a curve of one step is drawn, and one whose steps are all not finite is not', () => {
  const drawn = (loss: readonly (readonly [step: number, loss: number])[]) =>
    lossChart({ title: 'a stage', curves: [{ system: 'a system', loss, lr: [] }] }).match(/var\(--series-1\)/g)
      ?.length ?? 0;
  assert.equal([drawn([]), drawn([[1, Number.NaN]]), drawn([[1, 2]])], [0, 0, 2]);
});

test.run();
