/** Files of JSON and YAML in which anything may stand for anything: the reader takes them, or refuses them by name. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { FirstlightError, PathError } from '../engine/errors.ts';
import { parseTunings } from '../engine/candidates.ts';
import { openCheckpoint } from '../model/checkpoint/folder.node.ts';
import { configFromHuggingFace, configToHuggingFace } from '../model/checkpoint/huggingface.ts';
import { officialPreprocessor, preprocessorFromHuggingFace,
  preprocessorToHuggingFace } from '../model/checkpoint/preprocessor.ts';
import { configFor, isNetworkName, networkFor, PRESETS } from '../model/systems/config.ts';
import { ClipTokenizer } from '../model/tokenizer.ts';
import { clipTokenizer } from '../model/tokenizer.node.ts';
import { RunLock } from '../train/checkpoint/lock.ts';
import { decodeState, encodeState, type StateFile } from '../train/checkpoint/state_file.ts';
import { readQuarantine } from '../train/data/loading/quarantine.ts';
import { readRunLog } from '../train/log/run_log.ts';
import { writeMovingShapes } from '../train/moving_shapes/files.ts';
import { parseConfig } from '../train/run/config.ts';
import { Findings } from '../train/run/findings.ts';
import { FixtureFile } from '../train/verify/fixture.ts';
import { readFixtures } from '../train/verify/folder.ts';
import { kindOf } from '../train/verify/index.ts';
import { SCHEMAS, shortened } from './fuzz/readers/fixtures.ts';
import { mutationsOf, readAll } from './mutations.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-types-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const { tokenizer } = (await clipTokenizer()).compact(['a red square', 'a star']);
const files = tokenizer.files(77);
const parsed = (text: string) => JSON.parse(text) as Record<string, unknown>;

/** As a file that lies on the disk. */
function written(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test('config.json of systems of every form', () => {
  const clips = { frames: 8, imageSize: 32, classes: ['up', 'down'] };
  for (const system of ['xclip', 'vit', 'timesformer', 'tsm', 'video-swin', 'videomae', 'coswin',
    'x-florence'] as const) {
    const config = isNetworkName(system)
      ? networkFor(system, 'tiny', clips)
      : configFor(system, PRESETS.tiny, { classes: clips.classes });
    readAll(configToHuggingFace(config), (json) => configFromHuggingFace(json, 'config.json'));
  }
  readAll({ ...configToHuggingFace(PRESETS.tiny), model_type: 'clip' },
    (json) => configFromHuggingFace(json, 'config.json'));
});

test('preprocessor_config.json', () =>
  readAll(preprocessorToHuggingFace(officialPreprocessor(224), 224), (json) =>
    preprocessorFromHuggingFace(json, 224, 'preprocessor_config.json')));

test('tokenizer.json and tokenizer_config.json', () => {
  const json = parsed(files['tokenizer.json']);
  const added = [...json.added_tokens as object[], { id: tokenizer.vocabSize, content: 'snow', special: false,
    normalized: true }];
  readAll({ ...json, added_tokens: added },
    (value) => ClipTokenizer.fromJson(JSON.stringify(value), undefined, 'tokenizer.json').encode('a red star'));
  readAll(parsed(files['tokenizer_config.json']),
    (value) =>
      ClipTokenizer.fromJson(files['tokenizer.json'], JSON.stringify(value), 'tokenizer.json').encode('a red star'));
});

test('vocab.json and added_tokens.json', () => {
  const { vocab, merges } = parsed(files['tokenizer.json']).model as { vocab: object; merges: string[] };
  readAll(vocab,
    (value) =>
      ClipTokenizer.fromVocabulary(JSON.stringify(value), merges.join('\n'), undefined, 'vocab.json').encode('a star'));
  readAll({ snow: tokenizer.vocabSize },
    (value) =>
      ClipTokenizer.fromVocabulary(JSON.stringify(vocab), merges.join('\n'), JSON.stringify(value), 'vocab.json')
        .encode('a star'));
});

test('an entry of a run’s log', () =>
  readAll({ stage: 'xclip', step: 3, time: '2026-01-01T00:00:00.000Z', loss: 2, lr: 'NaN' }, (value) =>
    readRunLog(written('log.jsonl', `${JSON.stringify(value)}\n`))));

const STATE: StateFile = {
  state: { step: 3, optimizer: { steps: 3, finiteInARow: 3, skippedInARow: 0, skipped: 0, lossScale: 1024 }, seed: 5,
    config: 'run: {seed: 5}', data: { 'data.train': '4 clips' }, elapsedSeconds: 1.5,
    validations: [{ step: 2, top1: 0.5, top5: 1, loss: null }], epoch: { steps: 1, lossSum: 2.5 } },
  files: { 'model.safetensors': { bytes: 5, sha256: 'a'.repeat(64) } },
};

test('the state of a run, rightly sealed', () => {
  const whole = parsed(new TextDecoder().decode(encodeState(STATE)));
  assert.equal(decodeState('state.json', encodeState(STATE)), STATE);
  readAll(whole, (value) => {
    const { sha256: _, ...content } = (value ?? {}) as Record<string, unknown>;
    const sha256 = createHash('sha256').update(JSON.stringify(content)).digest('hex');
    const text = `${JSON.stringify({ ...content, sha256 }, null, 2)}\n`;
    return decodeState('state.json', new TextEncoder().encode(text));
  });
});

test('an entry of a quarantine', () =>
  readAll({ path: 'a.mp4', reason: 'is cut off', epoch: 0, index: 3, time: 'now' }, (value) => {
    written('quarantine.jsonl', `${JSON.stringify(value)}\n`);
    return readQuarantine(folder);
  }));

test('what an earlier check found is believed if it is whole, and else looked for again', () => {
  const seen = { path: '/a.mp4', size: 3, modified: 4 };
  const file = written('c.jsonl', '');
  new Findings(file).add(seen, { frames: 2, width: 3, height: 4 });
  const [header, line] = readFileSync(file, 'utf8').split('\n');
  assert.equal(new Findings(file).of(seen), { frames: 2, width: 3, height: 4 });
  for (const { at, value } of mutationsOf(parsed(line))) {
    writeFileSync(file, `${header}\n${JSON.stringify(value)}\n`);
    const found = new Findings(file).of(seen) as { frames?: number } | undefined;
    assert.ok(found === undefined || Number.isInteger(found.frames), `${at}: ${JSON.stringify(found)}`);
  }
});

test('a lock in which anything else stands is that of nobody', async () => {
  for (const content of ['{"pid":{}}', '{"pid":1e300,"host":1,"since":[],"began":null}', '[null]', 'null']) {
    written('lock', content);
    (await RunLock.take(folder)).release();
  }
  assert.not.ok(existsSync(join(folder, 'lock')));
});

test('the mark of a data set', async () => {
  const marked = join(folder, 'shapes');
  mkdirSync(marked);
  const sizes = { train: 1, testSeen: 1, testUnseen: 1, stills: 1 };
  writeFileSync(join(marked, 'moving_shapes.json'),
    '{"hash":"x","parameters":{"version":7,"seed":{"toString":1},"train":3}}');
  assert.is((await writeMovingShapes(marked, 1, sizes)).reused, false);
  writeFileSync(join(marked, 'moving_shapes.json'), '{"hash":"x","parameters":{"version":7,"seed":2,"train":3}}');
  await assert.rejectsWith(writeMovingShapes(marked, 1, sizes), PathError, /of seed 2 and 3 training clips/);
});

const fixtures = await readFixtures(fileURLToPath(new URL('./fixtures/xclip/', import.meta.url)));

for (const file of fixtures) {
  test(`the description of the fixture ${file.name}`, () =>
    readAll(shortened(file.json), (json) => {
      const changed = new FixtureFile(join(folder, file.name), json, () => assert.unreachable());
      for (const schema of SCHEMAS[kindOf(changed)] ?? []) changed.described<unknown>(schema);
    }));
}

test('a fixture that is no object is refused by name', async () => {
  const own = join(folder, 'fixtures');
  mkdirSync(own);
  for (const text of ['null', '[]', '3', '"ops"']) {
    writeFileSync(join(own, 'odd.json'), text);
    await assert.rejectsWith(readFixtures(own), FirstlightError, /odd\.json: expected an object/);
  }
});

test('the index of a checkpoint', async () => {
  const shards = join(folder, 'shards');
  mkdirSync(shards);
  for (const index of ['null', '[]', '{"weight_map":[]}', '{"weight_map":{"a":{"toString":1}}}',
    '{"weight_map":{"a":5}}', '{"weight_map":{}}', '{"weight_map":{"a":"../x.safetensors"}}']) {
    writeFileSync(join(shards, 'model.safetensors.index.json'), index);
    await assert.rejectsWith(openCheckpoint(shards), FirstlightError);
  }
});

test('tunings', () =>
  readAll([{ adapter: 'a', driver: 'd', dawn: '1',
    kernels: { gelu: { source: 'x', candidates: { 'c': { variant: 'v', sizes: { n: 1 }, gain: 1.5 } } } } }], (value) =>
    parseTunings(JSON.stringify(value), 'tuned.json')));

test('a configuration', () =>
  readAll({ model: { preset: 'B/32', init: { mitWeights: 0.1 } },
    data: { train: 'a.txt', val: 'b.txt', labels: 'l.csv', roots: ['more'] }, optim: { betas: [0.9, 0.98] },
    train: { steps: 3 } }, (value) => parseConfig(JSON.stringify(value), 'c.yaml', ['run.seed=3'])));

const REFUSED_YAML: readonly (readonly [what: string, text: string])[] = [
  ['an alias that is unknown', 'data: {train: *a, labels: l.csv}'],
  ['an alias that holds itself', 'data: &a {train: *a, labels: l.csv}'],
  ['a list that holds itself', 'data: {train: t, labels: l, roots: &r [*r]}'],
  ['aliases that multiply',
    `data:\n${
      Array.from({ length: 12 },
        (_, i) => `  x${i}: &x${i} [${i === 0 ? 'a' : Array(10).fill(`*x${i - 1}`).join(', ')}]`)
        .join('\n')
    }`],
  ['an alias in place of all', '*a'],
  ['a key that is a map', 'data: {? {a: b} : c}'],
  ['keys in keys, which double with each level', `${'? '.repeat(40)}a`],
  ['a key that is an alias', 'data: {train: &t a.txt, *t : c}'],
  ['a tag that is unknown', 'data: !!js/function "x"'],
];

for (const [what, text] of REFUSED_YAML) {
  test(`a configuration with ${what} is refused by name`, () => {
    assert.throwsWith(() => parseConfig(text, 'c.yaml'), FirstlightError, /^c\.yaml: /);
  });
}

test('a section that is given twice by an alias counts', () => {
  const text = 'data: {train: &t a.txt, val: *t, labels: l.csv}\nmodel: {preset: tiny}';
  assert.is(parseConfig(text, '/f/c.yaml').data.val, '/f/a.txt');
});

test('an override whose value is no YAML, or an alias, is refused by name', () => {
  for (const value of ['[', '*a', '&a [*a]']) {
    assert.throwsWith(() => parseConfig('', 'c.yaml', [`data.train=${value}`]), FirstlightError,
      /^--set data\.train: cannot read/);
  }
});

test.run();
