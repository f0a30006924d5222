/** Lists of clips, and names of classes, in the layouts in which data sets are published. */
import { mkdirSync, symlinkSync } from 'node:fs';
import { sep } from 'node:path';
import { DatasetError } from '../../../engine/errors.ts';
import type { Random } from '../../../engine/random.ts';
import { readNames } from '../../../train/data/sets/lists.ts';
import type { ScannedList } from '../../../train/data/sets/scan.ts';
import { type DataSet, readSetNames, scanPart } from '../../../train/data/sets/sets.ts';
import { anyBytes, drawnBy, lengthOf, oneIn, pick } from '../bytes.ts';
import { at, written } from '../folder.ts';
import { holds, type Reader } from '../reader.ts';
import { bytesOf, mutatedText, piece } from '../texts.ts';

const NAMES = ['Apply Eye Makeup', 'Archery', 'Basketball'];
const CLIPS = ['a.mp4', 'b c.mp4', 'Archery/v_Archery_g08_c01.avi', 'archery/abc_000001_000011.mp4', '#d.mp4'];
const root = at('clips');
for (const clip of CLIPS) written(`clips/${clip}`, 'x');
mkdirSync(at('outside'));
written('outside/e.mp4', 'x');
symlinkSync(at('outside'), at('clips/link'));

/** A clip as a list may name it. */
const clipText = (random: Random): string =>
  pick(random, [() => pick(random, CLIPS), () => `./${pick(random, CLIPS)}`, () => `${root}/a.mp4`, () =>
    '../outside/e.mp4', () => 'link/e.mp4', () => `${piece(random)}.mp4`, () => 'A.MP4', () => '/etc/passwd', () =>
    '//server/share/a.mp4', () => `a.mp4${piece(random)}`, () => 'Thumbs.db', () => 'Archery', () => '.'])();

const labelText = (random: Random): string =>
  pick(random, [() => String(random.below(3)), () => String(random.below(5) - 1), () =>
    pick(random, ['x', '1.5', '٣', '1e3', ''])])();

/** Lines, with any ends and marks. */
function lined(random: Random, line: (random: Random, i: number) => string): Uint8Array {
  const end = pick(random, ['\n', '\n', '\r\n', '\r']);
  const lines = Array.from({ length: lengthOf(random, 30) },
    (_, i) => oneIn(random, 12) ? piece(random) : line(random, i));
  const text = `${oneIn(random, 6) ? '\ufeff' : ''}${lines.join(end)}${oneIn(random, 2) ? end : ''}`;
  return oneIn(random, 12) ? Buffer.from(`\ufeff${text}`, 'utf16le') : bytesOf(text);
}

const className = (random: Random): string =>
  pick(random, [() => pick(random, NAMES), () => `class ${random.below(1000)}`, () => piece(random), () =>
    'n'.repeat(lengthOf(random, 3000)), () => 'archery', () => 'Straße'])();

interface Layout {
  readonly name: string;
  readonly set: Partial<DataSet>;
  /** What the file is: its own, or what is beside it. */
  readonly file: string;
  readonly valid: string;
  readonly line: (random: Random, i: number) => string;
  readonly reasons: readonly string[];
  /** Texts that are refused for some of them. */
  readonly wrong: Readonly<Record<string, (random: Random) => string>>;
}

/** A line that is longer than any. */
const longLine = (random: Random) => 'x'.repeat(2 ** 13 + 1 + random.below(100));
const aimedAt = (wrong: Layout['wrong']): Reader['aimed'] =>
  Object.fromEntries(
    Object.entries({ 'letters, at most': longLine, ...wrong }).map(([reason, make]) => [reason, (random) =>
      bytesOf(make(random))]
    ),
  );

const SET: DataSet = { format: 'list', train: at('list.txt'), val: null, labels: at('labels.csv'), split: 1,
  names: 'official', seen: null, unseenOnly: false, root, roots: [], firstLabel: null };
written('labels.csv', `id,name\n${NAMES.map((name, i) => `${i},${name}\n`).join('')}`);
const COMMON = ['is not UTF-8 text', 'letters, at most'];

