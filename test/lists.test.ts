import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { forAll } from './for_all.ts';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { DatasetError, type LineProblem, PathError } from '../engine/errors.ts';
import { type ListOptions, readLabels, readList, readNames, scanList } from '../train/data/sets/lists.ts';
import { within } from '../train/data/sets/roots.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'firstlight-lists-')));
const clips = join(root, 'clips');
const list = join(root, 'list.txt');
const labels = join(root, 'labels.csv');
mkdirSync(join(clips, 'sub folder'), { recursive: true });
for (const name of ['a.mp4', 'b.mp4', 'sub folder/my clip 3.mp4', '7']) writeFileSync(join(clips, name), '');
writeFileSync(join(root, 'outside.mp4'), '');
symlinkSync(join(root, 'outside.mp4'), join(clips, 'leads_out.mp4'));
symlinkSync(root, join(clips, 'up'));
symlinkSync(join(clips, 'a.mp4'), join(clips, 'same_as_a.mp4'));
symlinkSync('loop', join(clips, 'loop'));

function problemsOf(read: () => unknown): readonly LineProblem[] {
  return assert.throwsWith(read, DatasetError).context.problems as LineProblem[];
}

const read = (classes: number, options: Partial<ListOptions> = {}) =>
  readList(list, { root: clips, names: Array.from({ length: classes }, (_, label) => `class ${label}`), ...options });

const inLines = (problems: readonly LineProblem[]) => problems.map(({ line, problem }) => `${line}: ${problem}`);

/** The lines and problems that a list gives. */
function refused(text: string, classes = 10, options: Partial<ListOptions> = {}): string[] {
  writeFileSync(list, text);
  return inLines(problemsOf(() => read(classes, options)));
}

test('a list gives absolute paths and labels, in its order', () => {
  writeFileSync(list, 'b.mp4 3\na.mp4 0\n');
  assert.equal(read(4).entries, [{ path: join(clips, 'b.mp4'), label: 3 }, { path: join(clips, 'a.mp4'), label: 0 }]);
});

test('a byte order mark, Windows line ends, tabs, blank lines and spaces in names are taken', () => {
  writeFileSync(list, '\ufeffa.mp4 1\r\n\r\n  sub folder/my clip 3.mp4\t2  \r\n\n7 5\r\n');
  assert.equal(read(10).entries.map(({ label }) => label), [1, 2, 5]);
});

test('all problems of a list are told at once, each with its line', () => {
  assert.equal(refused('a.mp4 1\nmissing.mp4 1\na.mp4 1\n\nb.mp4 -1\nb.mp4 10\nb.mp4 1.5\nb.mp4 dog\na.mp4 2\nb.mp4\n'),
    [
      '2: "missing.mp4" does not exist',
      '5: label -1 is none of the 10 classes, 0 to 9',
      '6: label 10 is none of the 10 classes, 0 to 9',
      '7: the label "1.5" is not a whole number; a line ends with the number of its class',
      '8: the label "dog" is not a whole number; a line ends with the number of its class',
      '9: "a.mp4" stands in line 1 already, there with label 1, here 2',
      '10: expected "path label", got "b.mp4"',
    ]);
});

test('one line may have two problems', () => {
  assert.is(refused('missing.mp4 99\n').length, 2);
});

test('a file under two names is one file', () => {
  assert.equal(refused('a.mp4 1\nsame_as_a.mp4 2\n'), [
    '2: "same_as_a.mp4" stands in line 1 already, there with label 1, here 2',
  ]);
});

test('comments are passed over, wherever they stand, and a file whose name begins with # is not taken for one', () => {
  writeFileSync(join(clips, '#1.mp4'), '');
  writeFileSync(list, '# made by find\na.mp4 0\n#b.mp4 1\n  # 7 5\n./#1.mp4 1\n#');
  assert.equal(read(2).entries, [{ path: join(clips, 'a.mp4'), label: 0 }, { path: join(clips, '#1.mp4'), label: 1 }]);
  assert.equal(refused('a.mp4 0\n#1.mp4 1\n'), [
    '2: "#1.mp4" exists, but a line that begins with # is a comment; write ./ before it',
  ]);
});

test('a line that is there twice counts once, and is told; with another label it is an error', () => {
  writeFileSync(list, 'a.mp4 0\nb.mp4 1\na.mp4 0\n./a.mp4\t0\nsame_as_a.mp4 0\n');
  const { entries, warnings } = read(2);
  assert.equal(entries.map(({ label }) => label), [0, 1]);
  assert.equal(inLines(warnings),
    ['3: "a.mp4"', '4: "./a.mp4"', '5: "same_as_a.mp4"'].map((line) =>
      `${line} stands in line 1 already; it counts once`
    ));
  assert.equal(refused('a.mp4 1\nb.mp4 0\na.mp4 0\n', 2, { firstLabel: 0 }), [
    '3: "a.mp4" stands in line 1 already, there with label 1, here 0',
  ]);
  assert.equal(scanList(list, { root: clips, names: ['a', 'b'] }).entries.map(({ name }) => name), ['b.mp4'],
    'a clip of two labels is none');
});

