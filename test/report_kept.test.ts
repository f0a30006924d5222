/** A report, tag by tag as it was last looked at, and the bounds at which one shows less, or other things. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseHTML } from 'linkedom';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { accuracyHeadlines } from '../train/report/accuracy.ts';
import { confusionChart, lossChart, seriesColour, validationChart } from '../train/report/charts.ts';
import { accuracyChart, matrixPicture } from '../train/report/class_charts.ts';
import { classSection } from '../train/report/class_section.ts';
import { classNumbers, classRows, countClasses, meanPerClass, neighbourOrder,
  worstPairs } from '../train/report/classes.ts';
import { type Headline, type ReportData, resultOf } from '../train/report/data.ts';
import { html } from '../train/report/html.ts';
import { renderReport } from '../train/report/report.ts';
import { scrolling } from '../train/report/scroll.ts';
import { writeReport } from '../train/report/write.ts';

const KEPT = new URL('./fixtures/report/page.html', import.meta.url);

/** [truth, guess, clips] each. */
const counted = (names: readonly string[], ...pairs: readonly (readonly [number, number, number])[]) =>
  countClasses(names,
    pairs.flatMap(([truth, guess, clips]) => Array.from({ length: clips }, () => ({ truth, guess }))));

/** Frames of one colour each. */
const film = (count: number) => ({ width: 2, height: 1, count,
  rgb: Uint8Array.from({ length: 6 * count }, (_, i) => 40 * Math.floor(i / 6) + (i % 3)) });
const wave = (count: number) =>
  Array.from({ length: count }, (_, i): [number, number] => [i + 1, 3 / (1 + i / 50) + (((i * 7) % 5) - 2) / 10]);
const headline = (own: Partial<Headline>): Headline => ({ key: 'k', system: 'X-CLIP', measure: 'top-1', value: 0.5,
  clips: 1234, chance: 0.25, meaning: 'So it is.', ...own });

const data: ReportData = {
  title: 'X-CLIP on <things>',
  summary: 'It was trained & measured.',
  finishedAt: '2026-11-02T14:05:09.000Z',
  seed: 7,
  headlines: [
    headline({ key: 'a', value: 0.984, goal: { kind: 'at least', value: 0.9 }, chance: 0.0996 }),
    headline({ key: 'b', value: 0.512, goal: { kind: 'at most', value: 0.45, margin: 0.066 }, chance: 0.1 }),
    headline({ key: 'c', value: 0.7, goal: { kind: 'at most', value: 0.6 }, chance: 0.6 }),
    headline({ key: 'd', value: 0.25, deviation: 0.0123, clips: 9 }),
  ],
  parts: [{ name: 'split 1', classes: 51, clips: 1530, leftOut: 2000, unreadable: 1, top1: 0.4567, top5: 0.8 }],
  tables: [{ title: 'All Splits', hint: 'Of each.', columns: ['name', 'clips'], rows: [['one', '12'], ['two', '7']] }],
  stages: [
    { title: 'Stage 1', curves: [
      { system: 'CLIP', loss: [[0, 2], [10, 1], [20, Number.NaN], [30, 0.5]], lr: [[0, 1e-4], [30, 2e-4]] },
      { system: 'X-CLIP', loss: wave(481), lr: [], newPartsLr: [[0, 1e-3], [30, 0]] },
    ] },
    { title: 'Stage 2', curves: [{ system: 'X-CLIP', loss: [[1, 2], [400, 1]], lr: [[1, 1e-5], [400, 0]] }],
      validations: [{ step: 100, top1: 0.25, top5: 0.5, loss: 2 }, { step: 200, top1: 0.75, top5: 0.875, loss: null }, {
        step: 400,
        top1: 0.5,
        top5: 1,
        loss: 1.5,
      }] },
  ],
  confusions: [
    { title: 'Few', confusion: { labels: ['up', 'down', 'left'], counts: [[3, 1, 0], [2, 2, 0], [0, 0, 5]] } },
    { title: 'Long',
      confusion: { labels: ['a name of some length that goes on', 'b'], counts: [[9, 0], [1, 7]], totals: [10, 16] } },
    { title: 'Groups',
      confusion: { labels: ['a', 'b', 'c', 'd'], groups: ['first', 'first', 'a group of many letters', 'third'],
        counts: [[1, 0, 0, 1], [0, 2, 0, 0], [0, 0, 4, 0], [0, 1, 0, 2]] } },
  ],
  classes: counted(['sit', 'stand', 'walk', 'run'], [0, 0, 3], [0, 1, 1], [1, 1, 4], [2, 3, 2], [2, 2, 1]),
  clips: [
    { file: 'a/1.mp4', label: 'sit', unseen: true,
      top: [{ label: 'sit', probability: 0.9 }, { label: 'stand', probability: 0.06 }, { label: 'run',
        probability: 0.03 }, { label: 'walk', probability: 0.01 }], frames: film(3) },
    { file: 'a/2.mp4', label: 'walk', unseen: false, top: [{ label: 'run', probability: 0.5 }], frames: film(1) },
  ],
  unreadable: [{ file: 'b/3.mp4', reason: 'is cut off' }],
  environment: { adapter: 'llvmpipe', driver: 'Mesa 25', backend: 'Vulkan', isSoftware: true,
    machine: 'Debian, 2 cores', candidates: {}, versions: { Node: '20' } },
  timings: [{ name: 'Data set', seconds: 38 }, { name: 'Training', seconds: 3700 }, { name: 'Test', seconds: 0.5 }],
  config: 'model:\n  preset: tiny\n',
};

