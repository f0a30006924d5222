/** Lists that were written on another system name files of this one, or say why not. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { PathError } from '../engine/errors.ts';
import { type Names, onDisk } from '../train/data/sets/on_disk.ts';

const root = mkdtempSync(join(tmpdir(), 'firstlight-names-'));
mkdirSync(join(root, 'Surfing'));
writeFileSync(join(root, 'Surfing', 'a.mp4'), 'a');
test.after(() => rmSync(root, { recursive: true, force: true }));

test('folders are parted by \\ as by /', () => {
  assert.is(onDisk(root, 'Surfing\\a.mp4'), join(root, 'Surfing', 'a.mp4'));
  assert.is(onDisk(root, 'Surfing/a.mp4'), join(root, 'Surfing', 'a.mp4'));
});

test('a name that holds \\ as a letter is taken as it is, where it exists', () => {
  writeFileSync(join(root, 'Surfing\\a.mp4'), 'b');
  assert.is(onDisk(root, 'Surfing\\a.mp4'), join(root, 'Surfing\\a.mp4'));
  rmSync(join(root, 'Surfing\\a.mp4'));
});

test('a name in another case, or Unicode form, is missing, and the name that is there is told', () => {
  for (const [name, there] of [['Surfing/A.MP4', 'a.mp4'], ['Surfing\\A.mp4', 'a.mp4']]) {
    assert.throwsWith(() => onDisk(root, name), PathError, new RegExp(`does not exist; there is ${there}, which`));
  }
  writeFileSync(join(root, 'cafe\u0301.mp4'), 'x');
  assert.throwsWith(() => onDisk(root, 'caf\u00e9.mp4'), PathError, /there is cafe\u0301\.mp4/);
  assert.throwsWith(() => onDisk(root, 'surfing/a.mp4'), PathError, /surfing\/a\.mp4: does not exist$/);
  assert.throwsWith(() => onDisk(root, 'none.mp4'), PathError, /none\.mp4: does not exist$/);
});

test('on a system that tells no case apart, two names of one file are one path', () => {
  const apple: Names = {
    realpath: (path) => (path.toLowerCase() === '/r/a.mp4' ? '/r/A.mp4' : assert.unreachable(path)),
    list: () => ['A.mp4'],
  };
  assert.is(onDisk('/r', 'a.MP4', apple), '/r/A.mp4');
  assert.is(onDisk('/r', 'A.mp4', apple), '/r/A.mp4');
});

test('what may not be read is told so, not as missing', () => {
  const refuse = (code: string): Names => ({ list: () => [], realpath: () => {
    throw Object.assign(new Error(code), { code });
  } });
  assert.throwsWith(() => onDisk('/r', 'a', refuse('EACCES')), PathError, /a: permission denied/);
  assert.throwsWith(() => onDisk('/r', 'a', refuse('ELOOP')), PathError, /a: is a link to itself/);
});

test('on Windows both signs part folders by themselves, and nothing is tried twice', () => {
  const asked: string[] = [];
  const windows: Names = { list: () => [], realpath: (path) => {
    asked.push(path);
    throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
  } };
  assert.throwsWith(() => onDisk('C:\\r', 'a\\b', windows, '\\'), PathError, /a\\b: does not exist/);
  assert.is(asked.length, 1);
});

test.run();
