import { readFileSync } from 'node:fs';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { learningRate, type Schedule } from '../train/recipe/schedule.ts';

interface Golden {
  base_lr: number;
  epochs: number;
  iters_per_epoch: number;
  warmup_epochs: number;
  lr_min: number;
  lr_used_at_iteration: [number, number][];
}
const golden = JSON.parse(readFileSync(new URL('./fixtures/xclip/cosine_lr.json', import.meta.url), 'utf8')) as {
  cases: Golden[];
};

/** |got − want| ≤ 1e-12·|want|; a wanted 0 must be 0. */
function near(got: number, want: number, where: string): void {
  assert.ok(Math.abs(got - want) <= 1e-12 * Math.abs(want), `${where}: got ${got}, want ${want}`);
}

for (const [index, c] of golden.cases.entries()) {
  test(`golden schedule ${index} is met at every iteration, for the base group and the one at ten times the rate`, () => {
    const schedule: Schedule = {
      form: 'recipe',
      baseLr: c.base_lr,
      minLr: c.lr_min,
      warmup: c.warmup_epochs * c.iters_per_epoch,
      total: c.epochs * c.iters_per_epoch,
      batchesPerEpoch: c.iters_per_epoch,
    };
    assert.ok(c.lr_used_at_iteration.length > c.epochs * c.iters_per_epoch);
    for (const [step, [base, tenfold]] of c.lr_used_at_iteration.entries()) {
      near(learningRate(schedule, step), base, `step ${step}`);
      near(learningRate(schedule, step, 10), tenfold, `step ${step}, tenfold`);
    }
  });
}

const recipe: Schedule = { form: 'recipe', baseLr: 1, minLr: 0.01, warmup: 10, total: 40, batchesPerEpoch: 10,
  accumulation: 4 };

test('with accumulation the clock is the micro-batch, and leftovers of an epoch are skipped', () => {
  // Ten micro-batches an epoch, four to a step: steps end at micro-batches 3, 7, then 13, 17, then 23, ...
  assert.is(learningRate(recipe, 0), 0);
  near(learningRate(recipe, 1), 0.3, 'after micro-batch 3');
  near(learningRate(recipe, 2), 0.7, 'after micro-batch 7');
  near(learningRate(recipe, 3), 0.01 + (0.99 * (1 + Math.cos((Math.PI * 13) / 40))) / 2, 'after micro-batch 13');
  near(learningRate(recipe, 4), 0.01 + (0.99 * (1 + Math.cos((Math.PI * 17) / 40))) / 2, 'after micro-batch 17');
});

test('the floor is the same for every group', () => {
  assert.is(learningRate(recipe, 100, 10), 0.01);
});

test('the plain form rises in equal steps to the base rate and falls to the floor', () => {
  const plain: Schedule = { form: 'plain', baseLr: 2, minLr: 0.5, warmup: 4, total: 12 };
  assert.equal([0, 1, 2, 3].map((step) => learningRate(plain, step)), [0.5, 1, 1.5, 2]);
  assert.is(learningRate(plain, 4), 2);
  near(learningRate(plain, 8), 1.25, 'half way down');
  assert.is(learningRate(plain, 12), 0.5);
  assert.is(learningRate(plain, 13), 0.5);
});

test('no warm-up starts at the base rate', () => {
  for (const form of ['plain', 'recipe'] as const) {
    assert.is(learningRate({ form, baseLr: 2, minLr: 0, warmup: 0, total: 10 }, 0), 2, form);
  }
});

test('the shortest schedules: one step down, one epoch of warm-up, no epochs, and epochs of less than a step', () => {
  const short: Schedule = { form: 'plain', baseLr: 2, minLr: 0.5, warmup: 3, total: 4 };
  assert.equal([3, 4].map((step) => learningRate(short, step)), [2, 0.5]);
  const oneEpoch: Schedule = { form: 'milestones', baseLr: 2, minLr: 0, warmup: 3, total: 12, batchesPerEpoch: 3,
    epochs: { warmupBy: 'epoch', warmupStart: 0.1, milestones: [], factor: 0.1 } };
  assert.is(learningRate(oneEpoch, 0), 2, 'the last epoch of a warm-up has the whole rate');
  const noEpochs: Schedule = { form: 'recipe', baseLr: 2, minLr: 0, warmup: 4, total: 10 };
  assert.equal([0, 1, 2, 3].map((step) => learningRate(noEpochs, step)), [0, 0, 0.5, 1]);
  const shortEpochs: Schedule = { ...noEpochs, warmup: 100, total: 200, batchesPerEpoch: 3, accumulation: 4 };
  assert.equal([1, 2, 3].map((step) => learningRate(shortEpochs, step)), [0.06, 0.12, 0.18]);
});