test('files that systems leave in folders are left out, and told', () => {
  for (const name of ['._a.mp4', '.DS_Store', 'Thumbs.db']) writeFileSync(join(clips, name), '');
  writeFileSync(join(clips, '.mine.mp4'), '');
  writeFileSync(list, '._a.mp4 0\n.DS_Store 0\nsub folder/Thumbs.db 1\n.mine.mp4 0\n');
  const { entries, warnings } = read(2);
  assert.equal(entries, [{ path: join(clips, '.mine.mp4'), label: 0 }]);
  assert.equal(warnings.map(({ line }) => line), [1, 2, 3]);
  assert.match(warnings[0].problem, `"._a.mp4" is left out: it is a system's file, not a clip`);
});

test('a mark in the middle, where lists were put together, and UTF-16 as PowerShell writes it, are read', () => {
  const text = '\ufeffa.mp4 0\r\n\ufeffb.mp4 1\r\n';
  for (const bytes of [Buffer.from(text), Buffer.from(text, 'utf16le'), Buffer.from(text, 'utf16le').swap16()]) {
    writeFileSync(list, bytes);
    assert.equal(read(2).entries.map(({ path }) => path), [join(clips, 'a.mp4'), join(clips, 'b.mp4')]);
  }
});

test('absolute paths and links lead to the root folder and to the folders that data.roots names, and nowhere else', () => {
  const [second, third] = ['disk2', 'disk3'].map((name) => join(root, name));
  for (const disk of [second, third]) {
    mkdirSync(join(disk, 'running'), { recursive: true });
    writeFileSync(join(disk, 'running', 'c.mp4'), '');
  }
  symlinkSync(join(second, 'running'), join(clips, 'linked class'));
  const text = `${join(clips, 'a.mp4')} 0\nlinked class/c.mp4 1\n${join(third, 'running/c.mp4')} 1\n`;
  assert.equal(refused(text), [
    `2: "linked class/c.mp4" is a link that leads to ${second}/running/c.mp4, outside of the root folder ${clips}; if that is meant, put a folder that holds it into data.roots: [${second}/running]`,
    `3: "${third}/running/c.mp4" lies outside of the root folder ${clips}; if that is meant, put a folder that holds it into data.roots: [${third}/running]`,
  ]);
  assert.is(refused(text, 10, { roots: [second] }).length, 1);
  const expected = [join(clips, 'a.mp4'), join(second, 'running/c.mp4'), join(third, 'running/c.mp4')];
  assert.equal(read(2, { roots: [second, third] }).entries.map(({ path }) => path), expected);
  writeFileSync(list, `${join(clips, 'a.mp4')} 0\n${join(third, 'running/c.mp4')} 1\n`);
  assert.equal(read(2, { root: '/' }).entries.map(({ path }) => path), [expected[0], expected[2]]);
  assert.equal(inLines(problemsOf(() => read(2, { roots: [join(root, 'disk4')] }))), [
    `0: data.roots: ${root}/disk4 does not exist`,
  ]);
});

test('a folder in a list, and a folder for a list, are called so', () => {
  assert.equal(refused('sub folder 0\na.mp4 0\n'), ['1: "sub folder" is a folder, expected a file']);
  assert.is(problemsOf(() => readList(clips, { root: clips, names: ['a'] }))[0].problem,
    'is a folder, expected a text file');
});

test('labels that are not right are told with their lines, and labels of a list where a tenth is wrong at most', () => {
  for (const [text, expected] of [
    ['', ['0: expected the header "id,name", got ""']],
    ['id, name\n', ['1: expected the header "id,name", got "id, name"']],
    ['id,name\n', ['0: holds no classes']],
    ['id,name\n1,a\n', ['2: id 1 leaves a gap: 1 classes have the ids 0 to 0']],
    ['id,name\n0,a\n0,b\n', ['3: id 0 was given before, to "a"']],
    ['id,name\n0,a\n2,b\n', ['3: id 2 leaves a gap: 2 classes have the ids 0 to 1']],
  ] as const) {
    writeFileSync(labels, text);
    assert.equal(inLines(problemsOf(() => readLabels(labels))), expected, text);
  }
  mkdirSync(join(clips, 'class 1'));
  const lines = Array.from({ length: 10 }, (_, i) => `class 1/${i}.mp4 0`);
  for (const line of lines) writeFileSync(join(clips, line.slice(0, -2)), '');
  const warned = (missing: number) => {
    writeFileSync(list, lines.map((line, i) => (i < missing ? line.replace('mp4', 'avi') : line)).join('\n'));
    return scanList(list, { root: clips, names: ['a', 'class 1'] }).warnings.length;
  };
  assert.equal([0, 1, 2].map(warned), [1, 1, 0]);
});

