/** The paper's numbers, and those of runs beside them. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { fitting, table, tableText } from '../train/commands/table.ts';
import { EXPERIMENTS, type Experiment, PAPER } from '../train/protocols/paper.ts';
import type { EvaluationPart, EvaluationResult } from '../train/protocols/result.ts';
import { compare } from '../train/run/comparison.ts';
import { formatConfig, loadConfig } from '../train/run/config.ts';
import { configKeys } from '../train/run/config_keys.ts';
import { resultsOf } from '../train/run/run_results.ts';
import { readAll } from './mutations.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-table-'));
test.after(() => rmSync(folder, { recursive: true }));

const trained = (name: string, ...set: string[]) =>
  loadConfig(fileURLToPath(new URL(`../train/configs/${name}.yaml`, import.meta.url)), set);

/** One measurement of a run that was trained as a configuration says. */
function partOf(config: ReturnType<typeof trained> | null, format: string, list: string,
  { classes, clips, split = null }: { classes: number; clips: number; split?: number | null }): EvaluationPart {
  return {
    name: 'all',
    weights: { checkpoint: 'runs/x/checkpoint', run: config && 'runs/x', config },
    data: { format, list, split, classesFile: null, draw: null },
    clips,
    leftOut: 0,
    unreadable: 0,
    top1: 0.8,
    top5: 0.95,
    meanPerClass: 0.79,
    classes: Array.from({ length: classes },
      (_, i) => ({ name: `c${i}`, clips: 1, right: 1, top1: 1, wronglyGiven: 0 })),
    confusion: [],
    confused: [],
    predictions: [],
  };
}

const SINGLE = { count: 1, crops: 1, clips: 1, sampling: 'middle' } as const;
const TWELVE = { count: 12, crops: 3, clips: 4, sampling: 'random' } as const;

/** Leaves an evaluation in a run folder of its own. */
function evaluated(name: string, more: Partial<EvaluationResult> & Pick<EvaluationResult, 'parts'>): string {
  const result: EvaluationResult = { kind: 'evaluation', protocol: 'single', views: SINGLE, frames: 32, size: 224,
    precision: 'f32', system: 'xclip', architecture: 'B/16', seed: 1024, finishedAt: '2026-01-01T00:00:00Z', top1: 0.8,
    top5: 0.95, meanPerClass: 0.79, deviation: null, environment: {}, seconds: 1, ...more };
  const run = join(folder, name);
  mkdirSync(run, { recursive: true });
  writeFileSync(join(run, `evaluation.${result.protocol}.json`), JSON.stringify(result));
  return run;
}

const comparedOf = (experiment: Experiment, run: string) => {
  const [result, ...others] = resultsOf(run);
  assert.is(others.length, 0);
  return compare(experiment, result);
};

test('the tables have the numbers that X-CLIP is known for, and every row has its columns and source', () => {
  const printed = (experiment: Experiment, preset: string, frames: number, column: string) =>
    PAPER[experiment].rows.find(({ model, frames: own }) =>
      model?.system === 'xclip' && model.preset === preset && own === frames
    )?.values[column];
  assert.equal(printed('k400', 'B/32', 8, 'top-1'), { value: 80.4 });
  assert.equal(printed('k400', 'L/14@336', 16, 'top-5'), { value: 97.4 });
  assert.equal(printed('k600', 'L/14', 8, 'top-1'), { value: 88.3 });
  assert.equal(printed('few-shot', 'B/16', 32, 'UCF-101 K=16'), { value: 91.4 });
  assert.equal(printed('zero-shot', 'B/16', 32, 'HMDB-51'), { value: 44.6, deviation: 5.2 });
  for (const experiment of EXPERIMENTS) {
    const { columns, rows } = PAPER[experiment];
    for (const { system, source, values } of rows) {
      assert.match(source, /^(suppl\., )?tables? \d/);
      assert.ok(Object.keys(values).length > 0 && Object.keys(values).every((column) => columns.includes(column)),
        system);
      for (const { value } of Object.values(values)) assert.ok(value > 10 && value < 100, system);
    }
  }
});

