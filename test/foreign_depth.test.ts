/** Parts nested in each other, deeper than a program can call itself: a file of them is refused by name. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { parseTunings } from '../engine/candidates.ts';
import { FirstlightError } from '../engine/errors.ts';
import { endOfString, parseJson } from '../engine/json.ts';
import { openCheckpoint } from '../model/checkpoint/folder.node.ts';
import { ClipTokenizer } from '../model/tokenizer.ts';
import { decodeState } from '../train/checkpoint/state_file.ts';
import { examine, type Signature } from '../train/data/video/container.ts';
import { inspect } from '../train/data/video/inspect.ts';
import { readRunLog } from '../train/log/run_log.ts';
import { parseConfig } from '../train/run/config.ts';
import { readFixtures } from '../train/verify/folder.ts';
import { sourceOf } from './container_sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-depth-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const LEVELS = 100_000;
const DEEP = `{"a":${'['.repeat(LEVELS)}${']'.repeat(LEVELS)}}`;

/** As a file that lies on the disk. */
function written(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

test('JSON is read to a depth that no file of ours has', () => {
  const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
  assert.equal(parseJson(nested(3)), [[[]]]);
  assert.equal(parseJson(`"${nested(100)}\\"["`), `${nested(100)}"[`);
  assert.is((parseJson(`[${'[], {}, '.repeat(100)}"", "\\"", []]`) as unknown[]).length, 203, 'beside one another');
  assert.equal(['""', '"a"b', '"\\""c', '"\\\\"', '"a'].map((text) => endOfString(text, 0)), [1, 2, 3, 3, 2]);
  assert.ok(Array.isArray(parseJson(nested(64))));
  for (const text of [nested(65), '{"a":'.repeat(65), DEEP]) {
    assert.throwsWith(() => parseJson(text), SyntaxError, 'nested deeper than 64 levels');
  }
});

test('every file of JSON is refused by name where it is nested too deeply', async () => {
  const deep = /nested deeper than 64 levels/;
  assert.throwsWith(() => parseTunings(DEEP, 'tuned.json'), FirstlightError, deep);
  assert.throwsWith(() => ClipTokenizer.fromJson(DEEP, undefined, 'x'), FirstlightError, deep);
  assert.throwsWith(() => ClipTokenizer.fromVocabulary(DEEP, '', undefined, 'x'), FirstlightError, deep);
  assert.throwsWith(() => decodeState('state.json', Buffer.from(DEEP)), FirstlightError, deep);
  assert.throwsWith(() => readRunLog(written('log.jsonl', `${DEEP}\n`)), FirstlightError, /log\.jsonl:1: not an entry/);
  written('model.safetensors.index.json', DEEP);
  await assert.rejectsWith(openCheckpoint(folder), FirstlightError, deep);
  await assert.rejectsWith(readFixtures(folder), FirstlightError, deep);
});

for (const [what, opening] of [['lists', '['], ['maps', '{a: '], ['items', '- '], ['keys', '? ']] as const) {
  test(`a configuration of ${what} within ${what} is refused by name`, () => {
    const text = `a:\n ${opening.repeat(16_000)}`;
    assert.throwsWith(() => parseConfig(text, 'c.yaml'), FirstlightError,
      /^c\.yaml: line 2, column \d+: nested deeper than 64 levels: /);
  });
}

test('an override that is nested too deeply is refused by name', () => {
  assert.throwsWith(() => parseConfig('', 'c.yaml', [`data.train=${'['.repeat(1000)}`]), FirstlightError,
    /^--set data\.train: .*nested deeper than 64/);
});

const box = (type: string, size: number) => {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(size);
  head.write(type, 4, 'latin1');
  return head;
};

/** A movie of boxes within boxes. */
function boxes(levels: number): Buffer {
  const size = 8 * (levels + 1);
  return Buffer.concat([box('moov', size),
    ...Array.from({ length: levels }, (_, i) => box('trak', size - 8 * (i + 1)))]);
}

/** A number in eight bytes, as EBML writes sizes. */
function wide(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  bytes[0] = 1;
  return bytes;
}

/** Tracks within tracks. */
function elements(levels: number): Buffer {
  const head = 9;
  const ids = [Buffer.from('1a45dfa380', 'hex'), Buffer.from('18538067', 'hex'), wide(head * levels)];
  return Buffer.concat([...ids,
    ...Array.from({ length: levels }, (_, i) => Buffer.concat([Buffer.of(0xae), wide(head * (levels - 1 - i))]))]);
}

/** Lists of frames within lists of frames. */
function chunks(levels: number): Buffer {
  const head = (name: string, size: number, kind: string) => {
    const bytes = Buffer.alloc(12);
    bytes.write(name, 0, 'latin1');
    bytes.writeUInt32LE(size, 4);
    bytes.write(kind, 8, 'latin1');
    return bytes;
  };
  return Buffer.concat(
    Array.from({ length: levels + 1 },
      (_, i) => i === 0 ? head('RIFF', 12 * levels + 4, 'AVI ') : head('LIST', 12 * (levels - i) + 4, 'movi')),
  );
}

/** And how deep they may be nested. */
const CONTAINERS: readonly (readonly [Signature, (levels: number) => Buffer, number])[] = [['iso', boxes, 8], ['ebml',
  elements, 9], ['riff', chunks, 7]];

for (const [signature, made, deepest] of CONTAINERS) {
  test(`parts within parts of a container (${signature}) are followed as deep as a file has them`, () => {
    const faultOf = (levels: number) => examine(sourceOf(made(levels)), signature).fault;
    assert.is(faultOf(deepest), undefined);
    assert.match(faultOf(deepest + 1) ?? '', /is damaged: its parts do not fit at byte/);
    assert.match(faultOf(LEVELS / 2) ?? '', /is damaged: its parts do not fit at byte/);
    const path = written(`deep.${signature}`, made(LEVELS / 2));
    assert.throwsWith(() => inspect(path), FirstlightError, /is damaged/);
  });
}

test.run();
