/** The main job in short, from its command line to what it leaves: data, three trainings, measures, a report. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { readRunLog } from '../train/log/run_log.ts';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { commandLine, type Ended } from './command_line.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-demo-'));
const [out, data] = [join(folder, 'run'), join(folder, 'data')];
test.after(() => rmSync(folder, { recursive: true, force: true }));

let ended: Ended;

test('it ends with 0, and says what it does and what came of it', async () => {
  ended = await commandLine(['demo', '--smoke', '--out', out, '--data', data]);
  assert.is(ended.code, 0, ended.stderr);
  const lines = stripVTControlCharacters(ended.stdout).split('\n');
  assert.match(lines[0], /^X-CLIP learns to see motion, in /);
  const table = lines.slice(lines.findIndex((line) => line.startsWith('system ')) + 1).slice(0, 5);
  // the result alone depends on the adapter
  assert.equal(table.map((line) => line.split(/ {2,}/).filter((_, i) => i !== 2)), [
    ['X-CLIP', 'top-1 of 120 names, combinations seen in training', 'at least 90.0 %', '✗', '0.8 %', '120'],
    ['X-CLIP, zero-shot', 'top-1 of 24 names, words that never occurred together in training', 'at least 80.0 %', '✗',
      '4.2 %', '24'],
    ['X-CLIP', 'motion alone, all test clips', 'at least 90.0 %', '✗', '16.7 %', '144'],
    ['CLIP-Mean', 'motion alone, all test clips forwards and backwards', 'at most 50.0 %', '✓', '16.7 %', '288'],
    ['X-CLIP, frames shuffled', 'motion alone, all test clips forwards and backwards', 'at most 50.0 %', '✓', '16.7 %',
      '288'],
  ]);
  const time = lines.find((line) => line.startsWith('Time ')) ?? '';
  assert.equal([...time.matchAll(/([A-Z][^,]*?) \d+:\d\d/g)].map(([, name]) => name.replace(/^Time +/, '')), [
    'Data set',
    'Stage 1: CLIP',
    'Stage 2: X-CLIP',
    'Stage 2: CLIP-Mean',
    'Evaluation',
  ]);
  assert.match(lines.find((line) => line.startsWith('Predict ')) ?? '', join(data, 'test_seen', '00000.mp4'));
});

test('its log has the losses, rates and norms of three trainings, which learn', () => {
  const log = readRunLog(join(out, 'log.jsonl'));
  const steps = (name: string) => log.filter(({ stage, values }) => stage === name && values.loss !== undefined);
  const numbers = (name: string, key: string) => steps(name).map(({ values }) => values[key]);
  assert.equal(['CLIP', 'X-CLIP', 'CLIP-Mean'].map((name) => steps(name).map(({ step }) => step)), [[1, 5, 10, 15, 20,
    25, 30], [1, 5, 10, 12], [1, 5, 10, 12]]);
  // as on lavapipe and SwiftShader; what follows the first step drifts with the order of sums
  for (const [name, first, last] of [['CLIP', 4.3017, 2.87], ['X-CLIP', 4.3501, 3.93], ['CLIP-Mean', 4.342,
    3.86]] as const) {
    const losses = numbers(name, 'loss');
    assert.ok(Math.abs(losses[0] - first) < 0.02, `${name} starts at ${losses[0]}`);
    assert.ok(Math.abs((losses.at(-1) ?? 0) - last) < 0.15, `${name} ends at ${losses.at(-1)}`);
  }
  assert.equal(numbers('CLIP', 'lr').map((lr) => Number(lr.toPrecision(4))), [6.667e-4, 1.993e-3, 1.766e-3, 1.287e-3,
    7.132e-4, 2.34e-4, 6.762e-6]);
});

test('it leaves a report, numbers, and models that can be opened', () => {
  const result = JSON.parse(readFileSync(join(out, 'result.json'), 'utf8'));
  assert.equal([result.seed, result.targetsMet, result.short, Object.keys(result.results)], [1024, false, true, [
    'xclip_seen_top1',
    'xclip_zero_shot_top1',
    'xclip_motion',
    'clip_mean_motion',
    'xclip_shuffled_motion',
  ]]);
  const report = readFileSync(join(out, 'report.html'), 'utf8');
  for (const said of ['Motions, with the number of clips', 'All 144 names, ordered by group', 'Stage 1: a tiny CLIP']) {
    assert.match(report, said);
  }
  const model = ['config.json', 'model.safetensors', 'preprocessor_config.json', 'tokenizer.json',
    'tokenizer_config.json'];
  for (const name of ['clip', 'checkpoint', 'clip_mean/checkpoint']) assert.equal(readdirSync(join(out, name)), model);
  for (const name of ['', 'clip_mean']) {
    assert.equal(readdirSync(join(out, name, 'checkpoints')), ['step-00000012']);
    assert.match(readFileSync(join(out, name, 'config.yaml'), 'utf8'), 'steps: 12');
  }
});

test('a folder with a run is refused, and stays as it is', async () => {
  const again = await commandLine(['demo', '--smoke', '--out', out, '--data', data]);
  assert.is(again.code, 1);
  assert.match(again.stderr, 'already holds a run');
  assert.ok(existsSync(join(out, 'result.json')));
});

test.run();