/** A tag a line, without style, script and the policy, which holds their hashes. */
const lines = (page: string) =>
  page.replace(/<style>.*?<\/style>|<script>.*?<\/script>|<meta http-equiv.*?>/gs, '').replaceAll('><', '>\n<').split(
    '\n',
  );

test('a report is what it was when somebody last looked at it: FIRSTLIGHT_KEEP=1 keeps another one', () => {
  const page = lines(renderReport(data));
  if (process.env.FIRSTLIGHT_KEEP === '1') writeFileSync(KEPT, page.join('\n'));
  assert.equal(page, readFileSync(KEPT, 'utf8').split('\n'));
});

const page = (own: Partial<ReportData>) =>
  parseHTML(renderReport({ ...data, stages: [], confusions: [], ...own })).document;

test('what is missing leaves no trace: no section, no verdict, no hint', () => {
  const bare = page({ headlines: [headline({})], parts: undefined, tables: undefined, clips: [], unreadable: undefined,
    classes: undefined });
  assert.equal([...bare.querySelectorAll('h2')].map((each) => each.textContent), ['Results', 'How it was made']);
  assert.is(bare.querySelectorAll('.verdict, script').length, 0);
  assert.is(bare.querySelector('.hint')?.textContent,
    'Each bar runs from 0 to 100 %. The dotted mark is what guessing would reach.');
  const hard = { ...data.environment, isSoftware: false };
  assert.match(page({ environment: hard }).querySelector('dl')?.textContent ?? '', /^Adapterllvmpipe *Driver/);
  assert.equal(
    [...page({ headlines: [headline({ goal: { kind: 'at least', value: 0.5 } })] }).querySelectorAll('.verdict')]
      .map((each) => each.textContent),
    ['✓All 1 goals met'],
  );
});

test('bars and marks stay on their scale, and text turns to the left from 60 % on', () => {
  const cards = (value: number, share: number) => {
    const card = page({ headlines: [headline({ value, goal: { kind: 'at least', value: share } })] });
    return [card.querySelector('.fill')?.getAttribute('style'), card.querySelector('.mark')?.getAttribute('style'),
      card.querySelector('.mark')?.classList.contains('to-right')];
  };
  assert.equal(cards(-0.1, 0.599), ['width:0.00%', 'left:59.90%', true]);
  assert.equal(cards(1.2, 0.6), ['width:100.00%', 'left:60.00%', false]);
  assert.equal(cards(0, 0), ['width:0.00%', 'left:0.00%', true]);
  assert.equal(cards(1, 1), ['width:100.00%', 'left:100.00%', false]);
});