test('a run that was trained and measured as in the paper is told to be comparable', () => {
  const k400 = evaluated('k400', { protocol: 'multi-view', views: TWELVE, frames: 8, architecture: 'B/32', parts: [
    partOf(trained('k400/32_8'), 'kinetics', '/d/kinetics400/validate.csv', { classes: 400, clips: 19_800 }),
  ] });
  const { row, values, differences } = comparedOf('k400', k400);
  assert.equal([row.system, row.frames, row.source, differences], ['X-CLIP-B/32', 8, 'table 1', []]);
  assert.equal(values, { 'top-1': { value: 80 }, 'top-5': { value: 95 } });

  const few = evaluated('few', { protocol: 'few-shot', parts: [
    partOf(trained('ucf101/16_32_k4'), 'ucf101', '/d/testlist01.txt', { classes: 101, clips: 3783, split: 1 }),
  ] });
  const { values: shots, differences: none } = comparedOf('few-shot', few);
  assert.equal([shots, none], [{ 'UCF-101 K=4': { value: 80 } }, []]);

  const zero = evaluated('zero', { protocol: 'zero-shot', deviation: { top1: 0.021, top5: 0.01, meanPerClass: 0.02 },
    parts: [1, 2, 3].map((split) =>
      partOf(trained('zero_shot/16_32'), 'hmdb51', '/d/splits', { classes: 51, clips: 1530, split })
    ) });
  const compared = comparedOf('zero-shot', zero);
  assert.equal(compared.differences, []);
  assert.equal(compared.values['HMDB-51'], { value: 80, deviation: 2.1 });
  assert.match(tableText('zero-shot', [compared]), `[1] ${zero}`);
  assert.match(tableText('zero-shot', [compared]), '[1] beside X-CLIP-B/16, 32 frames, tables 3, 4: measured alike');
});

test('all that keeps a run from being compared is named', () => {
  const config = trained('k400/16_8', 'train.epochs=3', 'train.accumulation=1', 'optim.lr=1e-4', 'data.flip=false',
    'model.checkpoint=null', 'model.preset=B/16');
  const run = evaluated('other', { frames: 4, size: 192, views: SINGLE,
    parts: [{ ...partOf(config, 'list', '/d/mine.txt', { classes: 12, clips: 100 }), unreadable: 2 }] });
  const { row, differences } = comparedOf('k400', run);
  assert.equal([row.system, row.views], ['X-CLIP-B/16', [1, 1]]);
  assert.equal(differences, [
    '4 frames, not 32',
    '192 × 192 pixels, not 224',
    'the list is not called after Kinetics-400',
    '12 classes, not 400',
    '100 clips, Kinetics-400 has 19,000 to 20,000',
    '2 unreadable clips count as wrong',
    'random weights, not CLIP',
    '3 epochs, not 30',
    '8 clips a step, not 256',
    'learning rate 0.0001, not 0.000008',
    'data.flip false, not true',
  ]);
  const own = evaluated('own', { system: 'clip-mean', architecture: null, frames: 8,
    parts: [partOf(null, 'kinetics', '/d/k400/val.csv', { classes: 400, clips: 19_800 })] });
  assert.equal(comparedOf('k400', own).differences, ['a model of its own sizes, not B/16',
    'weights trained elsewhere: checkpoint']);
  const second = evaluated('second', {
    parts: [
      partOf(trained('hmdb51/16_32_k2', 'model.checkpoint=runs/k400'), 'hmdb51', '/d/splits', { classes: 51,
        clips: 1530, split: 2 }),
    ],
  });
  assert.equal(comparedOf('few-shot', second).differences, ['not the first split', 'weights of k400, not of CLIP']);
  const whole = evaluated('whole', {
    parts: [partOf(trained('k400/16_32'), 'ucf101', '/d/testlist01.txt', { classes: 101, clips: 3783, split: 1 })],
  });
  assert.equal(comparedOf('few-shot', whole).differences, ['no column of this table', '30 epochs, not 50',
    '256 clips a step, not 64', 'learning rate 0.000008, not 0.000002']);
  assert.equal(comparedOf('zero-shot', whole).differences, ['the mean of 1, not of 3', '30 epochs, not 10']);
});

