/** Files of published data sets that are given in the wrong place, and the commands that convert them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { DatasetError, type LineProblem } from '../engine/errors.ts';
import { foreign } from '../train/data/sets/formats.ts';
import { readLabels, readList } from '../train/data/sets/lists.ts';
import { readClassInd, scanUcf101 } from '../train/data/sets/ucf101.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'firstlight-formats-')));
const at = (name: string) => join(root, name);
const hasShell = spawnSync('sh', ['-c', 'awk 1 /dev/null && sed -E p /dev/null']).status === 0;

function put(name: string, text: string): string {
  mkdirSync(dirname(at(name)), { recursive: true });
  writeFileSync(at(name), text);
  return at(name);
}

function only(run: () => unknown): string {
  const [{ line, problem }, ...others] = assert.throwsWith(run, DatasetError).context.problems as LineProblem[];
  assert.equal(others, []);
  if (/^(is|seems|counts|no clip) /.test(problem)) assert.is(line, 0, 'it is said of the whole file');
  return problem;
}

const UCF = ['Apply Eye Makeup', 'Apply Lipstick', 'Archery', 'Yo Yo'];
const ucf = (label: number, group: number) => {
  const name = UCF[label].replaceAll(' ', '');
  return `${name}/v_${name}_g${String(group).padStart(2, '0')}_c01.avi`;
};
const HMDB = ['brush hair', 'cartwheel', 'catch', 'chew', 'clap'];
const hmdb = (label: number, take: number) => `April_09_${HMDB[label].replace(' ', '_')}_u_nm_np1_ba_goo_${take}.avi`;

const asList = (file: string, names: readonly string[], options: { firstLabel?: 0 | 1 } = {}) =>
  readList(file, { root, names, ...options });

for (let label = 0; label < UCF.length; label++) for (const group of [1, 8]) put(ucf(label, group), '');
const classInd = put('classInd.txt', UCF.map((name, i) => `${i + 1} ${name.replaceAll(' ', '')}\r\n`).join(''));
const trainlist = put('trainlist01.txt', UCF.map((_, i) => `${ucf(i, 8)} ${i + 1}\r\n`).join(''));
const testlist = put('testlist01.txt', UCF.map((_, i) => `${ucf(i, 1)}\r\n`).join(''));

test("UCF-101's lists and classInd.txt are called by name where they are wrong, with the format that reads them", () => {
  assert.is(only(() => asList(trainlist, UCF)),
    'is UCF-101\'s list of training clips, whose labels count from 1; expected a list with a line "path label" for each '
      + 'clip; set data.format: ucf101');
  assert.match(only(() => asList(testlist, UCF)),
    /^is UCF-101's list of test clips, which has no labels; .*; set data\.format: ucf101$/);
  assert.match(only(() => asList(classInd, UCF)),
    /^is class names counted from 1.*; set data\.format: ucf101, and give it as data\.labels$/);
  assert.match(only(() => readLabels(classInd)), /^is class names counted from 1.*; set data\.format: ucf101$/);
  assert.match(only(() => readLabels(trainlist)), /and give it as data\.train or data\.val$/);
});

test('what these sentences advise is read, with the right classes', () => {
  assert.equal(readClassInd(classInd), UCF.map((name) => name.replaceAll(' ', '')));
  for (const [list, group] of [[trainlist, 8], [testlist, 1]] as const) {
    const { entries, problems } = scanUcf101(list, { root, names: UCF });
    assert.equal(problems, []);
    assert.equal(entries.map(({ path, label }) => ({ path, label })),
      UCF.map((_, label) => ({ path: at(ucf(label, group)), label })));
  }
});

/** The text of labels.csv or of a list that the command in a problem makes. */
function converted(problem: string, result: string): string {
  const command = /convert it: (.* > (\S+))(?:; |$)/.exec(problem);
  assert.is(command?.[2], result, problem);
  execFileSync('sh', ['-c', command?.[1] ?? 'false'], { cwd: root });
  return readFileSync(at(result), 'utf8');
}

const shell = testIf(hasShell, 'a shell with awk and sed');

