/** The table of faults names tests that are there, and has a line for each fault. */
import { readFileSync } from 'node:fs';
import { test } from './test.ts';
import * as assert from './assert.ts';

const textOf = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8');
const lines = textOf('./FAULTS.md').split('\n').filter((line) => /^\| \d+ \|/.test(line));

test('every fault of the table has tests, all of which are there under these names', () => {
  assert.equal(lines.map((line) => Number(/\d+/.exec(line)?.[0])), Array.from({ length: 30 }, (_, i) => i + 1));
  const bare: string[] = [];
  const missing: string[] = [];
  for (const line of lines) {
    const held = [...(line.split(' | ').at(-1) ?? '').matchAll(/\]\(([\w.]+)\) "([^"]+)"/g)];
    if (held.length === 0) bare.push(line.slice(0, 8));
    for (const [, file, title] of held) {
      // quotes are escaped in sources, and a title may be cut over lines of a comment
      const source = textOf(`./${file}`).replace(/\s+\*?\s*/g, ' ');
      if (!source.includes(title)) missing.push(`${file}: ${title}`);
    }
  }
  assert.equal(missing, []);
  assert.equal(bare, []);
});

test.run();
