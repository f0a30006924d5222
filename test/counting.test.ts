/** How labels count classes: what shows that a list counts otherwise than the names, and at which share. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { checkCounting } from '../train/data/sets/counting.ts';

const namesOf = (count: number) => Array.from({ length: count }, (_, label) => `class ${label}`);
/** Lines of a list, `path label` each. */
const entriesOf = (lines: readonly string[]) =>
  lines.map((text, i) => {
    const [name, label] = text.split(' ');
    return { name, label: Number(label), file: 'list.txt', line: i + 1 };
  });
/** What is told of a list: the line, 0 for all of it, and how the sentence begins; problems bear a !. */
function told(lines: readonly string[], names: readonly string[], isStated = false): string[] {
  const { problems, warnings } = checkCounting(entriesOf(lines), { file: 'list.txt', names, isStated });
  const begun = ({ line, problem }: { line: number; problem: string }) => `${line}: ${problem.split(/[,:;]/)[0]}`;
  return [...problems.map((each) => `!${begun(each)}`), ...warnings.map(begun)];
}

test('a list without label 0 is refused where a tenth of the classes is missing, or two, and warned of beyond', () => {
  const from = (first: number, end: number) =>
    Array.from({ length: end - first }, (_, i) => `${first + i}.mp4 ${first + i}`);
  for (const [names, first, end, expected] of [
    [1, 0, 1, []],
    [2, 0, 2, []],
    [2, 1, 2, ['!0: no clip has label 0']],
    [10, 1, 9, ['!0: no clip has label 0']],
    [10, 1, 8, ['0: no clip has label 0']],
    [40, 1, 37, ['!0: no clip has label 0']],
    [40, 1, 36, ['0: no clip has label 0']],
    [40, 0, 30, []],
  ] as const) assert.equal(told(from(first, end), namesOf(names)), expected, `${first} to ${end} of ${names}`);
  assert.equal(told(from(1, 2), namesOf(2), true), [], 'a person has said how they count');
  assert.equal(told([], namesOf(1)), [], 'one class and no clips');
});

test('folders that are classes tell that a list counts from 1 where more than half of their clips say so', () => {
  const shifted = ['class0/a 1', 'class1/a 2'];
  assert.equal(told(shifted, namesOf(4)), ['!0: counts classes from 1']);
  assert.equal(told([...shifted, 'class3/a 0'], namesOf(4)), ['!0: counts classes from 1']);
  for (const others of [['class3/a 0', 'class3/b 1'], ['class3/a 0', 'class3/b 1', 'class3/c 2']]) {
    assert.equal(told([...shifted, ...others], namesOf(4)), ['1: "class0/a" lies in a folder named as class 0'],
      `${others.length} other lines that are wrong otherwise`);
  }
  assert.equal(told([...shifted, 'class2/a 3', 'class3/a 3'], namesOf(4)), [
    '1: "class0/a" lies in a folder named as class 0',
  ], 'one line is right');
  assert.equal(told(shifted, namesOf(4), true), ['1: "class0/a" lies in a folder named as class 0']);
  assert.equal(told(['class0/a 0', 'class1/a 1'], namesOf(4)), []);
});

test('the innermost folder that bears a name of a class counts, and what has no letters is no class', () => {
  const warning = ['1: "class1/class2/a" lies in a folder named as class 2', '1: "class1/x/a" lies in a folder named'];
  assert.equal(told(['class1/class2/a 1', 'b 0'], namesOf(3)), [warning[0]]);
  assert.equal(told(['class1/class2/a 2', 'b 0'], namesOf(3)), []);
  assert.equal(told(['class1/x/a 2', 'class1/x/b 1'], namesOf(3)), [`${warning[1]} as class 1`]);
  assert.equal(told(['class1\\a 2', 'class1\\b 1'], namesOf(3)).length, 1, 'as Windows parts folders');
  assert.equal(told(['-/a 0', 'b 1'], ['one', '?']), [], '"-" and "?" have no letters both');
});

test('the codes of a split of HMDB-51 are told from labels of four classes on, if no clip is named as its label says', () => {
  const clip = (what: string, code: number) => `April_09_${what}_u_nm_np1_ba_goo_${code}.avi ${code}`;
  const lines = [0, 1, 2].map((code) => clip('smile', code));
  const refused = ['!0: seems to be a split of HMDB-51'];
  const names = ['clap', 'chew', 'catch', 'kick'];
  assert.equal(told(lines, names), refused);
  assert.equal(told(lines, names.slice(0, 3)), []);
  assert.equal(told([...lines, 'a.avi 0'], names), []);
  assert.equal(told([...lines, clip('catch', 2)], names), [], 'class 2');
  assert.equal(told([...lines, `clap/${clip('smile', 0)}`], names), [], 'a folder says that a label is right');
});

test.run();