test('labels from 1 without the last class are never trained shifted', () => {
  const short = put('short.txt', [0, 1, 2].map((i) => `${ucf(i, 8)} ${i + 1}\n`).join(''));
  assert.match(only(() => asList(short, UCF)),
    /counts classes from 1, labels\.csv from 0: line 1 gives label 1 to "ApplyEyeMakeup\/.*", and class 0 is "Apply Eye Makeup"; set data\.firstLabel: 1, or convert it: awk/);
  assert.equal(asList(short, UCF, { firstLabel: 1 }).entries.map(({ label }) => label), [0, 1, 2]);
  // without folders that tell
  for (const name of ['a.mp4', 'b.mp4', 'c.mp4']) put(name, '');
  const plain = put('plain.txt', 'a.mp4 1\nb.mp4 2\nc.mp4 3\n');
  assert.match(only(() => asList(plain, UCF)),
    /^no clip has label 0, of "Apply Eye Makeup": do its labels count from 1\? Then set data\.firstLabel: 1, or .*; if they count from 0, set data\.firstLabel: 0$/);
  const many = Array.from({ length: 20 }, (_, i) => `class ${i}`);
  const some = put('some.txt', 'a.mp4 1\nb.mp4 2\n');
  assert.match(asList(some, many).warnings.map(({ problem }) => problem).join(), 'no clip has label 0');
  assert.equal(asList(some, many).entries.map(({ label }) => label), [1, 2], 'few of many classes: by chance, perhaps');
  assert.equal(asList(plain, UCF, { firstLabel: 0 }).entries.map(({ label }) => label), [1, 2, 3]);
  assert.equal(asList(plain, UCF, { firstLabel: 1 }).entries.map(({ label }) => label), [0, 1, 2]);
  assert.match(only(() => asList(put('zero.txt', 'a.mp4 0\nb.mp4 4\n'), UCF, { firstLabel: 1 })),
    /^label 0 is none of the 4 classes, 1 to 4$/);
});

test('few clips of many classes are read with a warning, and with folders that tell without one', () => {
  const few = put('few.txt', `b.mp4 2\n`);
  const { entries: [{ label }], warnings: [warning] } = asList(few, UCF);
  assert.is(label, 2);
  assert.match(warning.problem, /^no clip has label 0/);
  const right = put('right.txt', [1, 2, 3].map((i) => `${ucf(i, 8)} ${i}\n`).join(''));
  assert.equal(asList(right, UCF).warnings, [], 'class 0 is missing, and the folders say that the others are right');
});

test('a label that contradicts the folder of the clip is told', () => {
  const mixed = put('mixed.txt', `${ucf(0, 8)} 0\n${ucf(1, 8)} 3\n${ucf(2, 8)} 2\n`);
  const { entries, warnings } = asList(mixed, UCF);
  assert.is(entries.length, 3);
  assert.equal(warnings.map(({ line, problem }) => `${line}: ${problem}`), [
    `2: "${ucf(1, 8)}" lies in a folder named as class 1, "Apply Lipstick", and has the label of "Yo Yo"`,
  ]);
  const twice = put('twice.txt', `${ucf(0, 8)} 0\n${ucf(1, 8)} 3\n${ucf(1, 1)} 3\n${ucf(2, 8)} 2\n`);
  assert.equal(asList(twice, UCF).warnings.map(({ problem }) => problem), [
    `"${
      ucf(1, 8)
    }" lies in a folder named as class 1, "Apply Lipstick", and has the label of "Yo Yo"; so it is in 2 lines`,
  ]);
});

test('the codes of a split of HMDB-51 are no classes', () => {
  const split = (label: number) => [0, 1, 2].map((code) => `${hmdb(label, code)} ${code} \n`).join('');
  for (let label = 0; label < HMDB.length; label++) {
    for (const take of [0, 1, 2]) {
      put(`${HMDB[label].replace(' ', '_')}/${hmdb(label, take)}`, '');
      put(hmdb(label, take), '');
    }
  }
  HMDB.forEach((name, label) => put(`${name.replace(' ', '_')}_test_split1.txt`, split(label)));
  const joined = put('all.txt', HMDB.map((_, label) => split(label)).join(''));
  assert.match(only(() => asList(joined, ['sit', 'stand', 'walk', 'wave'])),
    /^seems to be a split of HMDB-51: its numbers 0, 1 and 2 say what a clip is for.*; set data\.format: hmdb51, and /);
  assert.match(only(() => readLabels(at('chew_test_split1.txt'))),
    /^is a split of HMDB-51.*; set data\.format: hmdb51, and .*; the list is the folder of these files$/);
  const honest = put('honest.txt', [0, 1, 2].map((label) => `${hmdb(label, 1)} ${label}\n`).join(''));
  assert.is(asList(honest, HMDB).entries.length, 3, 'the first three classes, rightly labelled');
});

test('a table of Kinetics, with labels or without, is called so', () => {
  const header = 'youtube_id,time_start,time_end,split';
  const table = put('train.csv', `label,${header}\ntestifying,---QUuC4vJs,84,94,train\n`);
  for (const read of [() => readLabels(table), () => asList(table, UCF)]) {
    assert.match(only(read), /^is a table of Kinetics, .*; set data\.format: kinetics.*; it needs no labels\.csv$/);
  }
  assert.match(only(() => asList(put('test.csv', `${header}\n---QUuC4vJs,84,94,test\n`), UCF)),
    /^is a table of Kinetics without labels, .*; evaluate on the table of validation clips, which has labels$/);
});

