/** kernels/README.md, the front door: its list of rooms is that of kernels/index.ts, and what it names is there. */
import { existsSync, readFileSync } from 'node:fs';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { rooms } from '../kernels/index.ts';

const PAGE = new URL('../kernels/README.md', import.meta.url);
const page = readFileSync(PAGE, 'utf8');

/** What stands under a heading. */
function section(title: string): string {
  return new RegExp(`^## ${title}$(.*?)(?=^## |$(?![\\s\\S]))`, 'ms').exec(page)?.[1] ?? '';
}

const linked = (text: string) =>
  [...text.matchAll(/\| \[(\w+)\]\((\w+)\/README\.md\)/g)].map(([, name, folder]) => {
    assert.is(folder, name);
    return name;
  });

test('the list of rooms is kernels/index.ts, name by name and in its order', () => {
  assert.equal(linked(section('All rooms')), rooms.map(({ name }) => name));
});

test('the way is the beginning of the list', () => {
  const way = linked(section('The way'));
  assert.equal(way, ['gelu', 'softmax', 'layernorm', 'cross_entropy', 'matmul', 'attention']);
  assert.equal(rooms.slice(0, way.length).map(({ name }) => name), way);
});

test('every operation of the list is exported by the index.ts of its room', async () => {
  for (const [, room, text] of section('All rooms').matchAll(/^\| \[(\w+)\]\([^)]*\) \| (.*) \|$/gm)) {
    const exported = await import(`../kernels/${room}/index.ts`) as Readonly<Record<string, unknown>>;
    const names = [...text.matchAll(/`(\w+)`/g)].map(([, name]) => name);
    assert.ok(names.length > 0, room);
    for (const name of names) assert.is(typeof exported[name], 'function', `${room}: ${name}`);
  }
});

test('every link leads to a file', () => {
  const links = [...page.matchAll(/\]\((?!https:)([^)]+)\)/g)].map(([, link]) => link);
  assert.ok(links.length > rooms.length);
  assert.equal(links.filter((link) => !existsSync(new URL(link, PAGE))), []);
});

test.run();
