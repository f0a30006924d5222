/** What a person sees of a long run: a bar, or a line every few seconds. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { screen } from './screen.ts';
import { duration, Progress, roughly } from '../train/log/progress.ts';

test('without a terminal there is a line every few seconds and one at the end', () => {
  const { stream, text } = screen(false);
  let seconds = 0;
  const progress = new Progress({ stream, secondsPerLine: 5, now: () => seconds });
  progress.start('xclip', 100);
  for (let step = 1; step <= 14; step++) {
    seconds = step * 0.5;
    progress.update(step, step * 16, { loss: 4 / step, lr: 8e-4 });
  }
  progress.stop();
  assert.equal(text().trimEnd().split('\n'), [
    'xclip: 10/100  10 %  loss 0.400  lr 8.0e-4  32.0 clips/s  0:45 left',
    'xclip: 14/100  14 %  loss 0.286  lr 8.0e-4  32.0 clips/s  0:43 left',
  ]);
});

test('in a terminal there is a bar, and messages stay above it', () => {
  const { stream, text } = screen(true);
  const progress = new Progress({ stream });
  progress.start('xclip', 4);
  progress.update(2, 8, { loss: 1.5 });
  progress.message('evaluated: 90 %');
  progress.update(4, 16, { loss: 1.25 });
  progress.stop();
  const shown = text();
  assert.match(shown, '████████████████████████');
  assert.match(shown, 'loss 1.250');
  assert.match(shown, 'evaluated: 90 %\n');
});

test('nothing is estimated before steps were timed: the first, which compile, count for nothing', () => {
  const { stream, text } = screen(false);
  let seconds = 0;
  const progress = new Progress({ stream, secondsPerLine: 0, now: () => seconds });
  progress.start('xclip', 1000);
  for (const [step, at] of [[1, 60], [2, 61], [3, 62], [4, 63]]) {
    seconds = at;
    progress.update(step, 8 * step, {});
  }
  assert.equal(text().trimEnd().split('\n'), ['xclip: 1/1000  0 %', 'xclip: 2/1000  0 %',
    'xclip: 3/1000  0 %  8.0 clips/s  16:37 left', 'xclip: 4/1000  0 %  8.0 clips/s  16:36 left']);
});

test('steps that come back together do not look faster or slower than they are', () => {
  const { stream, text } = screen(false);
  let seconds = 0;
  const progress = new Progress({ stream, secondsPerLine: 0, now: () => seconds });
  progress.start('xclip', 1000);
  for (let step = 1; step <= 48; step++) {
    seconds = 4 * Math.ceil(step / 16); // 16 steps in 4 seconds
    progress.update(step, 8 * step, {});
  }
  const told = text().trimEnd().split('\n').slice(32);
  assert.is(told.length, 16);
  for (const line of told) assert.match(line, /  32\.0 clips\/s  /);
});

test('clips are counted by the minute where a second has less than one', () => {
  const { stream, text } = screen(false);
  let seconds = 0;
  const progress = new Progress({ stream, secondsPerLine: 0, now: () => seconds });
  progress.start('xclip', 4);
  for (let step = 1; step <= 4; step++) {
    seconds = 80 * step;
    progress.update(step, 8 * step, {});
  }
  assert.is(text().trimEnd().split('\n').at(-1), 'xclip: 4/4  100 %  6.0 clips/min  done');
});

test('a resumed stage measures its speed from where it began', () => {
  const { stream, text } = screen(false);
  let seconds = 0;
  const progress = new Progress({ stream, secondsPerLine: 0, now: () => seconds });
  progress.start('xclip', 100, 90);
  for (const step of [91, 92, 93]) {
    seconds += 10;
    progress.update(step, 80 * (step - 90), {});
  }
  assert.is(text().trimEnd().split('\n').at(-1), 'xclip: 93/100  93 %  8.0 clips/s  1:10 left');
});

test('quiet says nothing', () => {
  const { stream, text } = screen(false);
  const progress = new Progress({ stream, quiet: true, secondsPerLine: 0 });
  progress.start('xclip', 2);
  progress.update(1, 1, { loss: 1 });
  progress.message('hello');
  progress.stop();
  assert.is(text(), '');
});

test('durations read as a clock, and roughly as minutes or hours, rounded up where that matters', () => {
  assert.equal([0, 59.6, 75, 3599, 3600, 3700].map(duration), ['0:00', '1:00', '1:15', '59:59', '1:00:00', '1:01:40']);
  assert.equal([1, 60, 61, 75, 5400, 5401, 7200, 9000].map(roughly), ['about a minute', 'about a minute',
    'about 2 minutes', 'about 2 minutes', 'about 90 minutes', 'about 2 hours', 'about 2 hours', 'about 3 hours']);
});

/** The last line of a stage of `total` steps, of which those that are given were told at such a second, with clips. */
function lastLine(total: number, moments: readonly (readonly [step: number, second: number, clips: number])[]): string {
  const { stream, text } = screen(false);
  let seconds = 0;
  const progress = new Progress({ stream, secondsPerLine: 0, now: () => seconds });
  progress.start('x', total);
  for (const [step, at, clips] of moments) {
    seconds = at;
    progress.update(step, clips, {});
  }
  return text().trimEnd().split('\n').at(-1) ?? '';
}

