/** What is chosen of a data set: classes by name, draws of classes and of clips; and names as words. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { DatasetError, type LineProblem } from '../engine/errors.ts';
import { drawClasses, restrictClasses, sharedNames } from '../train/data/sets/classes.ts';
import { ClassIndex, inWords } from '../train/data/sets/class_names.ts';
import { shown } from '../train/data/sets/lines.ts';
import { readNames } from '../train/data/sets/lists.ts';
import { drawShots, labelsText } from '../train/data/sets/shots.ts';

const root = mkdtempSync(join(tmpdir(), 'firstlight-classes-'));
const at = (name: string) => join(root, name);
test.after(() => rmSync(root, { recursive: true }));

function put(name: string, text: string): string {
  writeFileSync(at(name), text);
  return at(name);
}

const refused = (run: () => unknown) =>
  (assert.throwsWith(run, DatasetError).context.problems as LineProblem[]).map(({ file, line, problem }) =>
    `${relative(root, file)}:${line}: ${problem}`
  );

test('names are cut into words at capitals and underscores', () => {
  assert.equal(
    ['ApplyEyeMakeup', 'brush_hair', 'YoYo', 'TaiChi', 'playing the piano', 'GoProVR360View', 'ÜbenÄpfel'].map(inWords),
    ['Apply Eye Makeup', 'brush hair', 'Yo Yo', 'Tai Chi', 'playing the piano', 'Go Pro VR360 View', 'Üben Äpfel'],
  );
});

test('a draw asks of a list nothing but labels and order', () => {
  const entries = Array.from({ length: 60 }, (_, place) => ({ label: place % 3, place }));
  const draw = (seed: number, shots = 5) =>
    drawShots(entries, { names: ['a', 'b', 'c'], shots, seed, list: 'l' }).map(({ place }) => place);
  assert.equal(draw(3), draw(3));
  assert.not.equal(draw(3), draw(4));
  assert.equal(draw(3), [...draw(3)].sort((a, b) => a - b), 'in the order of the list');
  assert.equal(draw(3, 20), entries.map(({ place }) => place));
  const often = new Set(Array.from({ length: 40 }, (_, seed) => draw(seed, 1)[0]));
  assert.ok(often.size > 10, 'any clip may be drawn');
  assert.equal(
    refused(() => drawShots(entries.slice(1), { names: ['a', 'b', 'c'], shots: 20, seed: 3, list: at('l') })),
    [
      'l:0: data.shots takes 20 clips of each class, 1 of 3 have fewer: "a" has 19',
    ],
  );
});

test('names of one list are found in another, in any case, cut by spaces, underscores or capitals', () => {
  const names = ['ApplyEyeMakeup', 'brush_hair', 'kick ball', 'YoYo', 'Brush'];
  assert.equal(sharedNames(names, ['apply eye makeup', 'BRUSH HAIR', 'yo-yo', 'brushing hair']), ['ApplyEyeMakeup',
    'brush_hair', 'YoYo']);
  assert.equal(sharedNames(names, []), []);
});

test('two classes with the same letters are told apart by their spelling alone', () => {
  const classes = { names: ['left turn', 'leftturn', 'right'], entries: [] };
  assert.equal(restrictClasses(classes, ['leftturn', 'RIGHT'], 'f').names, ['leftturn', 'right']);
  assert.match(refused(() => restrictClasses(classes, ['Left-Turn'], at('f')))[0],
    '"Left-Turn" is none of the 3 classes');
});

test('classes are chosen by name from a file, however it spells them, and drawn by seed and draw', () => {
  const names = ['ApplyEyeMakeup', 'brush hair', 'kick ball', 'YoYo'];
  const entries = names.map((name, label) => ({ path: name, label }));
  const file = put('classes.txt', 'Yo_Yo\r\nBrush_Hair\r\n');
  assert.equal(restrictClasses({ names, entries }, readNames(file), file), { names: ['brush hair', 'YoYo'],
    entries: [{ path: 'brush hair', label: 0 }, { path: 'YoYo', label: 1 }] });
  assert.equal(readNames(put('classes.csv', labelsText(['kick ball', 'YoYo']))), ['kick ball', 'YoYo']);
  const wrong = ['kickball', 'Kick Ball', 'diving', 'brush hare'];
  assert.equal(refused(() => restrictClasses({ names, entries }, wrong, file)), [
    'classes.txt:0: "Kick Ball" is class "kick ball", which is chosen already',
    'classes.txt:0: "diving" is none of the 4 classes',
    'classes.txt:0: "brush hare" is none of the 4 classes; did you mean "brush hair"?',
  ]);
  const many = Array.from({ length: 220 }, (_, i) => `class ${i}`);
  const draws = [0, 1, 2].map((draw) => drawClasses(many, 160, 1024, draw));
  for (const [draw, own] of draws.entries()) {
    assert.is(new Set(own).size, 160);
    assert.equal(own, many.filter((name) => own.includes(name)), 'in their order');
    assert.equal(own, drawClasses(many, 160, 1024, draw));
  }
  assert.not.equal(draws[0], draws[1]);
  for (const count of [0, 221, 1.5]) {
    assert.throwsWith(() => drawClasses(many, count, 0, 0), `expected between 1 and 220 classes, got ${count}`);
  }
  assert.equal([1, 220].map((count) => drawClasses(many, count, 0, 0).length), [1, 220]);
});

test('a name that is near to an unknown one is told for twenty of them', () => {
  const index = new ClassIndex(['surfing', 'diving']);
  const said = Array.from({ length: 21 }, () => index.unknown('surfin'));
  assert.equal(said.map((text) => text.endsWith('; did you mean "surfing"?')), [...Array(20).fill(true), false]);
});

test('a text within a message is cut to 77 letters where it has more than 80', () => {
  const letters = `<${'a'.repeat(98)}>`;
  for (const [length, expected] of [[80, 80], [81, 77]]) {
    assert.is(shown(letters.slice(0, length)), `"${letters.slice(0, expected)}${expected < length ? '…' : ''}"`);
  }
});

test.run();