/** A reader of lists whose classes are known. */
const listReader = ({ name, set, file, valid, line, reasons, wrong }: Layout): Reader => ({
  name,
  reasons: [...COMMON, ...reasons],
  draw: (random) =>
    drawnBy(random, [...anyBytes([bytesOf(valid)], 512), [2, () => bytesOf(mutatedText(random, valid))], [5, () =>
      lined(random, line)]]),
  aimed: aimedAt(wrong),
  read(bytes) {
    const path = written(file, bytes);
    check(scanPart({ ...SET, train: path, ...set }, 'train', set.format === 'hmdb51' ? at('splits') : path, NAMES));
  },
});

/** That clips lie under their folder and have a class; what is wrong is told as an error would tell it. */
function check({ entries, problems, warnings }: ScannedList): void {
  for (const { path, label } of entries) {
    holds(path.startsWith(root + sep), `${path} lies outside of ${root}`);
    holds(Number.isInteger(label) && label >= 0 && label < NAMES.length, `${path} has label ${label}`);
  }
  for (const { problem, line } of [...problems, ...warnings]) {
    holds(Number.isInteger(line) && line >= 0 && typeof problem === 'string', `a problem without a place: ${problem}`);
  }
  if (problems.length > 0) throw new DatasetError(problems);
}

const lines = (...all: readonly string[]) => all.map((line) => `${line}\n`).join('');
const KINETICS =
  'label,youtube_id,time_start,time_end,split\narchery,abc,1,11,train\n"Apply Eye Makeup",xyz,0,10,train\n';

export const list = listReader({ name: 'list', set: {}, file: 'list.txt',
  valid: 'a.mp4 0\n# no clip\nb c.mp4 2\nArchery/v_Archery_g08_c01.avi 1\n',
  line: (random) => `${clipText(random)}${pick(random, [' ', '  ', '\t', ''])}${labelText(random)}`,
  reasons: ['expected "path label"', 'is not a whole number', 'is none of the 3 classes', 'outside',
    'the list is empty', 'does not exist', 'holds a NUL character', 'tells apart from it', 'is a folder', 'count from'],
  wrong: {
    'the list is empty': (random) => '# no clip\n'.repeat(random.below(9)),
    'holds a NUL character': (random) => `a\0${random.below(100)}.mp4 0\n`,
    'count from': (random) => lines('a.mp4 1', 'b c.mp4 2', '# no clip', `a.mp4 ${pick(random, ['1', '01'])}`),
  } });

export const kinetics = listReader({ name: 'kinetics', set: { format: 'kinetics' }, file: 'kinetics.csv',
  valid: KINETICS, line: (random, i) => (i === 0
    ? pick(random, ['label,youtube_id,time_start,time_end,split', 'label,youtube_id,time_start,time_end',
      'youtube_id,label'])
    : `${pick(random, ['archery', '"Archery"', className(random)])},${pick(random, ['abc', 'xyz', piece(random)])},${
      pick(random, ['1', '000001', '-1', 'x'])
    },${pick(random, ['11', '10', ''])},${pick(random, ['train', 'val', ''])}`),
  reasons: ['the table is empty', 'is none of the 3 classes', 'none of its', 'values as in the header',
    'expected the columns', 'is no whole number of seconds'], wrong: {
    'the table is empty': (random) => `${KINETICS.split('\n')[0]}${'\n'.repeat(random.below(100))}`,
    'is none of the 3 classes': (random) => lines(KINETICS.split('\n')[0], `class ${random.below(100)},abc,1,11,train`),
    'is no whole number of seconds': (random) =>
      lines(KINETICS.split('\n')[0], `archery,abc,${pick(random, ['x', '-1', '1.5', '1e3'])},11,train`),
  } });

export const ucf101 = listReader({ name: 'ucf101', set: { format: 'ucf101', labels: null }, file: 'trainlist01.txt',
  valid: 'Archery/v_Archery_g08_c01.avi 2\na.mp4 1\n',
  line: (random) => `${clipText(random)}${pick(random, [' ', ''])}${labelText(random)}`,
  reasons: ['is none of the 3 classes', 'no folder that tells its class', 'lies in a folder named as class',
    'the list is empty', 'does not exist', 'is names, one a line'], wrong: {
    'lies in a folder named as class': (random) => lines(`Archery/v_Archery_g08_c01.avi ${pick(random, ['1', '3'])}`),
    'the list is empty': (random) => '\n'.repeat(random.below(100)),
  } });

