/** What a context learns of its device's speed, in exact numbers: how much a submit holds, how long a wait may take. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { Pace, workOf } from '../engine/pace.ts';

/** A pace and a clock of its own, in milliseconds. */
class Timed {
  readonly pace: Pace;
  now = 1000;

  constructor(kind: 'software' | 'hardware') {
    this.pace = new Pace(kind);
  }

  submit(work: number, programs = 1): void {
    this.pace.submitted('gelu.only', work, programs, this.now);
  }

  /** Submits work and waits for it: so many seconds. */
  wait(work: number, seconds: number, programs = 1): void {
    this.submit(work, programs);
    this.now += 1000 * seconds;
    // a wait that began just now is no long one
    this.pace.finished(this.pace.submits, this.now, this.now);
  }
}

test('work is what is bound, moved once, and what is computed', () => {
  assert.is(workOf(10e9), 1);
  assert.is(workOf(5e9, 25e9), 1);
});

test('before anything was measured the limit leaves time for the slowest software adapter, and ten minutes at least', () => {
  for (const [kind, work, seconds] of [['software', 0, 600], ['software', 1, 600], ['software', 24, 12_000], [
    'hardware',
    30,
    600,
  ], ['hardware', 100, 2000]] as const) {
    const timed = new Timed(kind);
    timed.submit(work / 2);
    timed.submit(work / 2);
    assert.is(timed.pace.patience, seconds, `${kind}, ${work} s of work`);
  }
});

test('then it is a minute at least, 20 times the median for as much work, and twice the longest wait', () => {
  const timed = new Timed('software');
  timed.wait(1, 2);
  assert.is(timed.pace.patience, 60);
  for (const seconds of [11, 9, 10, 30]) timed.wait(1, seconds);
  timed.submit(3);
  timed.submit(4);
  assert.is(timed.pace.patience, 20 * 10 * 7, 'of 2, 9, 10, 11 and 30 the median is 10');
  timed.pace.finished(timed.pace.submits, timed.now - 800_000, timed.now);
  assert.is(timed.pace.patience, 1600, 'the wait, not the work, was long');
  timed.wait(1, 10);
  assert.is(timed.pace.patience, 1600, 'and is remembered');
});

test('work that ends as soon as the GPU answers counts as a twentieth of a second, for the limit', () => {
  const timed = new Timed('hardware');
  timed.wait(0.01, 5);
  timed.submit(0.001);
  assert.is(timed.pace.patience, 100, '5 s for 0.05 are 100 s for a second, times 20, times 0.05');
});

test('a program that never ran is given as long as at first, or as long as is known to be needed', () => {
  const timed = new Timed('software');
  timed.wait(1, 1, 4);
  timed.submit(1, 4);
  assert.is(timed.pace.patience, 60, 'as many programs as ran');
  timed.submit(1, 5);
  assert.is(timed.pace.patience, 1000, '25 s for a second of work, of which there are two, times 20');
  timed.pace.finished(timed.pace.submits, timed.now - 700_000, timed.now);
  assert.is(timed.pace.patience, 1400);
  timed.submit(0.1, 6);
  assert.is(timed.pace.patience, 1400, 'more than ten minutes are known to be needed');
});

test('the rule is taken from the last 31 waits', () => {
  for (const [early, late] of [[100, 5], [5, 100]]) {
    const timed = new Timed('software');
    for (let i = 0; i < 31; i++) timed.wait(1, i < 16 ? early : late);
    timed.submit(1);
    assert.is(timed.pace.patience, 20 * early, '16 of 31');
    timed.wait(0, late);
    timed.submit(1);
    assert.is(timed.pace.patience, 20 * (late === 5 ? 5 : 100), '15 of 31');
  }
});

test('of submits that overlap each counts from where the last one ended, and of others from where they began', () => {
  const timed = new Timed('hardware');
  const { pace } = timed;
  timed.submit(1);
  timed.submit(1);
  pace.finished(1, 9000, 9000); // began at 1 s, ended at 9 s
  assert.is(pace.workPerSubmit, 0.5 / 8);
  pace.finished(2, 13_000, 13_000);
  assert.is(pace.workPerSubmit, 0.5 / 8, 'of 4 s and 8 s the upper one');
  timed.now = 20_000;
  for (const seconds of [2, 2, 1]) timed.wait(1, seconds);
  assert.is(pace.workPerSubmit, 0.5 / 2, '8, 4, 2, 2 and 1');
});

test('a submit holds half a second of work, by what was measured with at least 0.05 s of it', () => {
  assert.is(new Pace('hardware').workPerSubmit, 0.5);
  assert.is(new Pace('software').workPerSubmit, Number.POSITIVE_INFINITY, 'which nobody takes away');
  const timed = new Timed('hardware');
  timed.wait(0.049, 1);
  assert.is(timed.pace.workPerSubmit, 0.5, 'so little work ends when the GPU answers, and tells nothing');
  timed.wait(0.05, 0.1);
  assert.is(timed.pace.workPerSubmit, 0.25);
});

test('what is done is busy no more, and a wait for what was done before tells nothing', () => {
  const timed = new Timed('software');
  const { pace } = timed;
  assert.equal([pace.isBusy, pace.submits, pace.pending], [false, 0, { submits: 0, last: [] }]);
  timed.submit(1);
  timed.submit(1);
  timed.submit(1);
  timed.now += 3000;
  pace.finished(2, timed.now, timed.now);
  assert.equal([pace.isBusy, pace.submits, pace.pending.submits], [true, 3, 1]);
  pace.finished(2, 0, 10 * timed.now);
  assert.equal([pace.patience, pace.pending.submits], [60, 1]);
  pace.finished(3, timed.now, timed.now);
  assert.equal([pace.isBusy, pace.pending.submits], [false, 0]);
});

test('of many submits an error names those at both ends; of more than 256 the oldest are taken as one', () => {
  const pace = new Pace('hardware');
  const named = (count: number) => {
    for (let i = pace.submits + 1; i <= count; i++) pace.submitted(`k${i}`, 1, 1, 1000 * i);
    return pace.pending.last.join(' ');
  };
  assert.is(named(4), 'k1 k2 k3 k4');
  assert.is(named(5), 'k1 k2 k3 … k5');
  assert.is(named(256), 'k1 k2 k3 … k256');
  assert.is(named(257), 'k2 k3 k4 … k257');
  assert.is(named(300), 'k45 k46 k47 … k300');
  assert.is(pace.pending.submits, 300);
  assert.is(pace.patience, 20 * 300, 'their work is counted');
  pace.finished(45, 91_000, 91_000);
  assert.is(pace.workPerSubmit, 0.5 / 2, '45 s of work since the first second');
  pace.finished(298, 100_000, 100_000);
  assert.equal(pace.pending, { submits: 2, last: ['k299', 'k300'] });
});

test.run();