shell('JSON of Something-Something, frame folders, tables and bare names are told, and converted', () => {
  put('labels.json', '{"Holding something":"1","Closing something":"0"}');
  const annotations = put('annotations.json', `[
{"id":"78687","label":"holding potato","template":"Holding [something]","placeholders":["potato"]}
]`);
  put('78687.webm', '');
  const problem = only(() => asList(annotations, HMDB));
  assert.match(problem, /^is the annotations of Something-Something, in JSON/);
  assert.is(converted(problem, 'list.txt'), '78687.webm 1\n');
  assert.match(only(() => readLabels(at('labels.json'))), /^is JSON; expected "id,name"/);
  converted(only(() => readLabels(at('labels.json'))), 'labels.csv');
  assert.equal(readLabels(at('labels.csv')), ['Closing something', 'Holding something']);
  const cases: [string, string, string][] = [
    ['a 163 1\nb 7 0\n', 'is a list of folders with single frames', 'a.mp4 1\nb.mp4 0\n'],
    ['a.mp4,1\r\nb.mp4, 0\r\n', 'is a list whose values are separated by', 'a.mp4 1\nb.mp4 0\n'],
  ];
  for (const [text, what, list] of cases) {
    const problem = only(() => asList(put('foreign.txt', text), UCF));
    assert.match(problem, what);
    assert.is(converted(problem, 'list.txt'), list);
  }
  const labels: [string, string][] = [
    ['surfing\r\nplaying the piano\r\n', 'is names, one a line'],
    ['index,label\n0,surfing\n1,playing the piano\n', 'is a table with ids and names under another header'],
    ['0 surfing\n1 playing_the_piano\n', 'is class names counted from 0'],
  ];
  for (const [text, what] of labels) {
    const problem = only(() => readLabels(put('foreign.txt', text)));
    assert.match(problem, what);
    converted(problem, 'labels.csv');
    assert.equal(readLabels(at('labels.csv')), ['surfing', 'playing the piano'], text);
  }
});

test('a list given for names, and names given for a list, say where they belong', () => {
  assert.match(only(() => readLabels(at('plain.txt'))), /^is a list of clips; .*give it as data\.train or data\.val$/);
  const names = put('names.csv', 'id,name\n0,a\n1,b\n');
  assert.match(only(() => asList(names, UCF)), /^is labels\.csv, the names of classes; .*give it as data\.labels$/);
});

test('a file is called what most of its kind look like, and nothing where a line is like none', () => {
  const table = ['index,label', '0,surfing'];
  const template = ['[', ...Array.from({ length: 18 }, () => '{"id":"1"},'), '{"template":"Holding [something]"}'];
  const long = (letters: number) => `${'a'.repeat(letters - 6)}.mp4 0`;
  const many = Array.from({ length: 1000 }, (_, i) => `${i}.mp4 0`);
  for (const [file, lines, what] of [
    ['a_test_split1.txt', [`${hmdb(0, 1)} 1`], 'a split of HMDB-51, where 1 is for training'],
    ['a.txt', [`${hmdb(0, 1)} 1`], undefined],
    ['a_test_split1.txt', ['a.mp4 1', 'b.mp4 2'], undefined],
    ['a.json', ['[{"template":"Holding [something]"}]'], 'the annotations of Something-Something'],
    ['a.json', template, 'the annotations of Something-Something'],
    ['a.json', ['[', ...template], 'JSON'],
    ['a.json', ['x', ...template], undefined],
    ['a.csv', table, 'a table with ids and names under another header'],
    ['a.csv', table.slice(0, 1), undefined],
    ['a.csv', [...table, 'diving'], undefined],
    ['a.csv', ['0,diving', ...table.slice(1)], undefined],
    ['a.txt', ['1 a b', '2 c d'], 'class names counted from 1'],
    ['a.txt', ['1 2', '2 3'], 'names'],
    ['a.txt', ['0 a b', '1 c d'], 'class names counted from 0'],
    ['a.txt', ['0 a b', '2 c d'], 'names'],
    ['a.txt', ['a 163 1', 'b 12 0'], 'a list of folders with single frames'],
    ['a.txt', ['a.mp4 163 1', 'b.mp4 12 0'], undefined],
    ['a.txt', ['surfing', '12'], undefined],
    ['a.txt', ['surfing', 'a.mp4'], undefined],
    ['a.txt', ['surfing', 'a, b'], undefined],
  ] as const) {
    const given = { format: 'list', place: 'list' } as const;
    assert.is(foreign(lines, file, given)?.split(/[;,] /)[0], what && `is ${what}`.split(', ')[0], lines.join('|'));
  }
  const labels = { format: 'list', place: 'labels' } as const;
  for (const [lines, what] of [
    [[long(500)], 'is a list of clips'],
    [[long(501)], undefined],
    [many, 'is a list of clips'],
    [['x y z,', ...many.slice(1)], undefined],
    [[...many, 'x y z,'], 'is a list of clips'],
    [[...many.slice(1), 'x y z,'], undefined],
    [[], undefined],
  ] as const) assert.is(foreign(lines, 'a', labels)?.split('; ')[0], what, `${lines.length} lines`);
});

test.after(() => rmSync(root, { recursive: true }));
test.run();
