/** Names and texts from outside do nothing where they are shown: in a terminal, in a log, in a report. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseHTML } from 'linkedom';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { CheckpointFormatError, ConfigError, DatasetError, FirstlightError, PathError, StateDictError,
  VideoDecodeError } from '../engine/errors.ts';
import { FileError } from '../engine/file_error.ts';
import { oneLine, printable, shown, shownValue } from '../engine/shown.ts';
import { bytesInMemory } from '../model/checkpoint/bytes.ts';
import { openSafetensors } from '../model/checkpoint/safetensors.ts';
import { clipTokenizer } from '../model/tokenizer.node.ts';
import { explain } from '../train/cli/failure.ts';
import { separateNames } from '../train/cli/names.ts';
import { textOf } from '../train/commands/check.ts';
import { escapedJson, tableOf } from '../train/prediction/answer.ts';
import { Quarantine, quarantineText, readQuarantine } from '../train/data/loading/quarantine.ts';
import { readLabels, readNames } from '../train/data/sets/lists.ts';
import { Progress } from '../train/log/progress.ts';
import { renderReport } from '../train/report/report.ts';
import { HARM, HARMFUL, HOSTILE, HUGE } from './hostile_sample.ts';
import { ownRun, sample } from './report_sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-text-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

function assertHarmless(text: string, what: string): void {
  assert.not.match(text, HARMFUL, what);
  assert.not.match(text, /^firstlight: all is well/m, what);
  assert.ok(text.length < 20_000, `${what}: ${text.length} letters`);
}

test('a foreign text is one line, harmless, and cut in the middle beyond 200 letters', () => {
  for (const harm of HARM) {
    assert.not.match(shown(harm), /[\n\r]/);
    assertHarmless(shown(`a${harm}b`), JSON.stringify(harm));
  }
  assert.is(shown('clips/ä b\u00a0c 日本 🎬.mp4'), 'clips/ä b\u00a0c 日本 🎬.mp4');
  assert.is(shown('\u202e\u001b'), '\\u202e\\u001b');
  assert.is(shown(`begin${HUGE}end`).length, 200);
  assert.match(shown(`begin${HUGE}end`), /^beginn+…n+end$/);
  assert.is(shown('x'.repeat(200)), 'x'.repeat(200));
  assert.is(shown('abcdef', 5), 'ab…ef');
  assert.is(shownValue({ a: '\u202e' }), '{"a":"\\u202e"}');
  assert.is(oneLine('a\nb'), 'a\\u000ab');
  assert.is(printable('a\n\tb\u202e'), 'a\n\tb\\u202e');
});

test('no error lets a name do anything, however long it is', () => {
  for (const name of [HOSTILE, HUGE]) {
    const errors: readonly FirstlightError[] = [
      new CheckpointFormatError('Hole', name, 'begins at byte 5', name),
      new StateDictError(name, { missing: [name], unexpected: [name], mismatched: [name] }),
      new ConfigError(name, ['is wrong']),
      new DatasetError([{ file: name, line: 3, problem: 'is wrong' }]),
      new VideoDecodeError(name, 'is damaged'),
      new PathError(name, 'does not exist'),
      new FileError(name, 'ENOENT'),
    ];
    for (const error of errors) {
      assertHarmless(error.message, error.code);
      assertHarmless(explain(error, false), error.code);
    }
  }
  assertHarmless(explain(new Error('a\u001b[31m\u202e'), false), 'a defect');
});

test('a header whose names are hostile or without end is refused in a few words', async () => {
  for (const name of [HOSTILE, HUGE]) {
    const tensor = { dtype: 'F32', shape: [1], data_offsets: [0, 8] };
    for (const json of [`{${JSON.stringify(name)}:${JSON.stringify(tensor)}}`, `{"a":{${JSON.stringify(name)}:1}}`,
      `{"a":{"dtype":${JSON.stringify(name)},"shape":[],"data_offsets":[0,0]}}`,
      `{${JSON.stringify(name)}:${JSON.stringify({ ...tensor, data_offsets: [0, 4] })},${JSON.stringify(name)}:{}}`]) {
      const text = Buffer.from(json);
      const head = Buffer.alloc(8);
      head.writeBigUInt64LE(BigInt(text.length));
      const bytes = Buffer.concat([head, text, Buffer.alloc(8)]);
      const { message } = await assert.rejectsWith(openSafetensors(bytesInMemory('x', bytes)), CheckpointFormatError);
      assertHarmless(message, json.slice(0, 40));
    }
  }
});

test('what a ranking prints does nothing, and its JSON is the same value', () => {
  const answer = { file: HOSTILE,
    predictions: [{ label: HOSTILE, probability: 0.9 }, { label: HUGE, probability: 0.1 }] };
  assertHarmless(tableOf(answer), 'table');
  assert.is(tableOf(answer).split('\n').length, 3);
  const json = escapedJson({ file: HOSTILE.replaceAll('\ud800', '') });
  assertHarmless(json, 'JSON');
  assert.equal(JSON.parse(json), { file: HOSTILE.replaceAll('\ud800', '') });
});

test('progress, a quarantine and a check tell of hostile names in one line each', () => {
  let written = '';
  const stream = { write: (text: string) => (written += text), isTTY: false } as unknown as NodeJS.WriteStream;
  new Progress({ stream }).message(`${shown(HOSTILE)} cannot be decoded`);
  new Progress({ stream }).message('a\u001b[2J');
  assertHarmless(written, 'progress');
  assert.is(written.split('\n').length, 3);
  assertHarmless(quarantineText([{ path: HOSTILE, reason: HOSTILE }, { path: HUGE, reason: 'cut off' }], 'left out'),
    'quarantine');
  const line = { file: 'list.txt', line: 3, problem: `${HOSTILE}: is cut off` };
  const report = textOf({ config: 'c.yaml', errors: [], problems: [line], warnings: [line],
    files: { tried: 1, sound: 0, frames: 0 }, cleaned: [], missing: [] }, 20);
  assertHarmless(report, 'check');
});

test('a quarantine keeps a hostile name as it is, in one line', () => {
  const path = join(folder, HOSTILE.replaceAll('\ud800', '').replaceAll('/', ''));
  using kept = new Quarantine({ folder });
  kept.add({ path, reason: 'is cut off', epoch: 0, index: 0 });
  assert.equal(readQuarantine(folder).map((clip) => clip.path), [path]);
});

test('names of classes that hold what is escaped elsewhere are refused with their line', () => {
  const file = join(folder, 'labels.csv');
  for (const harm of ['\u001b[31m', '\u009b', '\u202e', '\t']) {
    writeFileSync(file, `id,name\n0,a square\n1,a${harm}circle\n`);
    assert.throwsWith(() => readLabels(file), DatasetError,
      /labels\.csv:3: the name "a.*circle" holds control characters, or marks that turn the direction of writing/);
    writeFileSync(file, `a square\na${harm}circle\n`);
    assert.throwsWith(() => readNames(file), DatasetError, /labels\.csv:2: the name "a.*circle" holds control/);
    assert.throwsWith(() => separateNames(`a square, a${harm}circle`), FirstlightError, /the name "a.*" holds control/);
  }
  writeFileSync(file, 'id,name\n0,مربع\n1,דגל אדום\n');
  assert.equal(readLabels(file), ['مربع', 'דגל אדום']);
});

test('a text that a model was not trained with is told in a few words', async () => {
  const { tokenizer } = (await clipTokenizer()).compact(['a square']);
  for (const text of [`zebra \u202e${'zebra '.repeat(2000)}`, 'z'.repeat(20_000)]) {
    assertHarmless(assert.throwsWith(() => tokenizer.encode(text), FirstlightError).message, text.slice(0, 10));
  }
});

test('a report shows every foreign name harmless, cut, and by itself', () => {
  const data = ownRun(20);
  const [clip] = sample.clips;
  const names = data.classes?.names.map((own, id) => (id === 3 ? HOSTILE : id === 4 ? HUGE : own)) ?? [];
  const page = renderReport({ ...data, title: HOSTILE, config: `run: ${HOSTILE}`,
    classes: data.classes && { ...data.classes, names },
    clips: [{ ...clip, file: HOSTILE, label: HUGE, top: [{ label: HOSTILE, probability: 1 }] }],
    unreadable: [{ file: HOSTILE, reason: HOSTILE }, { file: HUGE, reason: 'is cut off' }] });
  const { document } = parseHTML(page);
  assert.not.match(page.replaceAll('\t', ''), HARMFUL);
  assert.ok(page.length < 1e6, `${page.length} letters`);
  const escaped = [...document.querySelectorAll('bdi')].map((element) => element.textContent);
  assert.ok(escaped.filter((text) => text === shown(HOSTILE)).length >= 5);
  assert.ok(escaped.includes(shown(HUGE)));
  for (const selector of ['.file', '.guesses li', '.by-class td:first-child', '.pairs td:first-child', 'h1']) {
    const elements = [...document.querySelectorAll(selector)];
    assert.ok(elements.length > 0, selector);
    for (const element of elements) {
      const isApart = element.querySelector('bdi') !== null || element.getAttribute('dir') === 'auto';
      assert.ok(isApart, `${selector}: ${element.innerHTML}`);
    }
  }
});

test.run();
