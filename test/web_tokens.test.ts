/** The token readers, and what colours are made of them. */
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { colouredLines, lineId, runsOf } from '../web/wgsl/coloured.ts';
import { type Kind, type Token, tokens } from '../web/wgsl/tokens.ts';
import { typescriptTokens } from '../web/wgsl/typescript_tokens.ts';
import * as assert from './assert.ts';
import { forAll } from './for_all.ts';
import { test } from './test.ts';

const ROOT = new URL('../', import.meta.url);
const filesOf = (ending: string) =>
  ['engine', 'kernels'].flatMap((folder) =>
    readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith(ending))
      .map((name) => `${folder}/${name}`)
  );
const textOf = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');
const joined = (found: readonly { readonly text: string }[]) => found.map(({ text }) => text).join('');
const wordsOf = (found: readonly Token[], kind: Kind) =>
  found.flatMap((token) => (token.kind === kind ? [token.text] : []));

/** Text that is like WGSL, or TypeScript, in places. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(
    fc.constantFrom('/*', '*/', '//', '\n', ' ', '@', 'fn', 'f', 'var', '<', '>', '{', '}', '(', ')', '`', '${', "'",
      '\\', '"', '/', '0x', '.', '1e', 'é', '\ud83d', '\u2028', '->', ':', ';'),
  ).map((parts) => parts.join('')),
);

test('the tokens of every WGSL file, put together, are the file, and it has no sign that WGSL does not know', () => {
  const files = filesOf('.wgsl');
  assert.ok(files.length > 100);
  for (const path of files) {
    const found = tokens(textOf(path));
    assert.is(joined(found), textOf(path), path);
    assert.equal(wordsOf(found, 'sign').filter((sign) => !/^(?:->|[-(){}[\]<>;:,.=+*/%&|^~!@])$/.test(sign)), [], path);
  }
});

test('the tokens of any text, put together, are the text, in WGSL and in TypeScript', () => {
  for (const read of [tokens, typescriptTokens]) {
    forAll(
      fc.property(anyText, (text) => joined(read(text)) === text && read(text).every((token) => token.text !== '')),
      { numRuns: 500 },
    );
  }
  for (const path of filesOf('.ts')) assert.is(joined(typescriptTokens(textOf(path))), textOf(path), path);
});

test('each kind of token of WGSL is told from the others', () => {
  const found = tokens(`// sum /* of */ all
alias vector = vec4f; struct Params { n: u32, length: f32 }
@group(0) @binding(1) var<storage, read> x: array<elem>;
const MOST = 0x1Fu; override HALF: f16 = .5e-3h;
fn total(p: ptr<function, Params>) -> vector { /* a /* b */ c */ let min = p.length + length(vec3f(1.)); return min; }
@compute @workgroup_size(64, 1) fn main() { while true { sum(x[0], 1u, min(2, 3), 0x1.8p+3f); } }`);
  assert.equal(wordsOf(found, 'comment'), ['// sum /* of */ all', '/* a /* b */ c */']);
  assert.equal(wordsOf(found, 'attribute'), ['@group', '@binding', '@compute', '@workgroup_size']);
  assert.equal(wordsOf(found, 'keyword'), 'alias struct var const override fn let return fn while true'.split(' '));
  assert.equal(wordsOf(found, 'declared'), 'vector Params x MOST HALF total main'.split(' '));
  assert.equal(wordsOf(found, 'type'), 'vec4f u32 f32 array elem f16 ptr Params vector vec3f'.split(' '));
  assert.equal(wordsOf(found, 'builtin'), ['length', 'min']);
  assert.equal(wordsOf(found, 'number'), '0 1 0x1Fu .5e-3h 1. 64 1 0 1u 2 3 0x1.8p+3f'.split(' '));
  assert.equal(wordsOf(found, 'name'), 'n length storage read p function min p length min sum x'.split(' '));
});

test('a comment that is not closed reaches to the end, and one of a line ends at every line break of WGSL', () => {
  assert.equal(tokens('a /* b */ c /* /* */ d').map(({ kind }) => kind), ['name', 'space', 'comment', 'space', 'name',
    'space', 'comment']);
  for (const lineBreak of ['\n', '\r', '\v', '\f', '\u0085', '\u2028', '\u2029']) {
    assert.equal(wordsOf(tokens(`// a${lineBreak}b`), 'name'), ['b']);
  }
});

test('TypeScript: templates, expressions, division, private names and types', () => {
  const found = typescriptTokens(
    "const y = `a ${f(`b}`)} c` + 'it\\'s'.replace(/[/`]/g, x) / 2 / this.#n; // end\nclass Sum<T> { n: number; }",
  );
  assert.equal(wordsOf(found, 'string'), ['`a ${f(`b}`)} c`', "'it\\'s'", '/[/`]/g']);
  assert.equal(wordsOf(found, 'comment'), ['// end']);
  assert.equal(wordsOf(found, 'number'), ['2']);
  assert.equal(wordsOf(found, 'keyword'), ['const', 'this', 'class']);
  assert.equal(wordsOf(found, 'declared'), ['y', 'Sum']);
  assert.equal(wordsOf(found, 'type'), ['number']);
});

test('HTML of a text says the text, and nothing of it is taken for HTML', () => {
  const text = 'fn a() { // <b> & "c"\n}\n';
  assert.is(colouredLines(text, 'x/a.wgsl'),
    `<a id="x/a.wgsl-1" class="line"></a><span class="k">fn</span> <span class="d">a</span>() { ${'<span class="c">// &lt;b&gt; &amp; &quot;c&quot;</span>'}\n<a id="x/a.wgsl-2" class="line"></a>}\n`);
  assert.is(colouredLines('a < b\n', 'README.txt'), '<a id="README.txt-1" class="line"></a>a &lt; b\n');
  assert.is(colouredLines('', 'a.wgsl'), '<a id="a.wgsl-1" class="line"></a>');
  const saidBy = (html: string) =>
    html.replace(/<[^>]*>/g, '').replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&quot;/g, '"')
      .replace(/&amp;/g, '&');
  forAll(
    fc.property(anyText, fc.constantFrom('a.wgsl', 'a.ts', 'a.md'),
      (given, file) => saidBy(colouredLines(given, file)) === given),
  );
});

test('every line has a name of its own, whatever the files are called, and block comments over lines too', () => {
  const html = colouredLines('/* a\nb */ fn\nc', 'a.wgsl');
  assert.equal([...html.matchAll(/id="([^"]+)"/g)].map(([, id]) => id), [1, 2, 3].map((n) => lineId('a.wgsl', n)));
  assert.is.not(lineId('a-1', 2), lineId('a', 12));
});

test('colours cost little: neighbours of one colour share a span, and what has none has no span', () => {
  assert.equal(runsOf('@compute @workgroup_size(1)', 'a.wgsl').map(({ text }) => text), ['@compute @workgroup_size',
    '(', '1', ')']);
  const text = textOf('kernels/layernorm/layernorm.wgsl');
  assert.ok(colouredLines(text, 'layernorm/layernorm.wgsl').length < 4 * text.length);
});

test.run();