test('two hundred files that cannot be decoded are listed, and the others counted', () => {
  const listed = (count: number) => {
    const own = page({
      unreadable: Array.from({ length: count }, (_, i) => ({ file: `${i}.mp4`, reason: 'is cut off' })),
    });
    const section = [...own.querySelectorAll('section')].find((each) =>
      each.querySelector('h2')?.textContent === 'Clips that cannot be decoded'
    );
    return [section?.querySelectorAll('tbody tr').length, section?.querySelectorAll('.list .hint')[0]?.textContent];
  };
  assert.equal(listed(200), [200, undefined]);
  assert.equal(listed(201), [200, '1 more.']);
  assert.equal(listed(1201), [200, '1,001 more.']);
});

test('result.json has whether goals were met where there are any, the last loss, and all seconds', () => {
  const own = resultOf(data);
  assert.is(own.targetsMet, false);
  assert.equal(Object.values(own.results).map((each) => (each as { met?: boolean }).met), [true, true, false,
    undefined]);
  assert.equal(own.finalLoss, [{ stage: 'Stage 1', system: 'CLIP', step: 30, loss: 0.5 }, { stage: 'Stage 1',
    system: 'X-CLIP', step: 481, loss: wave(481)[480][1] }, { stage: 'Stage 2', system: 'X-CLIP', step: 400,
    loss: 1 }]);
  assert.is(own.seconds, 3738.5);
  const empty = { ...data, stages: [{ title: 's', curves: [{ system: 'a', loss: [], lr: [] }] }] };
  assert.equal(resultOf(empty).finalLoss, [{ stage: 's', system: 'a', step: null, loss: null }]);
});

test('headlines of accuracy have what guessing reaches: of fewer than five names all', () => {
  const shares = { top1: 0.25, top5: 0.5, meanPerClass: 0.125 };
  const of = (classes: number, deviation?: typeof shares) =>
    accuracyHeadlines({ system: 's', classes, clips: 9, ...shares, deviation });
  assert.equal(
    of(1000).map((
      { key, value, chance, clips, measure, deviation },
    ) => [key, value, chance, clips, measure, deviation]),
    [['top1', 0.25, 0.001, 9, 'top-1 of 1,000 names', undefined], ['top5', 0.5, 0.005, 9, 'top-5 of 1,000 names',
      undefined], ['mean_per_class', 0.125, 0.001, 9, 'mean over classes', undefined]],
  );
  assert.equal([4, 5, 6].map((classes) => of(classes)[1].chance), [1, 1, 5 / 6]);
  const off = { top1: 0.01, top5: 0.02, meanPerClass: 0.03 };
  assert.equal(of(10, off).map(({ deviation }) => deviation), [0.01, 0.02, 0.03]);
});

test('of up to 240 points each is drawn, of more the means of equal runs', () => {
  const drawn = (count: number) => {
    const loss = Array.from({ length: count }, (_, i): [number, number] => [i, i % 2]);
    const chart = lossChart({ title: 't', curves: [{ system: 'a', loss, lr: [] }] });
    return [...chart.matchAll(/<path[^>]* d="(M[^"]*)"/g)].map(([, path]) => path.split(/[ML]/).length - 1)
      .filter((points) => points > 50);
  };
  assert.equal([240, 241, 480, 481].map(drawn), [[240, 240], [121, 121], [240, 240], [161, 161]]);
  assert.equal([0, 1, 2, 3].map(seriesColour), ['var(--series-1)', 'var(--series-2)', 'var(--series-3)',
    'var(--series-1)']);
});

test('the best validation has its number beside it, and to the left of it where the chart ends', () => {
  const chart = (best: number) =>
    validationChart(
      Array.from({ length: 20 }, (_, i) => ({ step: i + 1, top1: i + 1 === best ? 0.5 : 0.25, top5: 0.75, loss: 1 })),
    );
  const isBefore = (best: number) => /<g[^>]* text-anchor="end"[^>]*><text[^>]*>best 50\.0</.test(chart(best));
  assert.match(chart(17), '>best 50.0<');
  assert.equal([17, 18].map(isBefore), [false, true]);
  assert.not.match(validationChart([]), 'best');
});