export const hmdb51 = listReader({ name: 'hmdb51', set: { format: 'hmdb51', labels: null },
  file: 'splits/Archery_test_split1.txt', valid: 'v_Archery_g08_c01.avi 1\n#d.avi 2\n',
  line: (random) =>
    `${pick(random, ['v_Archery_g08_c01.avi', clipText(random)])}${pick(random, [' ', ' ', ''])}${
      pick(random, ['0', '1', '2', '3', ''])
    }`, reasons: ['no clip of split 1', 'and a mark', 'does not exist', 'for training here'], wrong: {
    'for training here': (random) =>
      lines(`v_Archery_g08_c01.avi ${pick(random, ['0', '2'])}`, 'v_Archery_g08_c01.avi 1'),
  } });

/** A reader of names. */
const namesReader = (name: string, read: (path: string) => string[], valid: string, line: Layout['line'],
  reasons: readonly string[], wrong: Layout['wrong'] = {}): Reader => ({
    name,
    reasons: [...COMMON, ...reasons],
    draw: (random) =>
      drawnBy(random, [...anyBytes([bytesOf(valid)], 512), [2, () => bytesOf(mutatedText(random, valid))], [5, () =>
        lined(random, line)]]),
    aimed: aimedAt(wrong),
    read(bytes) {
      const names = read(written(`${name}.txt`, bytes));
      holds(names.length > 0 && new Set(names).size === names.length, 'names that stand twice, or none');
      for (const own of names) {
        holds(own.trim() !== '' && own.length <= 1000 && !/[\0-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/.test(own),
          `the name ${JSON.stringify(own)}`);
      }
    },
  });

export const labels = namesReader('labels', (path) => readSetNames({ ...SET, labels: path }),
  'id,name\n0,a square\n1,"a, star"\n', (random, i) => (i === 0 ?
    pick(random, ['id,name', 'id,name', 'name,id']) :
    `${pick(random, [String(i - 1), labelText(random)])},${
      pick(random, [className(random), `"${className(random)}"`])
    }`), ['expected the header', 'expected "id,name"', 'holds no classes', 'leaves a gap', 'was given before',
  'has no name', 'control characters', 'the same text to the tokenizer', 'at most 1,000'], {
  'holds no classes': (random) => `id,name\n${'\n'.repeat(random.below(99))}`,
  'leaves a gap': (random) => lines('id,name', '0,a', `${2 + random.below(99)},b`),
  'was given before': (random) => lines('id,name', '0,a', '1,b', `${random.below(2)},c`),
  'has no name': (random) => lines('id,name', '0,a', `1,${pick(random, ['', '""', '" "', '\u200b', '\u00ad'])}`),
  'control characters': (random) => lines('id,name', '0,a', `1,b${pick(random, ['\u001b[2J', '\u202e', '\u009b'])}c`),
  'the same text to the tokenizer': (random) =>
    lines('id,name', '0,archery', `1,${pick(random, ['ARCHERY', ' Archery'])}`),
  'at most 1,000': (random) => lines('id,name', '0,a', `1,${'n'.repeat(1001 + random.below(1000))}`),
});

export const classInd = namesReader('class ind', (path) => readSetNames({ ...SET, format: 'ucf101', labels: path }),
  '1 ApplyEyeMakeup\n2 Archery\n',
  (random, i) => `${pick(random, [String(i + 1), labelText(random)])} ${className(random)}`, ['expected "1 Class"',
  'holds no classes', 'leaves a gap', 'was given before']);

export const tableNames = namesReader('table names',
  (path) => readSetNames({ ...SET, format: 'kinetics', labels: null, train: path }), KINETICS, kineticsLine, [
  'holds no classes',
  'expected the columns',
  'the same text to the tokenizer',
]);

function kineticsLine(random: Random, i: number): string {
  return i === 0 ? 'label,youtube_id,time_start,time_end' : `${className(random)},abc,${random.below(20)},20`;
}

export const texts = namesReader('texts', readNames, 'a square\na, star\n', className, ['expected at least two names',
  'stands in line', 'control characters']);
