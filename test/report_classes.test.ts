/** The part of a report about classes: counts, order, and a page that stays small however many classes there are. */
import { parseHTML } from 'linkedom';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { classRows, countClasses, meanPerClass, mostConfused, neighbourOrder,
  worstPairs } from '../train/report/classes.ts';
import { compactConfusionChart, confusionChart } from '../train/report/charts.ts';
import { renderReport } from '../train/report/report.ts';
import { SCRIPT } from '../train/report/script.ts';
import { manyClasses, ownRun } from './report_sample.ts';

/** [truth, guess, clips] each. */
const counted = (names: string, ...pairs: readonly (readonly [number, number, number])[]) =>
  countClasses([...names], pairs.flatMap(([truth, guess, clips]) =>
    Array.from({ length: clips }, () => ({ truth, guess }))
  ));

/** a is taken for c and d, c for a; nobody has b's clips, b's name is given; d is always right. */
const few = counted('abcd', [0, 0, 2], [0, 2, 5], [0, 3, 1], [2, 0, 1], [2, 2, 2], [2, 1, 1], [3, 3, 3]);

test('every class has its clips, those that are right, what the others were taken for, and what it was wrongly given', () => {
  const rows = classRows(few);
  assert.equal(rows.map(({ name, clips, right, given }) => [name, clips, right, given]), [['a', 8, 2, 1], ['b', 0, 0,
    1], ['c', 4, 2, 5], ['d', 3, 3, 1]]);
  assert.equal(rows[0].takenFor.map(({ guess, clips }) => [guess, clips]), [[2, 5], [3, 1]]);
  assert.is(meanPerClass(rows), (2 / 8 + 2 / 4 + 1) / 3, 'a class without clips does not count');
});

test('what a class was wrongly given is counted over all classes that it was given by', () => {
  const rows = classRows(counted('abc', [0, 2, 3], [1, 2, 2], [2, 2, 4], [1, 0, 1], [2, 0, 1]));
  assert.equal(rows.map(({ clips, right, given }) => [clips, right, given]), [[3, 0, 2], [3, 0, 0], [5, 4, 5]]);
});

test('a clip that cannot be decoded is one of its class that is wrong, and is listed with its reason', () => {
  const classes = countClasses(['a', 'b'], [{ truth: 0, guess: 0 }, { truth: 0, guess: undefined }, { truth: 1,
    guess: undefined }]);
  assert.equal(classRows(classes).map(({ clips, right, unreadable }) => [clips, right, unreadable]), [[2, 1, 1], [1, 0,
    1]]);
  const page = renderReport({ ...ownRun(3), classes, unreadable: [{ file: 'b/<i>.mp4', reason: 'it is cut off' }] });
  const { document } = parseHTML(page);
  assert.match(document.querySelector('main')?.textContent ?? '', /b\/<i>\.mp4\s*it is cut off/);
  assert.match(document.querySelector('.by-class tbody tr')?.textContent ?? '', 'cannot be decoded\u00a01');
});

test('the worst pairs have most clips, and of equal ones the larger share of their class', () => {
  const worst = worstPairs(few, classRows(few));
  assert.equal(worst.map(({ truth, guess }) => [truth, guess]), [[0, 2], [2, 0], [2, 1], [0, 3]]);
  assert.equal(mostConfused(worst, 4), [0, 1, 2, 3]);
  assert.equal(mostConfused(worst, 2), [0, 2], 'no half pair');
});

test('classes that are confused stand together; the others stay where they are', () => {
  const pairs = counted('abcdefg', [0, 4, 9], [4, 6, 3], [6, 0, 2], [2, 1, 1], [3, 3, 9]).pairs;
  assert.equal(neighbourOrder([0, 1, 2, 3, 4, 5, 6], pairs), [0, 4, 6, 1, 2, 3, 5]);
  assert.equal(neighbourOrder([3, 5], pairs), [3, 5], 'of others, pairs do not count');
  const ordered = (...told: readonly (readonly [truth: number, guess: number, clips: number])[]) =>
    neighbourOrder([0, 1, 2, 3], told.map(([truth, guess, clips]) => ({ truth, guess, clips })));
  assert.equal(ordered([0, 1, 1], [1, 3, 8], [1, 2, 9]), [0, 2, 1, 3], 'the largest first');
  assert.equal(ordered([3, 1, 5], [2, 1, 5], [1, 0, 5]), [0, 1, 2, 3], 'of equal ones those of the first class');
  assert.equal(ordered([2, 3, 5], [1, 3, 5], [0, 3, 5]), [0, 3, 1, 2], 'and of these by the other class');
  const { names, pairs: many } = manyClasses(400);
  const order = neighbourOrder(names.map((_, id) => id), many);
  assert.equal([...order].sort((a, b) => a - b), names.map((_, id) => id), 'each class once');
});