test('labels of up to 9 letters stand at both sides of a matrix, longer ones by their number, cut at 26 letters', () => {
  const texts = (label: string) => {
    const chart = confusionChart('t', { labels: [label, 'b'], counts: [[1, 1], [0, 2]] });
    return [...parseHTML(chart).document.querySelectorAll('text')].map((each) => each.textContent);
  };
  const name = (letters: number) => 'abcdefghijklmnopqrstuvwxyz0'.slice(0, letters);
  assert.equal(texts(name(9)).filter((each) => each === name(9)).length, 2);
  assert.equal(texts(name(10)).filter((each) => each === name(10)).length, 0);
  for (const each of [`${name(10)}  1`, 'b  2']) assert.ok(texts(name(10)).includes(each), each);
  assert.ok(texts(name(26)).includes(`${name(26)}  1`));
  assert.ok(texts(name(27)).includes(`${name(25)}…  1`));
});

const many = (count: number) => Array.from({ length: count }, (_, i) => `class ${i}`);

test('accuracy of up to 400 classes has a step for each, of more as many as can be seen', () => {
  const steps = (count: number) => {
    const chart = accuracyChart(classRows(counted(many(count), ...many(count).map((_, i) => [i, i, 1] as const))));
    return [...chart.matchAll(/ d="(M[^"]*)"/g)].map(([, path]) => (path.split('L').length - 1) / 2).at(-1);
  };
  assert.equal([2, 400, 401, 801].map(steps), [2, 400, 201, 267]);
  assert.match(accuracyChart(classRows(counted(['a', 'b'], [0, 0, 1]))), 'Accuracy of 1 classes');
  const nine = accuracyChart(classRows(counted(many(9), ...many(9).map((_, i) => [i, i, 1] as const))));
  assert.equal([...nine.matchAll(/>(\d+)</g)].map(([, tick]) => tick).filter((tick) => Number(tick) < 10), ['0', '0',
    '2', '4', '6', '8'], 'some six marks, as few as say it');
});

test('a large matrix has a dot for each pair, whose strength is its share of the class', () => {
  const names = many(3);
  const counts = counted(names, [0, 0, 25], [0, 1, 24], [0, 2, 51], [1, 0, 10], [1, 1, 81], [1, 2, 9], [2, 0, 4], [2, 1,
    3], [2, 2, 93]);
  const picture = matrixPicture([2, 0, 1], counts.pairs, classRows(counts));
  const [a, b, c] = [80, 240, 400];
  const dots = (...places: readonly (readonly [number, number])[]) => places.map(([x, y]) => `M${x} ${y}h0`).join('');
  assert.equal(
    [...picture.matchAll(/<path stroke="var\(--(\w+)\)" stroke-opacity="([\d.]+)" d="(.*?)"/g)].map(([, ...own]) =>
      own
    ),
    [['right', '0.95', dots([b, b], [c, c], [a, a])], ['wrong', '0.14', dots([c, a])], ['wrong', '0.32',
      dots([a, c], [b, a])], ['wrong', '0.6', dots([c, b], [b, c])], ['wrong', '0.95', dots([a, b])]],
  );
  assert.match(picture, 'stroke-width="128.00"');
  assert.match(picture,
    /^<svg role="img" viewBox="-4 -4 488 488" aria-label="Confusion matrix over 3 classes"><rect x="-3" y="-3" width="486" height="486" /);
  const part = matrixPicture([0, 1], counts.pairs, classRows(counts));
  assert.is(part.split('h0').length - 1, 4, 'of two classes');
  const wide = counted(many(600), [0, 0, 1], [599, 599, 1]);
  assert.match(matrixPicture(many(600).map((_, i) => i), wide.pairs, classRows(wide)),
    /stroke-width="3\.50"><path [^>]* d="M0\.4 0\.4h0M479\.6 479\.6h0"/);
});

