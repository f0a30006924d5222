import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { forAll } from './for_all.ts';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { DatasetError, type LineProblem, PathError } from '../engine/errors.ts';
import { readLabels, readList, within } from '../train/data/sets/lists.ts';

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

/** The lines and problems that a list gives. */
function refused(text: string, classes = 10): string[] {
  writeFileSync(list, text);
  return problemsOf(() => readList(list, clips, classes)).map(({ line, problem }) => `${line}: ${problem}`);
}

test('a list gives absolute paths and labels, in its order', () => {
  writeFileSync(list, 'b.mp4 3\na.mp4 0\n');
  assert.equal(readList(list, clips, 4), [{ path: join(clips, 'b.mp4'), label: 3 }, { path: join(clips, 'a.mp4'),
    label: 0 }]);
});

test('a byte order mark, Windows line ends, tabs, blank lines and spaces in names are taken', () => {
  writeFileSync(list, '\ufeffa.mp4 1\r\n\r\n  sub folder/my clip 3.mp4\t2  \r\n\n7 5\r\n');
  assert.equal(readList(list, clips, 10).map(({ label }) => label), [1, 2, 5]);
});

test('all problems of a list are told at once, each with its line', () => {
  assert.equal(refused('a.mp4 1\nmissing.mp4 1\na.mp4 1\n\nb.mp4 -1\nb.mp4 10\nb.mp4 1.5\nb.mp4 dog\na.mp4 2\nb.mp4\n'),
    [
      '2: "missing.mp4" does not exist',
      '3: "a.mp4" stands in line 1 already',
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

test('an empty list is refused', () => {
  for (const text of ['', '\n\r\n  \n', '\ufeff']) assert.equal(refused(text), ['0: the list is empty']);
});

test('a list or a folder that is not there is refused by name', () => {
  assert.is(problemsOf(() => readList(join(root, 'no.txt'), clips, 1))[0].problem, 'no such file');
  writeFileSync(list, 'a.mp4 0\n');
  assert.match(problemsOf(() => readList(list, join(root, 'no'), 1))[0].problem, /root folder .*no does not exist/);
});

test('a list that is not UTF-8 is refused', () => {
  writeFileSync(list, Buffer.from([0x61, 0xff, 0xfe, 0x20, 0x31]));
  assert.is(problemsOf(() => readList(list, clips, 2))[0].problem, 'is not UTF-8 text');
});

test('the message shows twenty problems and counts the others', () => {
  writeFileSync(list, Array.from({ length: 50 }, (_, i) => `missing${i}.mp4 0\n`).join(''));
  const lines = assert.throwsWith(() => readList(list, clips, 1), DatasetError).message.split('\n');
  assert.is(lines.length, 21);
  assert.is(lines[20], '… and 30 more');
  assert.ok(lines[0].startsWith(`${list}:1: "missing0.mp4"`));
});

test('paths that leave the root folder are refused', () => {
  const unsafe = [
    '../outside.mp4',
    '..',
    'clips/../../outside.mp4',
    'sub folder/../../outside.mp4',
    '/etc/passwd',
    join(clips, 'a.mp4'),
    '\\\\server\\share\\a.mp4',
    'C:\\a.mp4',
    'c:/a.mp4',
    '..\\outside.mp4',
    'a.mp4\0',
    '\0',
    'leads_out.mp4',
    'up/outside.mp4',
    'up',
    'loop',
    'a.mp4/b',
    './../outside.mp4',
    '//etc/passwd',
    'up/clips/../outside.mp4',
  ];
  for (const name of unsafe) assert.throwsWith(() => within(clips, name), PathError);
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
      writeFileSync(list, `${mark ? '\ufeff' : ''}${
        lines.map(({ name, label, gap, end }) => `${name}${gap}${label}${end}`).join('')
      }`);
      assert.equal(readList(list, clips, 10), lines.map(({ name, label }) => ({ path: join(clips, name), label })));
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

test.after(() => rmSync(root, { recursive: true }));
test.run();
