/**
 * The pages of the rooms: their programs run and print what they say, their sentences are short, and their parts come
 * in one order.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';
import * as assert from './assert.ts';
import { filesOf, HEADINGS, headingsOf, linksOf, longSentences, MOST_WORDS, type Program, programOf,
  sectionOf } from './page.ts';
import { test } from './test.ts';

const KERNELS = new URL('../kernels/', import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'firstlight-pages-'));
const textOf = (path: string) => readFileSync(new URL(path, KERNELS), 'utf8');
const rooms = readdirSync(KERNELS, { withFileTypes: true }).filter((entry) =>
  entry.isDirectory() && !['checking', 'shared'].includes(entry.name)
).map(({ name }) => name);
/** Pages in the form that teaches. */
const pages = rooms.map((room) => ({ room, page: textOf(`${room}/README.md`) }));

/** Runs a program as if it stood in a folder; returns what it prints. */
async function run({ code }: Program, home: URL, name: string): Promise<string[]> {
  const path = join(folder, `${name}.mts`);
  writeFileSync(path,
    code.replace(/(from |import\()'(\.[^']*)'/g,
      (_, before: string, target: string) => `${before}'${new URL(target, home).href}'`));
  const printed: string[] = [];
  const { log } = console;
  console.log = (...values: unknown[]) => void printed.push(...format(...values).split('\n'));
  try {
    await import(pathToFileURL(path).href);
  } finally {
    console.log = log;
  }
  return printed;
}

test('every page says what its room computes, in which order to read it, an example by hand, and what to try', () => {
  assert.ok(pages.length > 0);
  const needed = ['What it computes', 'Read in this order', 'By hand', 'Try it', 'Measured'];
  for (const { room, page } of pages) {
    assert.equal(needed.filter((heading) => !headingsOf(page).includes(heading)), [], `kernels/${room}/README.md`);
  }
});

for (const { room, page } of pages) {
  test(`the program on the page of ${room} prints what it says`, async () => {
    const program = programOf(sectionOf(page, HEADINGS[0]));
    assert.ok(program, 'there is none under "What it computes"');
    assert.ok(program.prints.length > 0, 'it prints nothing');
    assert.equal(await run(program, new URL(`${room}/`, KERNELS), room), program.prints);
  });

  test(`the parts of the page of ${room} come in the order of all pages`, () => {
    const headings = headingsOf(page);
    assert.equal(headings, HEADINGS.filter((heading) => headings.includes(heading)));
  });

  test(`the page of ${room} has no sentence of ${MOST_WORDS} words or more`, () =>
    assert.equal(longSentences(page), []));

  test(`the page of ${room} says in which order to read its files, every WGSL text of the room among them, and how long they are`, () => {
    const order = sectionOf(page, HEADINGS[1]);
    const wgsl = readdirSync(new URL(`${room}/`, KERNELS), { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.wgsl')
    ).map((name) => name.replaceAll('\\', '/'));
    assert.equal(wgsl.filter((name) => !linksOf(order).includes(name)), [], 'these are not in the order of reading');
    const wrong = filesOf(order).flatMap(({ links, lines }) => {
      if (lines.length !== links.length) return []; // a list of files without their lengths
      const actual = links.map((link) => textOf(`${room}/${link}`).split('\n').length - 1);
      return links.flatMap((link, i) => (Math.abs(actual[i] - lines[i]) <= Math.max(2, actual[i] / 10)
        ? []
        : [`${link} has ${actual[i]} lines, the page says ${lines[i]}`])
      );
    });
    assert.equal(wrong, []);
  });
}

const SAMPLE = `# A room

## What it computes

\`\`\`ts
import { x } from './x.ts';
console.log(x); // → 1 2
\`\`\`

## Numerics

    a formula that stands alone: ${'word '.repeat(40)}

${'word '.repeat(28)}end. Short, e.g. this one. ${'x + y · 2 '.repeat(20)}is a formula.

* [link](${'much/'.repeat(40)}target.ts) of \`${'code '.repeat(40)}\`.
* ${'word '.repeat(30)}end.

| ${'cell '.repeat(40)} |
|---|
`;

test('a page is taken apart as it should be, and a sentence of thirty words is found', () => {
  assert.equal(headingsOf(SAMPLE), ['What it computes', 'Numerics']);
  assert.equal(programOf(sectionOf(SAMPLE, 'What it computes')), {
    code: "import { x } from './x.ts';\nconsole.log(x); // → 1 2\n",
    prints: ['1 2'],
  });
  assert.is(programOf(sectionOf(SAMPLE, 'Numerics')), undefined);
  assert.equal(longSentences(SAMPLE), [`${'word '.repeat(30)}end.`]);
  assert.equal(filesOf('| file | lines |\n|---|--:|\n| [`a`](a.ts), [b](../b.ts) | 18, 11 | new |'), [{
    links: ['a.ts', '../b.ts'],
    lines: [18, 11],
  }]);
});

test('a program that prints something else than the page says is seen', async () => {
  const program = {
    code: "import { basename } from 'node:path';\nconsole.log(basename('a/b'), 1);\nconsole.log('two');\n",
    prints: [],
  };
  assert.equal(await run(program, KERNELS, 'sample'), ['b 1', 'two']);
});

test.after(() => rmSync(folder, { recursive: true }));
test.run();
