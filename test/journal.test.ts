/** What the log of a run says of a step, beyond its report. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import type { Tensor } from '../engine/index.ts';
import { learningRate, type Schedule } from '../train/recipe/schedule.ts';
import { Journal } from '../train/run/journal.ts';

test('the log has the epoch, the rates of new parts that learn, and the mean loss of epochs in which something changed', () => {
  const schedule: Schedule = { form: 'plain', baseLr: 0.5, minLr: 0.25, warmup: 2, total: 12 };
  const group = (name: string, lrScale: number, count: number) => ({ name, lrScale, weightDecay: 0,
    parameters: Array.from({ length: count }, (_, i): [string, Tensor] => [`${name}${i}`, {} as Tensor]) });
  const journal = new Journal({ stepsPerEpoch: 3, schedule, groups: [group('clip', 1, 2), group('mit', 10, 1), group(
    'mit.undecayed',
    10,
    1,
  ), group('prompts', 4, 0), group('message', 2, 2)] });
  const enter = (step: number, loss: number, skipped = false) =>
    journal.enter({ step, loss, skipped, gradNorm: 1, lr: 1, lossScale: 1 });
  const rates = (step: number) => ({ lr_mit: learningRate(schedule, step - 1, 10),
    lr_message: learningRate(schedule, step - 1, 2) });
  assert.equal(journal.epoch, { steps: 0, lossSum: 0 });
  assert.equal(enter(1, 0.5), { values: { epoch: 1, skipped: 0, ...rates(1) }, endsEpoch: false });
  assert.equal(enter(2, 0.25), { values: { epoch: 1, skipped: 0, ...rates(2) }, endsEpoch: false });
  assert.equal(journal.epoch, { steps: 2, lossSum: 0.75 });
  assert.equal(enter(3, 9, true), { values: { epoch: 1, skipped: 1, ...rates(3), epochLoss: 0.375 }, endsEpoch: true });
  for (const step of [4, 5]) enter(step, 9, true);
  assert.equal(enter(6, 9, true), { values: { epoch: 2, skipped: 4, ...rates(6) }, endsEpoch: true });
  for (const step of [7, 8]) enter(step, 9, true);
  assert.equal(enter(9, 7), { values: { epoch: 3, skipped: 6, ...rates(9), epochLoss: 7 }, endsEpoch: true });
});

test.run();