test('views are counted, one is told as one, and clips are as many as the test splits have', () => {
  const config = trained('k400/16_32');
  const told = (views: typeof SINGLE | typeof TWELVE) => {
    const run = evaluated(`views-${views.count}`, { views, protocol: views === SINGLE ? 'single' : 'multi-view',
      frames: 16,
      parts: [partOf(trained('k600/16_16'), 'list', '/d/Kinetics-600/val.txt', { classes: 600, clips: 28_000 })] });
    return comparedOf('k600', run).differences;
  };
  assert.equal(told(TWELVE).filter((each) => each.includes('view')), []);
  assert.equal(told(SINGLE).filter((each) => each.includes('view')), ['1 view, not 4 × 3 views']);
  for (const [clips, crops, difference, cell] of [[1, 1, '1 view', '1'], [1, 3, '1 × 3 views', '1 × 3'], [3, 3,
    '3 × 3 views', '3 × 3']] as const) {
    const compared = comparedOf('k600',
      evaluated(`views-${clips}-${crops}`, { frames: 16, views: { ...TWELVE, count: clips * crops, clips, crops },
        deviation: { top1: 0.021, top5: 0.01, meanPerClass: 0 },
        parts: [partOf(trained('k600/16_16'), 'list', '/d/Kinetics-600/val.txt', { classes: 600, clips: 28_000 })] }));
    assert.ok(compared.differences.includes(`${difference}, not 4 × 3 views`), compared.differences.join());
    const [, line] = tableText('k600', [compared]).split('[1] ');
    assert.equal(line.split('|').slice(1, 8).map((text) => text.trim()), ['X-CLIP-B/16', '16', '224', cell, 'CLIP',
      '80.0 ± 2.1', '95.0 ± 1.0']);
  }

  for (const [experiment, classes, least, most] of [['k400', 400, 19_000, 20_000], ['k600', 600, 27_000, 30_000], [
    'few-shot',
    51,
    1530,
    1530,
  ], ['few-shot', 101, 3783, 3783], ['zero-shot', 51, 1530, 1530], ['zero-shot', 101, 3696, 3783], ['zero-shot', 160,
    7000, 8000]] as const) {
    const isFitting = (clips: number) => {
      const run = evaluated(`clips-${experiment}-${classes}`, {
        parts: [partOf(config, 'list', '/d/x.txt', { classes, clips })],
      });
      return !comparedOf(experiment, run).differences.some((each) => /clips, .* has /.test(each));
    };
    assert.equal([least - 1, least, most, most + 1].map(isFitting), [false, true, true, false],
      `${experiment}, ${classes} classes`);
  }
});

test('runs of the ablations stand beside their own rows', () => {
  const rowOf = (name: string) => {
    const config = trained(name);
    const { system } = config.model;
    const [list, classes, clips] = config.data.format === 'hmdb51' ? ['/d/splits', 51, 1530] as const : [
      '/d/k400/validate.csv',
      400,
      19_800,
    ] as const;
    const run = evaluated(`row-${name.replace('/', '-')}`, { system, frames: config.data.frames,
      parts: [partOf(config, config.data.format, list, { classes, clips, ...(classes === 51 && { split: 1 }) })] });
    const { row, differences } = comparedOf(classes === 51 ? 'few-shot' : 'k400', run);
    assert.equal(differences, [], name);
    return `${row.source}: ${Object.values(row.values)[0].value}`;
  };
  assert.equal(
    ['clip_mean', 'messages', 'integration', 'ensemble', 'learned_vectors', 'tune_text', 'tune_both', 'tune_none',
      'without_text', 'imagenet_1k', 'imagenet_21k', 'without_text_hmdb51_k2'].map((name) =>
        rowOf(`ablations/${name}`)
      ),
    ['table 6: 80', 'table 6: 81.2', 'tables 6, 9: 81.7', 'table 9: 81.7', 'table 9: 82', 'table 7: 79.3',
      'table 7: 82.4', 'table 7: 79.1', 'table 8: 81.6', 'table 10: 75.9', 'table 10: 79.8', 'table 8: 32'],
  );
  const scratch = comparedOf('k400', evaluated('scratch', { system: 'vit', architecture: 'B/32', frames: 8, parts: [
    partOf(trained('supplement/vit_32_8'), 'kinetics', '/d/k400/val.csv', { classes: 400, clips: 19_800 }),
  ] }));
  assert.equal([scratch.row.system, scratch.differences], ['ViT-B/32 (ours)', ['100 epochs, not 30',
    'learning rate 0.0001, not 0.000008', 'optim.newPartsLrScale 1, not 10']]);
});

