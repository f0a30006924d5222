/** Types, rules, form, lines and links of the whole house, and that each check finds what it is for. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { checks, failuresOf } from '../lint/checks.ts';
import { filesOf } from '../lint/files.ts';
import { formatted } from '../lint/format.ts';
import { lineProblems, longLines } from '../lint/lines.ts';
import { anchorsOf, deadLinks, targetsOf } from '../lint/links.ts';

for (const { name, holds, find } of checks) {
  test(`${name}: ${holds}`, async () => {
    assert.equal(await find(), []);
  });
}

test('a program that fails is quoted, and one that succeeds has nothing to say', async () => {
  assert.equal(await failuresOf('engine/setup/run.mjs', []), [
    'firstlight: usage: node engine/setup/run.mjs program.ts [arguments]',
  ]);
  assert.equal(await failuresOf('node_modules/typescript/bin/tsc', ['--version']), []);
});

test('files of all folders are looked at, but none that came from elsewhere', () => {
  const files = filesOf(['.ts', '.md', '.wgsl']);
  for (const path of ['README.md', 'lint/files.ts', 'kernels/gelu/gelu.wgsl', 'train/report/html.ts']) {
    assert.ok(files.includes(path), path);
  }
  assert.equal(files.filter((path) => /node_modules|test\/fixtures\/|dist\//.test(path)), []);
});

test('a text in another form gets its form, and keeps it', () => {
  const own = formatted('a.ts', 'const a = {b: "c",d };\nif (a) { b() }\nconst f = (x)=>x');
  assert.is(own, "const a = { b: 'c', d };\nif (a) b();\nconst f = (x) => x;\n");
  assert.is(formatted('a.ts', own), own);
  assert.throwsWith(() => formatted('a.ts', 'const a = ;'), /a\.ts|Expression expected|Unexpected token/);
});

test('short properties share a line, and a long list goes on in the next one', () => {
  const names = Array.from({ length: 30 }, (_, i) => `name_${i}`);
  const lines = formatted('a.ts', `call({ ${names.join(', ')} });\n`).trimEnd().split('\n');
  assert.is(lines.length, 3);
  assert.ok(lines.every((line) => line.length <= 120));
});

test('a line that is too long is found, unless what makes it long stands in quotes', () => {
  const long = 'x'.repeat(120);
  assert.equal(longLines('a.ts', `const a = 1;\nconst ${long} = 1;\n`), ['a.ts:2: longer than 120 columns']);
  assert.equal(longLines('a.ts', `// ${long}\n`), ['a.ts:1: longer than 120 columns']);
  assert.equal(longLines('a.ts', `// https://example.org/${long}\n`), []);
  assert.equal(longLines('a.ts', `test('${long}', () => {});\nconst a = /${long}/;\nconst b = \`\n${long}\n\`;\n`), []);
  assert.equal(longLines('a.ts', `const b = \`\${${long}}\`;\n`), ['a.ts:1: longer than 120 columns']);
  assert.equal(longLines('a.ts', `const b: '${long}' = 'é𝄞';\n// é ${'𝄞'.repeat(115)}\n`), []);
  assert.equal(longLines('a.wgsl', `fn f() {}\n// '${long}'\n`), ['a.wgsl:2: longer than 120 columns']);
});

test('tabs, spaces at the end of a line, and an end that is missing are found', () => {
  assert.equal(lineProblems('a.ts', 'a;\n\tb;\nc; \n'), ['a.ts:2: a tab', 'a.ts:3: spaces at the end']);
  assert.equal(lineProblems('a.ts', 'a;'), ['a.ts:1: the file must end with one line break']);
  assert.equal(lineProblems('a.ts', 'a;\n\n'), ['a.ts:3: the file must end with one line break']);
  assert.equal(lineProblems('a.ts', 'a;\r\n'), ['a.ts:1: a carriage return']);
});

const PAGE = `# A page: of \`code\` (and) more

[other](../b.md#parts), ![picture](gone.png), [here](#a-page-of-code-and-more), [site](https://example.org), [r]
\`[code](none.md)\`

## Twice
## Twice

[r]: ../b.md#none
`;

test('links are read as a browser reads them, and those that lead nowhere are found', () => {
  assert.equal(targetsOf(PAGE), ['../b.md#parts', 'gone.png', '#a-page-of-code-and-more', 'https://example.org',
    '../b.md#none']);
  assert.equal([...anchorsOf(PAGE)], ['a-page-of-code-and-more', 'twice', 'twice-1']);
  const read = (path: string) => (path === 'b.md' ? '# B\n\n## Parts\n' : undefined);
  assert.equal(deadLinks('x/a.md', PAGE, read), ['x/a.md: gone.png is not there',
    'x/a.md: ../b.md#none names a heading that b.md does not have']);
});

test.run();