test('an empty list is refused', () => {
  for (const text of ['', '\n\r\n  \n', '\ufeff']) assert.equal(refused(text), ['0: the list is empty']);
});

test('a list or a folder that is not there is refused by name', () => {
  assert.is(problemsOf(() => readList(join(root, 'no.txt'), { root: clips, names: ['a'] }))[0].problem, 'no such file');
  writeFileSync(list, 'a.mp4 0\n');
  assert.match(problemsOf(() => read(1, { root: join(root, 'no') }))[0].problem, /root folder .*no does not exist/);
});

test('a list that is not UTF-8 is refused', () => {
  writeFileSync(list, Buffer.from([0x61, 0xff, 0xfe, 0x20, 0x31]));
  assert.is(problemsOf(() => read(2))[0].problem, 'is not UTF-8 text');
});

test('the message shows twenty problems and counts the others', () => {
  writeFileSync(list, Array.from({ length: 50 }, (_, i) => `missing${i}.mp4 0\n`).join(''));
  const lines = assert.throwsWith(() => read(1), DatasetError).message.split('\n');
  assert.is(lines.length, 21);
  assert.is(lines[20], '… and 30 more');
  assert.ok(lines[0].startsWith(`${list}:1: "missing0.mp4"`));
});

test('paths that leave the root folder are refused', () => {
  const [steps, drive, nul] = ['steps out of its folder with ".."',
    'starts at a drive of Windows; expected a path of this machine', 'holds a NUL character'];
  const outside = /^(lies|is a link that leads to .*,) outside of the root folder /;
  for (const [name, reason] of [
    ['../outside.mp4', steps],
    ['..', steps],
    ['clips/../../outside.mp4', steps],
    ['sub folder/../../outside.mp4', steps],
    ['/etc/passwd', outside],
    [join(root, 'outside.mp4'), outside],
    ['\\\\server\\share\\a.mp4', drive],
    ['C:\\a.mp4', drive],
    ['c:/a.mp4', drive],
    ['..\\outside.mp4', steps],
    ['a.mp4\0', nul],
    ['\0', nul],
    ['leads_out.mp4', outside],
    ['up/outside.mp4', outside],
    ['up', outside],
    ['loop', /^is a link to itself/],
    ['a.mp4/b', 'does not exist'],
    ['./../outside.mp4', steps],
    ['//etc/passwd', outside],
    ['up/clips/../outside.mp4', steps],
  ] as const) {
    const { context } = assert.throwsWith(() => within(clips, name), PathError);
    assert.ok(typeof reason === 'string' ? context.reason === reason : reason.test(String(context.reason)), name);
  }
  assert.is(within(clips, 'a.mp4'), join(clips, 'a.mp4'));
  assert.is(within(clips, 'up/clips/a.mp4'), join(clips, 'a.mp4'), 'a link that ends inside is no escape');
  assert.is(within(clips, 'same_as_a.mp4'), join(clips, 'a.mp4'));
  assert.match(refused('../outside.mp4 0\n')[0], /^1: "\.\.\/outside\.mp4" steps out of its folder/);
});

test('whatever path is asked for, the answer lies under the root folder', () => {
  const part = fc.constantFrom('..', '.', 'a.mp4', 'up', 'clips', 'sub folder', 'leads_out.mp4', 'outside.mp4', '',
    '%2f', '\\', '~', '\0', 'etc');
  forAll(fc.property(fc.array(part, { maxLength: 6 }), fc.constantFrom('/', '\\'), (parts, separator) => {
    try {
      const path = within(clips, parts.join(separator));
      return path === clips || path.startsWith(`${clips}/`);
    } catch (error) {
      return error instanceof PathError;
    }
  }), { numRuns: 2000 });
});

test('what is written is what is read, with any order of labels and any line ends', () => {
  const names = ['a.mp4', 'b.mp4', 'sub folder/my clip 3.mp4', '7'];
  const line = fc.record({ name: fc.constantFrom(...names), label: fc.nat(9), gap: fc.constantFrom(' ', '\t', '   '),
    end: fc.constantFrom('\n', '\r\n', '\n\n') });
  forAll(
    fc.property(fc.uniqueArray(line, { selector: ({ name }) => name, minLength: 1 }), fc.boolean(), (lines, mark) => {
      writeFileSync(list,
        `${mark ? '\ufeff' : ''}${lines.map(({ name, label, gap, end }) => `${name}${gap}${label}${end}`).join('')}`);
      assert.equal(read(10, { firstLabel: 0 }).entries,
        lines.map(({ name, label }) => ({ path: join(clips, name), label })));
    }),
    { numRuns: 200 },
  );
});

