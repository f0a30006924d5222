import { test } from './test.ts';
import * as assert from './assert.ts';
import { type Finding } from '../bench/tune/classes.ts';
import { requireTunable, tuningsText, withFindings } from '../bench/tune/file.ts';
import { halve } from '../bench/tune/search.ts';
import { type Candidate, open, parseTunings } from '../engine/index.ts';
import { tuned } from '../kernels/tuned.ts';
import { rooms } from '../kernels/index.ts';

const MACHINE = { adapter: 'an adapter', driver: '1.0', dawn: 'webgpu 1' };
const [SMALL, LARGE]: Candidate[] = [{ variant: 'tiled', sizes: { rows: 8 } }, { variant: 'tiled',
  sizes: { rows: 64 } }];

/** A clock that takes the time from the candidate itself, with noise that only adds, and counts calls. */
function fake(
  noise: (call: number) => number,
): { time: (candidate: number) => Promise<number[]>; calls: Map<number, number> } {
  const calls = new Map<number, number>();
  let call = 0;
  return {
    calls,
    async time(candidate) {
      calls.set(candidate, (calls.get(candidate) ?? 0) + 1);
      return [candidate, 1 + noise(call++)];
    },
  };
}

test('the fastest of many is found, though single samples mislead', async () => {
  const { time, calls } = fake((call) => (call % 3 === 0 ? 2 : 0));
  const { best, gain, slowness } = await halve([50, 80, 20, 90, 30, 70, 60, 40], time);
  assert.is(best, 20);
  assert.ok(gain > 2.1 && gain <= 51 / 21, String(gain));
  assert.ok((slowness.get(90) as number) >= 91 / 51, 'seen once, with whatever noise there was');
  assert.ok((calls.get(90) as number) < (calls.get(20) as number) / 3, 'a slow candidate gets little time');
});

test('a default that nothing beats gains nothing, alone or among others', async () => {
  assert.is((await halve([5], fake(() => 0).time)).gain, 1);
  for (const others of [[9], [9, 8, 7]]) assert.ok((await halve([5, ...others], fake(() => 0).time)).gain < 1);
});

test('one lucky round is no gain: most rounds must say so', async () => {
  let call = 0;
  const { gain } = await halve(['default', 'other'],
    async (candidate) => [candidate === 'other' && call++ === 3 ? 5 : 10]);
  assert.is(gain, 1);
});

test('each dispatch counts with its own least time', async () => {
  const samples = [[3, 9], [7, 4], [5, 5]];
  assert.is((await halve(['only'], async () => samples.shift() ?? [9, 9], 3)).standardTime, 7);
});

function finding(kernel: string, callClass: string, best: Candidate, fingerprint = 'aaaa'): Finding {
  return { kernel, fingerprint, callClass, candidates: [SMALL, LARGE], chosen: SMALL, room: 'matmul', workload: 'w',
    direction: 'forward', best, gain: 1.234567, standardTime: 12, bestTime: 10 };
}

test('the file has a line for each class, and reads back as what was written', () => {
  const tunings = withFindings([], MACHINE, [finding('b', 'rows 8', LARGE),
    finding('a', 'all', { variant: 'naive', sizes: {} })]);
  const text = tuningsText(tunings);
  assert.equal(parseTunings(text, 'a.json'), tunings);
  assert.match(text, /\n {8}"rows 8": \{ "variant": "tiled", "sizes": \{ "rows": 64 \}, "gain": 1\.235 \}\n/);
  assert.match(text, /"sizes": \{\}/);
});

test('new findings replace their class, keep the others of the same source, and leave other machines alone', () => {
  const other = { ...MACHINE, driver: '2.0', kernels: {} };
  const first = withFindings([other], MACHINE, [finding('a', 'rows 8', LARGE), finding('a', 'rows 16', LARGE),
    finding('b', 'all', LARGE)]);
  const [, updated] = withFindings(first, MACHINE, [finding('a', 'rows 8', SMALL),
    finding('b', 'rows 4', LARGE, 'bbbb')]);
  assert.equal(Object.keys(updated.kernels.a.candidates), ['rows 8', 'rows 16']);
  assert.equal(updated.kernels.a.candidates['rows 8'].sizes, SMALL.sizes);
  assert.equal(updated.kernels.b, { source: 'bbbb', candidates: { 'rows 4': { ...LARGE, gain: 1.235 } } });
  assert.equal(withFindings(first, MACHINE, [])[0], other);
});

test('a machine that hides its driver is not measured, and the error says why', () => {
  assert.throwsWith(() => requireTunable('a card', { adapter: 'maker card', driver: '', dawn: 'Chrome/150.0.0.0' }),
    /a card cannot be tuned, and nothing is stored: nothing tells which driver this is/);
  requireTunable('a card', { adapter: 'maker card', driver: '1.0', dawn: 'webgpu 1' });
});

test('what is shipped for this adapter names kernels that there are', async () => {
  await using gpu = await open({ tuning: tuned });
  const known = new Set(rooms.flatMap(({ kernels }) => kernels.map(({ name }) => name)));
  const unknown = Object.keys(tuned(gpu.candidates.machine)?.kernels ?? {}).filter((name) => !known.has(name));
  assert.equal(unknown, []);
});

test.run();