test('what a model has is told by its evaluation, where no run folder does', () => {
  const compared = comparedOf('k400',
    evaluated('foreign', { frames: 8, switches: { messages: true, integration: true, prompts: 'learned' },
      parts: [partOf(null, 'kinetics', '/d/k400/val.csv', { classes: 400, clips: 19_800 })] }));
  assert.equal([compared.row.source, compared.differences], ['table 9', ['weights trained elsewhere: checkpoint']]);
  assert.match(tableText('k400', [compared]), 'X-CLIP-B/16, learned vectors');
  const other = comparedOf('k400', evaluated('both', { frames: 8, parts: [
    partOf(trained('ablations/tune_both', 'model.messages=false'), 'kinetics', '/d/k400/val.csv', { classes: 400,
      clips: 19_800 }),
  ] }));
  assert.equal([other.row.source, other.differences], ['table 7', ['no messages, not messages']]);
});

test('what a training started from is told by the name of its checkpoint', () => {
  const starts = ['clip-vit-base-patch16', 'clip-mine', 'vit-base-patch16-224', 'vit_base.augreg_in21k', 'imagenet-1k']
    .map(
      (name) => {
        const config = trained('k400/16_32', `model.checkpoint=/w/${name}`);
        const run = evaluated(`start-${name}`, { parts: [partOf(config, 'list', '/x', { classes: 2, clips: 2 })] });
        return resultsOf(join(run, 'evaluation.single.json'))[0].switches.start;
      },
    );
  assert.equal(starts, ['CLIP', 'clip-mine', 'vit-base-patch16-224', 'ImageNet-21k', 'ImageNet-1k']);
});

test('a run that was not evaluated is told by the validation at its end', () => {
  const run = join(folder, 'trained');
  mkdirSync(run);
  const config = trained('ucf101/16_32_k2');
  writeFileSync(join(run, 'config.yaml'), formatConfig(config));
  const top = (value: number) => ({ value, clips: 3783 });
  const classes = Array.from({ length: 101 }, (_, i) => ({ name: `c${i}` }));
  writeFileSync(join(run, 'result.json'), JSON.stringify({ results: { top1: top(0.764), top5: top(0.9) }, classes }));
  const { values, differences, result } = comparedOf('few-shot', run);
  // a run of before there was a key did not what is usual now
  const later = configKeys.filter(({ before, fallback, isSection }) => !isSection && before !== fallback);
  const stored = parse(formatConfig(config)) as Record<string, Record<string, unknown>>;
  for (const { key } of later) delete stored[key.split('.')[0]][key.split('.')[1]];
  writeFileSync(join(run, 'config.yaml'), stringify(stored));
  // in which order a sum rounds is no other recipe
  assert.equal(comparedOf('few-shot', run).differences,
    later.filter(({ key }) => key !== 'train.sum').map(({ key, before, fallback }) =>
      `${key} ${before}, not ${fallback}`
    ));
  assert.equal([values, differences, result.preset], [{ 'UCF-101 K=2': { value: 76.4 } }, [], 'B/16']);
});