test('labels come by id, quoted or plain, in any order', () => {
  writeFileSync(labels, '\ufeffid,name\r\n1,"says ""hello"", twice"\r\n0,riding a bike\r\n\r\n2,Übung macht müde\r\n');
  assert.equal(readLabels(labels), ['riding a bike', 'says "hello", twice', 'Übung macht müde']);
});

test('all problems of labels are told at once, each with its line', () => {
  writeFileSync(labels, 'id,name\n0,dog\n0,cat\n1,dog\n9,far\n-1,below\nx,letters\n2,\n3,a,b\n4,"open\n');
  assert.equal(problemsOf(() => readLabels(labels)).map(({ line, problem }) => `${line}: ${problem}`), [
    '3: id 0 was given before, to "dog"',
    '4: the name "dog" stands in line 2 already',
    '5: id 9 leaves a gap: 9 classes have the ids 0 to 8',
    '6: expected "id,name" with a whole number and a name, got "-1,below"',
    '7: expected "id,name" with a whole number and a name, got "x,letters"',
    '8: class 2 has no name',
    '9: expected "id,name" with a whole number and a name, got "3,a,b"',
    '10: expected "id,name" with a whole number and a name, got "4,\\"open"',
  ]);
});

test('labels without a header, or without classes, are refused', () => {
  writeFileSync(labels, '0,dog\n');
  assert.match(problemsOf(() => readLabels(labels))[0].problem, /expected the header "id,name", got "0,dog"/);
  writeFileSync(labels, 'id,name\n');
  assert.is(problemsOf(() => readLabels(labels))[0].problem, 'holds no classes');
});

test('names that are the same text to the tokenizer are an error that shows both', () => {
  const pairs = [['Playing guitar', 'playing  guitar'], ['café', 'cafe\u0301'], ['rock & roll', 'Rock &amp; Roll'], [
    'ﬁghting',
    'fighting',
  ], ['ｄｏｇ', 'dog'], ['e-mail', 'e - mail'], ['mp³', 'mp3'], ['dog', 'do\u00adg'], ['cafÃ©', 'café'], ['10 m',
    '1 0 m']];
  for (const [first, second] of pairs) {
    writeFileSync(labels, `id,name\n0,other\n1,${first}\n2,${second}\n`);
    assert.equal(inLines(problemsOf(() => readLabels(labels))), [
      `4: the name ${JSON.stringify(second)} is the same text to the tokenizer as ${JSON.stringify(first)} in line 3`,
    ]);
  }
  writeFileSync(labels, 'id,name\n0,left turn\n1,left-turn\n2,leftturn\n3,"left, turn"\n');
  assert.is(readLabels(labels).length, 4, 'what the tokenizer tells apart may stay');
  const long = (letters: number) => 'a'.repeat(letters);
  writeFileSync(labels, `id,name\n0,${long(1000)}\n1,${long(1001)}\n`);
  assert.equal(inLines(problemsOf(() => readLabels(labels))), [
    `3: the name "${long(39)}…${long(38)}" has 1,001 letters, at most 1,000 are read`,
  ]);
  writeFileSync(labels, 'id,name\n0,dog\n1,\u200b\n');
  assert.equal(inLines(problemsOf(() => readLabels(labels))), ['3: class 1 has no name']);
});

test('names to choose from are a line each, commas and all, or a labels.csv', () => {
  writeFileSync(labels, '\ufeffred, white and blue\r\n\r\n surfing \r\n');
  assert.equal(readNames(labels), ['red, white and blue', 'surfing']);
  writeFileSync(labels, 'id,name\n1,surfing\n0,"red, white and blue"\n');
  assert.equal(readNames(labels), ['red, white and blue', 'surfing']);
  writeFileSync(labels, 'surfing\ndiving\nSurfing\nsurfing');
  assert.equal(inLines(problemsOf(() => readNames(labels))), [
    '3: the name "Surfing" is the same text to the tokenizer as "surfing" in line 1',
    '4: the name "surfing" stands in line 1 already',
  ]);
  writeFileSync(labels, 'alone\n');
  assert.equal(inLines(problemsOf(() => readNames(labels))), ['0: expected at least two names, got 1']);
});

test.after(() => rmSync(root, { recursive: true }));
test.run();