test('clips are counted by the second where it has one, with a decimal below a hundred', () => {
  const told = (perSecond: number) =>
    / {2}(\S+ clips\/\w+) {2}/.exec(lastLine(9, [1, 2, 3].map((n) => [n, n, n * perSecond])))?.[1];
  assert.equal([0.5, 1, 99.94, 100, 101.4].map(told), ['30.0 clips/min', '1.0 clips/s', '99.9 clips/s', '100 clips/s',
    '101 clips/s']);
  assert.is(lastLine(9, [1, 2, 3].map((n) => [n, n, 0])), 'x: 3/9  33 %  0:06 left', 'none are counted');
});

test('the speed is that of the last fifty moments, and what lies within a fiftieth of a second is one', () => {
  // twenty slow steps, then fast ones
  const moments = Array.from({ length: 69 }, (_, k) => k + 1).map((n) => [n, n <= 20 ? 10 * n : 180 + n, 0] as const);
  assert.is(lastLine(1000, moments), 'x: 69/1000  6 %  15:31 left');
  assert.is(lastLine(1000, moments.slice(0, -1)), 'x: 68/1000  6 %  18:27 left', 'one of the slow ones still counts');
  const [first, apart, together] = [[1, 0, 0], [2, 0.02, 0], [2, 0.015625, 0]] as const;
  assert.is(lastLine(303, [first, apart, [3, 2, 0]]), 'x: 3/303  0 %  0:06 left');
  assert.is(lastLine(303, [first, together, [3, 2, 0]]), 'x: 3/303  0 %');
  assert.is(lastLine(24, [first, [2, 1, 0], [3, 1.015625, 0], [4, 2, 0]]), 'x: 4/24  16 %  0:10 left',
    'a moment has the last of its steps');
});

test('a line is told every five seconds of the clock, if nobody says otherwise', () => {
  const { stream, text } = screen(false);
  const { now } = performance;
  let milliseconds = 3000;
  performance.now = () => milliseconds;
  try {
    const progress = new Progress({ stream });
    progress.start('x', 9);
    for (const at of [7999, 8000, 12_999]) {
      milliseconds = at;
      progress.update(at, 0, {});
    }
    assert.is(text(), 'x: 8000/9  88888 %  done\n');
    progress.compiling(1, 3);
    milliseconds = 13_000;
    progress.compiling(2, 3);
    milliseconds = 17_999;
    progress.compiling(3, 3);
    assert.is(text(), 'x: compiling 2 of 3\n');
    progress.stop();
    assert.is(text(), 'x: compiling 3 of 3\n');
    progress.stop();
    progress.start('y', 9);
    progress.update(1, 0, {});
    progress.start('z', 9);
    assert.is(text(), 'y: 1/9  11 %\n', 'a stage ends with its last state');
    progress.stop();
    assert.is(text(), '');
    milliseconds = 22_999;
    progress.start('z', 9);
    milliseconds = 27_998;
    progress.update(1, 0, { loss: 0.5, lr: 0 });
    assert.is(text(), '', 'a stage has its own five seconds');
    milliseconds = 30_000;
    progress.update(2, 0, { lr: 1 });
    assert.is(text(), 'z: 2/9  22 %  lr 1.0e+0\n', 'and its own speed');
    progress.update(2, 0, { lr: 0 });
    progress.stop();
    assert.is(text(), 'z: 2/9  22 %  lr 0\n');
  } finally {
    performance.now = now;
  }
});

test('a bar has 24 places, shows what is done before the first step, and is gone when its stage ends', () => {
  const { stream, text } = screen(true);
  const progress = new Progress({ stream });
  progress.start('xclip', 4, 1);
  progress.prepare('compiling 1 of 3');
  progress.stop();
  assert.match(text(), /xclip {8}█{6}░{18} compiling 1 of 3/);
  progress.message('done');
  assert.is(text(), 'done\n');
  progress.start('xclip', 4);
  progress.stop();
  assert.match(text(), / ░{24} /);
});

test.run();
