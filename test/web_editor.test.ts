/** What of the editor needs no page: its state, its colours, and what it weighs. */
import { gzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { EditorState } from '@codemirror/state';
import { build } from 'esbuild';
import { decorationsOf, extensionsOf, markField, setMark } from '../web/study/editor.ts';
import { runsOf } from '../web/wgsl/coloured.ts';
import * as assert from './assert.ts';
import { test } from './test.ts';

const FILE = 'layernorm/layernorm.wgsl';
const text = readFileSync(new URL(`../kernels/${FILE}`, import.meta.url), 'utf8');

/** The marks of a state: where, and by which class. */
function marksOf(state: EditorState): string[] {
  const marks: string[] = [];
  for (const at = state.field(markField).iter(); at.value !== null; at.next()) {
    marks.push(`${at.from}-${at.to} ${at.value.spec.class ?? 'message'}`);
  }
  return marks;
}

test('the editor has the colours of the page, at the same places', () => {
  const found: string[] = [];
  for (const at = decorationsOf(text, FILE).iter(); at.value !== null; at.next()) {
    found.push(`${at.value.spec.class} ${text.slice(at.from, at.to)}`);
  }
  assert.ok(found.length > 30);
  assert.equal(found,
    runsOf(text, FILE).flatMap(({ className, text: run }) => (className === undefined ? [] : [`${className} ${run}`])));
});

test('a mark is a line, a word and a message; it stays within the text, and goes with the next change', () => {
  const state = EditorState.create({ doc: 'fn f() {\n  return sum(x);\n}', extensions: extensionsOf(FILE) });
  const marked = (line: number, column: number) =>
    state.update({ effects: setMark.of({ line, column, message: 'unresolved' }) }).state;
  assert.equal(marksOf(state), []);
  assert.equal(marksOf(marked(2, 10)), ['9-9 wrong-line', '18-21 wrong-place', '25-25 message']);
  assert.equal(marksOf(marked(99, 99)), ['26-26 wrong-line', '27-27 message']);
  assert.equal(marksOf(marked(0, 0)), ['0-0 wrong-line', '0-2 wrong-place', '8-8 message']);
  assert.equal(marksOf(marked(2, 10).update({ changes: { from: 0, insert: ' ' } }).state), []);
  assert.equal(marksOf(marked(2, 10).update({ effects: setMark.of(undefined) }).state), []);
});

test('the editor, with all that it pulls in, is at most 110 KB behind gzip', async () => {
  const { outputFiles: [{ contents }] } = await build({ entryPoints: [
    fileURLToPath(new URL('../web/study/editor.ts', import.meta.url)),
  ], bundle: true, minify: true, write: false, format: 'esm', target: 'es2022' });
  const bytes = gzipSync(contents, { level: 9 }).length;
  assert.ok(bytes <= 110_000, `${bytes} bytes`);
});

test.run();
