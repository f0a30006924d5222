/** The pages of the interface: every export is there with what the sources say of it, and links lead somewhere. */
import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { parseSync } from 'rolldown/utils';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { exported, ROOT } from '../package/exports.ts';
import { commentOf } from '../web/api/comment.ts';
import { apiEntries, type Entry } from '../web/api/model.ts';
import { apiPages, nameOf, placeOfEntry, sourceOf } from '../web/api/pages.ts';

const entries = apiEntries();
const pages = apiPages(() => (path) => `/${path}`, entries);

/** The names that a source exports, read without types. */
function exportsOf(path: string): string[] {
  const { module } = parseSync(path, readFileSync(posix.join(ROOT, path), 'utf8'));
  return module.staticExports.flatMap(({ entries }) => entries).flatMap(({ exportName, moduleRequest }) =>
    exportName.name !== null || moduleRequest === null
      ? exportName.name ?? []
      : exportsOf(posix.join(posix.dirname(path), moduleRequest.value))
  );
}

test('everything that can be imported has a page, but data and cases', () => {
  assert.equal(entries.map(({ source }) => source).sort(),
    exported().filter((path) => !/\/cases$|tuned$/.test(path)).map((path) => `${path}.ts`).sort());
});

for (const entry of entries) {
  test(`${entry.specifier}: every export is on its page, with its comment`, () => {
    const names = [...new Set(exportsOf(entry.source))].sort();
    assert.ok(names.length > 0);
    assert.equal([...new Set(entry.items.map(nameOf))].sort(), names);
    const { body } = pageOf(entry);
    assert.equal(names.filter((name) => !body.text.includes(`id="${name}"`)), []);
    assert.equal(entry.items.filter(({ docComment }) => commentOf(docComment).text.length === 0).map(nameOf), [],
      'these have no doc comment');
  });
}

function pageOf(entry: Entry): (typeof pages)[number] {
  const page = pages.find(({ path }) => path === placeOfEntry(entry));
  assert.ok(page);
  return page;
}

test('every link leads to a file of the project, or to an anchor of a page; no anchor is there twice', () => {
  const anchors = new Map(
    pages.map(({ path, body }) => [path, [...body.text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)]),
  );
  for (const [path, ids] of anchors) assert.is(new Set(ids).size, ids.length, path);
  const dead = pages.flatMap(({ path, body }) =>
    [...body.text.matchAll(/href="([^"]+)"/g)].filter(([, href]) => {
      if (href.startsWith('/')) return !existsSync(posix.join(ROOT, href));
      const [to, anchor] = href.split('#');
      const ids = anchors.get(to === '' ? path : posix.join(posix.dirname(path), to));
      return ids === undefined || (anchor !== undefined && !ids.includes(anchor));
    }).map(([, href]) => `${path}: ${href}`)
  );
  assert.equal(dead, []);
});

test('names of the engine are linked from the page of a room, and names of the page itself on it', () => {
  const of = (specifier: string) => pages.find(({ title }) => title === specifier)?.body.text ?? '';
  assert.match(of('firstlight/kernels/gelu'), 'function gelu(x: <a href="../engine.html#Tensor">Tensor</a>');
  assert.match(of('firstlight'), 'Promise&lt;<a href="#Gpu">Gpu</a>&gt;');
  // a name that the language has too
  assert.match(of('firstlight'), 'id="History"');
  assert.is(sourceOf({ kind: 'Variable', excerptTokens: [], fileUrlPath: 'engine/software.d.mts' }),
    'engine/software.mjs');
});

test('a comment keeps the lines that stand for themselves, its parameters, what it returns and when it throws', () => {
  const wrapped = `${'word '.repeat(21)}words`;
  assert.equal(commentOf(`/**
 * y = x · w.
 * Somebody 2020, eq. 1. ${wrapped}
 * and more.
 *
 * A second paragraph.
 *
 * @param x - [B, D]
 *
 * @param  - options.eps added
 * below
 *
 * @returns [B]
 *
 * @throws where shapes differ
 */
`), {
    text: [['y = x · w.', `Somebody 2020, eq. 1. ${wrapped} and more.`], ['A second paragraph.']],
    params: [{ name: 'x', text: '[B, D]' }, { name: 'options.eps', text: 'added below' }],
    returns: '[B]',
    throws: ['where shapes differ'],
  });
  assert.equal(commentOf('').text, []);
  assert.equal(commentOf('/**\n * Constructs a new instance of the `X` class\n */\n').text, []);
});

test.run();