/** What mmengine's schedulers leave: each takes the rate from where it is to where it goes, one after another. */
function asMmengine(epochs: number, batches: number,
  { warmup, warmupBy, milestones }: { warmup: number; warmupBy: 'batch' | 'epoch';
    milestones?: readonly number[] }): number[] {
  const rates: number[] = [];
  const ends = (warmupBy === 'epoch' ? warmup : Math.trunc(warmup * batches)) - 1;
  let [rate, warmed] = [1, 0];
  if (ends > 0) rate *= 0.1;
  for (let epoch = 0; epoch < epochs; epoch++) {
    const rise = () => {
      if (warmed >= ends) return;
      warmed++;
      rate *= 1 + 0.9 / (ends * 0.1 + (warmed - 1) * 0.9); // LinearLR, as it is written there
    };
    for (let batch = 0; batch < batches; batch++) {
      rates.push(rate);
      if (warmupBy === 'batch') rise();
    }
    if (warmupBy === 'epoch') rise();
    const cosine = (at: number) => 1 + Math.cos((Math.PI * at) / epochs);
    if (milestones === undefined) rate *= cosine(epoch + 1) / cosine(epoch);
    else if (milestones.includes(epoch + 1)) rate *= 0.1;
  }
  return rates;
}

const byEpoch = (form: Schedule['form'], epochs: number, batches: number, warmup: number,
  rest: Partial<Schedule['epochs']>): Schedule => ({ form, baseLr: 1, minLr: 0, warmup: warmup * batches,
    total: epochs * batches, batchesPerEpoch: batches,
    epochs: { warmupBy: 'batch', warmupStart: 0.1, milestones: [], factor: 0.1, ...rest } });

test('milestones and epoch-cosine are what mmengine leaves: TSM, TimeSformer, Video Swin, at every micro-batch', () => {
  const cases = [[50, 3, 5, 'epoch', [25, 45]], [15, 2, 0, 'batch', [5, 10]], [30, 7, 2.5, 'batch',
    undefined]] as const;
  for (const [epochs, batches, warmup, warmupBy, milestones] of cases) {
    const schedule = byEpoch(milestones === undefined ? 'epoch-cosine' : 'milestones', epochs, batches, warmup, {
      warmupBy,
      ...(milestones && { milestones }),
    });
    const want = asMmengine(epochs, batches, { warmup, warmupBy, ...(milestones && { milestones }) });
    assert.is(want.length, epochs * batches);
    for (const [step, rate] of want.entries()) {
      const got = learningRate(schedule, step);
      assert.ok(Math.abs(got - rate) <= 1e-12, `${schedule.form}, step ${step}: got ${got}, want ${rate}`);
    }
  }
});

test('TSM starts at a tenth, has 0.1, 0.325, 0.55, 0.775 and 1 in its first epochs, and two steps down', () => {
  const tsm = byEpoch('milestones', 50, 4, 5, { warmupBy: 'epoch', milestones: [25, 45] });
  const ofEpoch = (epoch: number) => Number(learningRate(tsm, 4 * epoch + 3).toFixed(12));
  assert.equal([0, 1, 2, 3, 4, 24, 25, 44, 45, 49].map(ofEpoch), [0.1, 0.325, 0.55, 0.775, 1, 1, 0.1, 0.1, 0.01, 0.01]);
  assert.is(learningRate(tsm, 100, 5), 0.5);
});

test('a step has the rate of its last micro-batch, and the floor of a cosine is the same for every group', () => {
  const swin = { ...byEpoch('epoch-cosine', 4, 10, 0.5, {}), minLr: 0.25, accumulation: 4 };
  // steps end at micro-batches 3, 7, then 13, 17, …; the warm-up of 5 rises in 4
  near(learningRate(swin, 0), 0.1 + 0.9 * (3 / 4), 'micro-batch 3');
  near(learningRate(swin, 2, 10), 0.25 + (9.75 * (1 + Math.cos(Math.PI / 4))) / 2, 'micro-batch 13');
  near(learningRate(swin, 1), 1, 'micro-batch 7');
  assert.is(learningRate(swin, 8, 10), 0.25);
});

test.run();