for (const [count, most] of [[3, { bytes: 350_000, nodes: 1200 }], [400, { bytes: 600_000, nodes: 6000 }], [17_000, {
  bytes: 2_000_000,
  nodes: 21_000,
}]] as const) {
  test(`the page of ${count} classes stays small: some nodes for each row of a table, a handful for the matrix`, () => {
    const page = renderReport(ownRun(count));
    assert.ok(page.length < most.bytes, `${page.length} bytes`);
    const { document } = parseHTML(page);
    const nodes = document.querySelectorAll('*').length;
    assert.ok(nodes < most.nodes, `${nodes} nodes`);
    assert.is(document.querySelectorAll('.by-class tbody tr').length, Math.min(count, 2000));
    assert.is(document.querySelectorAll('.search input').length, 1);
    const matrix = document.querySelectorAll('.matrix path').length;
    assert.ok(count < 16 ? matrix === 0 : matrix > 1 && matrix <= 8, `${matrix} paths`);
  });
}

test('every class and every mistake that is shown has its numbers', () => {
  const { document } = parseHTML(renderReport({ ...ownRun(3), classes: few }));
  const cells = (selector: string) =>
    [...document.querySelectorAll(selector)].map((row) =>
      [...row.querySelectorAll('td')].map((cell) => (cell.textContent ?? '').replaceAll('\u00a0', ' '))
    );
  assert.equal(cells('.pairs tbody tr'), [['a', 'c', '5', '63 %', '1'], ['c', 'a', '1', '25 %', '5'], ['c', 'b', '1',
    '25 %', '0'], ['a', 'd', '1', '13 %', '0']]);
  assert.equal(cells('.by-class tbody tr'), [['a', '8', '25 %', 'c 5, d 1', '1'], ['c', '4', '50 %', 'a 1, b 1', '5'], [
    'd',
    '3',
    '100 %',
    '',
    '1',
  ], ['b', '0', '–', '', '1']]);
  const titles = [...document.querySelectorAll('svg[aria-label^="All classes"] title')].map((title) =>
    title.textContent
  );
  assert.equal(titles.slice(0, 2), ['a → a: 2 (25 % of a)', 'a → c: 5 (63 % of a)']);
});

test('names are text wherever they stand, and the script is the same for every run', () => {
  const hostile = `</script><img src=x onerror="alert(1)">`;
  const names = [hostile, ...few.names.slice(1)];
  for (const classes of [{ ...few, names }, { ...manyClasses(40),
    names: manyClasses(40).names.map((name, i) => i % 2 === 0 ? `${hostile} ${i}` : name) }]) {
    const { document } = parseHTML(renderReport({ ...ownRun(3), classes }));
    assert.is(document.querySelectorAll('img, [onerror]').length, 0);
    assert.equal([...document.querySelectorAll('script')].map((script) => script.textContent), [SCRIPT]);
    assert.ok(
      [...document.querySelectorAll('.by-class td:first-child')].some((cell) =>
        (cell.textContent ?? '').startsWith(hostile)
      ),
    );
  }
});

test('cells of both confusion matrices are as high as they are wide, however long the names are', () => {
  for (const name of ['a', 'a name of many letters, more than there is room for']) {
    const labels = ['x', 'y', 'z'].map((own) => own + name);
    const counts = [[3, 1, 0], [0, 4, 0], [0, 0, 4]];
    const charts = [confusionChart('t', { labels, counts }),
      compactConfusionChart('t', { labels, counts, groups: labels })];
    for (const chart of charts) {
      const [, height, width] = /<rect[^>]* height="([\d.]+)"[^>]* width="([\d.]+)"/.exec(chart) ?? [];
      assert.ok(Number(width) > 50);
      assert.is(Number(width), Number(height), name);
    }
  }
});

test.run();