test('of several measurements of a run those are taken that the experiment is about', () => {
  const config = trained('zero_shot/16_32');
  const seen = partOf(config, 'kinetics', '/k400/val.csv', { classes: 400, clips: 19_800 });
  const run = evaluated('several', { parts: [seen] });
  evaluated('several', { protocol: 'multi-view', views: TWELVE, parts: [seen] });
  evaluated('several', { protocol: 'zero-shot',
    parts: [1, 2, 3].map((split) =>
      partOf(config, 'ucf101', '/d/testlist01.txt', { classes: 101, clips: 3783, split })
    ) });
  const taken = (experiment: Experiment) => fitting(experiment, resultsOf(run)).map(({ protocol }) => protocol);
  assert.equal(EXPERIMENTS.map(taken), [['multi-view', 'single'], ['multi-view', 'single', 'zero-shot'], ['multi-view',
    'single', 'zero-shot'], ['zero-shot']]);
});

test('what is no run is refused by name', () => {
  const refused = (run: string) => assert.throwsWith(() => resultsOf(run), { code: 'FL_RESULT' }).message;
  assert.match(refused(join(folder, 'nowhere')), /nowhere: no such file or folder$/);
  mkdirSync(join(folder, 'empty'));
  assert.match(refused(join(folder, 'empty')), /empty: holds neither an evaluation nor result\.json$/);
  writeFileSync(join(folder, 'empty', 'result.json'), '{');
  assert.match(refused(join(folder, 'empty')), /result\.json: is not JSON$/);
  writeFileSync(join(folder, 'empty', 'result.json'), '{"results": {}, "classes": []}');
  assert.match(refused(join(folder, 'empty')), /has no top-1 and top-5 of a training/);
});

test('of a result of which anything may stand for anything all is taken, or refused by name', () => {
  const config = trained('ucf101/16_32_k2');
  const seen = partOf(config, 'ucf101', '/ucf/testlist01.txt', { classes: 2, clips: 3783, split: 1 });
  // of the configuration, which has tests of its own, a section
  const weights = { ...seen.weights, config: { run: config.run } };
  const run = evaluated('anything', {
    parts: [{ ...seen, weights, confusion: [[0, 1, 3]], confused: [{ label: 'c0', takenFor: 'c1', clips: 3 }],
      predictions: [{ file: 'a.mp4', label: 'c0', predictions: [{ label: 'c1', probability: 0.5 }] }] }],
  });
  const readBack = (file: string) => (value: unknown) => {
    writeFileSync(file, JSON.stringify(value));
    return resultsOf(run).map((result) => tableText('few-shot', [compare('few-shot', result)]));
  };
  const file = join(run, 'evaluation.single.json');
  readAll(JSON.parse(readFileSync(file, 'utf8')), readBack(file));
  rmSync(file);
  const top = { value: 0.764, clips: 3783 };
  writeFileSync(join(run, 'config.yaml'), formatConfig(config));
  readAll({ results: { top1: top, top5: top }, classes: [{ name: 'c0' }] }, readBack(join(run, 'result.json')));
});

test('the command prints JSON with the rows of the paper and of runs', async () => {
  const run = evaluated('json', {
    parts: [partOf(trained('k400/16_32'), 'kinetics', '/k400/val.csv', { classes: 400, clips: 19_800 })],
  });
  const printed: string[] = [];
  const { log } = console;
  console.log = (text: string) => void printed.push(text);
  try {
    assert.is(table({ experiment: 'k400', runs: [run], json: true }), 0);
  } finally {
    console.log = log;
  }
  assert.match(printed[0], /^\{\n {2}"experiment": "k400",\n/);
  const { paper, runs } = JSON.parse(printed.join('\n')) as { paper: unknown[]; runs: Record<string, unknown>[] };
  assert.is(paper.length, PAPER.k400.rows.length);
  assert.equal([runs[0].run, runs[0].beside, runs[0].differences], [run, 'X-CLIP-B/16, table 11', []]);
});

test.run();