test('one matrix shows up to 16 classes; of more there are a picture of all, up to 600, and the 16 most confused by name', () => {
  const matrices = (count: number) => {
    const pairs = many(count).flatMap((_, i) => [[i, i, 3], [i, (i + 1) % count, 1]] as const);
    const { text } = classSection(counted(many(count), ...pairs));
    return [...text.matchAll(/<figcaption>(.*?)(?:\.|, with|, ordered)/g)].map(([, caption]) => caption).slice(1);
  };
  assert.equal(matrices(16), ['All classes']);
  assert.equal(matrices(17), ['All 17 classes', 'The 16 most confused classes']);
  assert.equal(matrices(600), ['All 600 classes', 'The 16 most confused classes']);
  assert.equal(matrices(1001), ['The 600 most confused of 1,001 classes', 'The 16 most confused classes']);
  const right = classSection(counted(many(17), ...many(17).map((_, i) => [i, i, 1] as const))).text;
  assert.is(right.split('<figcaption>').length - 1, 2, 'nothing is confused');
  assert.match(right, '<td colspan="5">No clip was taken for another class.</td>');
});

test('two thousand classes and two hundred pairs are listed, and the others counted', () => {
  const section = (classes: number, confused: number) =>
    classSection(counted(many(classes), ...many(confused).map((_, i) => [i, i + 1, i < 200 ? 2 : 1] as const))).text;
  const [some, more] = [section(2000, 200), section(2001, 201)];
  assert.equal([some, more].map((text) => text.split('<tr data-id').length - 1), [2000, 2000]);
  assert.not.match(some, /Pairs beyond these|with the least right/);
  assert.match(more, 'Pairs beyond these: 1, of 1 clips at most.');
  assert.match(more, 'The 2,000 with the least right; all stand in the file of numbers beside this page.');
  assert.match(some,
    'Every clip is right in 0 of 200 classes, none in 200; the mean over classes is 0.0\u00a0%. Classes without clips: 1,800.');
});

test('classes are listed from the worst on; of equal ones those with more clips, and then as they are named', () => {
  const { text } = classSection(
    counted(many(7), [0, 0, 1], [1, 1, 2], [2, 0, 1], [2, 2, 1], [3, 1, 2], [3, 3, 2], [5, 5, 2], [6, 6, 1], [6, 0, 3],
      [6, 1, 2], [6, 2, 1], [6, 3, 1]),
  );
  assert.equal(
    [...text.matchAll(/data-id="(\d)" data-share="([-\d.]+)" data-clips="(\d+)"/g)].map(([, ...own]) => own.join(' ')),
    ['6 0.125 8', '3 0.5 4', '2 0.5 2', '1 1 2', '5 1 2', '0 1 1', '4 -1 0'],
  );
  assert.match(text, /<bdi>class 0<\/bdi>\u00a03, <bdi>class 1<\/bdi>\u00a02, <bdi>class 2<\/bdi>\u00a01<\/td>/);
});

test('mistakes stand in the order of their clips, shares and classes, however they come', () => {
  const pair = (truth: number, guess: number, clips: number) => ({ truth, guess, clips });
  // classes of 8 clips, and one of 4
  const pairs = [pair(2, 0, 2), pair(1, 3, 2), pair(1, 0, 2), pair(0, 3, 2), pair(0, 1, 2), pair(3, 3, 6),
    pair(3, 0, 2), pair(2, 2, 2), pair(1, 1, 4), pair(0, 0, 1), pair(0, 2, 3)];
  const counts = { names: ['a', 'b', 'c', 'd'], pairs, unreadable: new Map() };
  assert.equal(worstPairs(counts, classRows(counts)).map(({ truth, guess }) => `${truth}${guess}`), ['02', '20', '01',
    '03', '10', '13', '30']);
});

test('neighbours are joined from the largest mistakes both ways, at the ends of their chains', () => {
  const of = (ids: readonly number[], ...pairs: readonly (readonly [number, number, number])[]) =>
    neighbourOrder(ids, pairs.map(([truth, guess, clips]) => ({ truth, guess, clips })));
  const ids = [0, 1, 2, 3, 4, 5];
  // 0 and 2, then 1 and 3, have four; 2 and 3 three, which joins both; 0 and 1 would close a ring; 3 has no end left
  assert.equal(
    of(ids, [3, 4, 1], [5, 1, 1], [0, 1, 1], [1, 0, 1], [3, 2, 3], [1, 3, 4], [2, 0, 3], [0, 2, 1], [4, 4, 9]),
    [0, 2, 3, 1, 5, 4],
  );
  assert.equal(of([0, 1, 3, 5], [5, 0, 2], [3, 5, 1]), [0, 5, 3, 1], 'from its lesser end on');
  assert.equal(of(ids, [4, 5, 1], [2, 3, 1], [0, 1, 1], [3, 4, 1]), [0, 1, 2, 3, 4, 5]);
  assert.equal(of(ids, [1, 4, 2], [4, 2, 1], [2, 3, 1]), [0, 1, 4, 2, 3, 5]);
  assert.equal(of(ids, [0, 3, 2], [1, 3, 1], [0, 2, 1]), [1, 3, 0, 2, 4, 5]);
  assert.equal(of([4, 2], [0, 4, 3], [4, 0, 3]), [2, 4], 'pairs of others do not count');
});

