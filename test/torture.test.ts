/** `npm run torture` in short, where no other test has it already. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { newOutcome, tableOf, timed } from './torture/outcome.ts';
import { differences } from './torture/scene.ts';
import { rot } from './torture/store.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-tortured-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

test('whichever bit of a checkpoint rots, the one before it serves', async () => {
  const { faults, lost, problems } = await rot(join(folder, 'rot'), 1, (outcome) => outcome.faults < 200);
  assert.equal({ faults, lost, problems }, { faults: 200, lost: 0, problems: [] });
});

test('two runs are compared by their files, their bits, and the steps that they tell of', () => {
  const run = (name: string, files: Readonly<Record<string, string>>) => {
    const own = join(folder, name);
    mkdirSync(join(own, 'checkpoint'), { recursive: true });
    for (const [file, content] of Object.entries(files)) writeFileSync(join(own, file), content);
    return own;
  };
  const entry = (loss: number, time: string) => `{"stage":"x","step":1,"time":"${time}","loss":${loss}}\n`;
  const quiet = run('quiet', { 'log.jsonl': entry(1, 'now'), 'checkpoint/model.safetensors': 'bits', 'a.json': '1' });
  const same = run('same', { 'log.jsonl': entry(1, 'later'), 'checkpoint/model.safetensors': 'bits', 'a.json': '2' });
  assert.equal(differences(same, quiet), []);
  const other = run('other', { 'log.jsonl': entry(2, 'now'), 'checkpoint/model.safetensors': 'bats', lock: '' });
  assert.equal(differences(other, quiet), ['a.json is missing', 'lock is left over',
    `${join('checkpoint', 'model.safetensors')} has other bits`, 'log.jsonl tells of other steps']);
});

test('the table tells of every kind of fault, and of all', async () => {
  const outcomes = [await timed({ ...newOutcome('a'), faults: 3, lost: 1 }, async () => undefined), {
    ...newOutcome('b'),
    faults: 4,
    notEqual: 2,
    left: 5,
  }];
  assert.equal(tableOf(outcomes).slice(1).map((line) => line.trim().split(/ +/).slice(0, 5)), [['a', '3', '1', '0',
    '0'], ['b', '4', '0', '2', '5'], ['all', '7', '1', '2', '5']]);
});

test.run();