test('of many classes the cells of the matrix are those of its own, and two that are confused are shown by name', () => {
  const pairs = many(700).map((_, i) => [i, (i + 1) % 700, i < 650 ? 2 : 1] as const);
  const { text } = classSection(counted(many(700), ...pairs));
  const order = (/data-order="([^"]*)"/.exec(text)?.[1] ?? '').split(' ').map(Number);
  const cells = (/data-cells="([^"]*)"/.exec(text)?.[1] ?? '').split(' ').map((cell) => cell.split(',').map(Number));
  assert.is(order.length, 600);
  const places = new Set(order);
  assert.equal(cells.length, pairs.filter(([truth, guess]) => places.has(truth) && places.has(guess)).length);
  for (const [row, column, clips] of cells) {
    assert.equal([order[column], clips], [(order[row] + 1) % 700, order[row] < 650 ? 2 : 1]);
  }
  const one = counted(many(17), [3, 5, 1], ...many(17).map((_, i) => [i, i, 1] as const));
  assert.match(classSection(one).text, 'The 2 most confused classes, with the number of clips');
  const unreadable = countClasses(['a', 'b'], [{ truth: 0, guess: undefined }, { truth: 1, guess: 1 }]);
  assert.match(classSection(unreadable).text, '<td>cannot be decoded\u00a01</td>');
});

test('a run without a goal has met all of them; a report and its numbers are left in a folder', async () => {
  const met = [headline({ goal: { kind: 'at least', value: 0.5 } }), headline({ key: 'other' })];
  assert.is(resultOf({ ...data, headlines: met }).targetsMet, true);
  const folder = mkdtempSync(join(tmpdir(), 'firstlight-report-'));
  try {
    const path = await writeReport(folder, data, { more: 1 });
    assert.is(path, join(folder, 'report.html'));
    assert.is(readFileSync(path, 'utf8'), renderReport(data));
    const numbers = readFileSync(join(folder, 'result.json'), 'utf8');
    assert.is(numbers, `${JSON.stringify({ ...resultOf(data), more: 1 }, null, 2)}\n`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('numbers of classes: each with its share, the matrix without its zeros, and a thousand of the worst pairs', () => {
  const own = classNumbers(counted(['a', 'b', 'c'], [0, 0, 1], [0, 1, 3], [1, 0, 1]));
  assert.equal(own, {
    classes: [{ name: 'a', clips: 4, right: 1, top1: 0.25, wronglyGiven: 1 }, { name: 'b', clips: 1, right: 0, top1: 0,
      wronglyGiven: 3 }, { name: 'c', clips: 0, right: 0, top1: null, wronglyGiven: 0 }],
    confusion: [[0, 0, 1], [0, 1, 3], [1, 0, 1]],
    confused: [{ label: 'a', takenFor: 'b', clips: 3 }, { label: 'b', takenFor: 'a', clips: 1 }],
  });
  const pairs = many(1001).map((_, i) => [i, i + 1, 1] as const);
  assert.is(classNumbers(counted(many(1002), ...pairs)).confused.length, 1000);
  assert.is(meanPerClass(classRows(counted(['a', 'b'], [0, 0, 1], [0, 1, 1], [1, 1, 4]))), 0.75);
});

test('what scrolls has a name, and is tall where it is long', () => {
  assert.is(scrolling('all <x>', html`<b>1</b>`).text,
    '<div class="scroll" tabindex="0" role="region" aria-label="all &lt;x&gt;"><b>1</b></div>');
  assert.match(scrolling('a', html``, { isTall: true }).text, '<div class="scroll tall" ');
});

test.run();
