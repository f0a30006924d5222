/** How a command of several ranks ends: who prints, who waits, and what becomes of an error. */
import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers/promises';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { FirstlightError } from '../engine/errors.ts';
import { ALONE, type World } from '../mpi/world.ts';
import { asRank, together } from '../train/cli/together.ts';
import { InterruptedError } from '../train/run/stop.ts';
import { printed } from './command_line.ts';

/** How all processes end, which a process does not survive. */
class Aborted extends Error {}

/** What a rank of four did and said while it ran this, in order. */
async function ended(rank: number, work: (world: World) => Promise<number>) {
  const did: string[] = [];
  const world: World = { ...ALONE, rank, size: 4, library: 'one process', host: { rank: 0, size: 1, name: 'here' },
    end: async () => void did.push('end'), abort: (code) => {
      did.push(`abort ${code}`);
      throw new Aborted();
    } };
  const { setTimeout } = timers;
  const { log, info, warn } = console;
  timers.setTimeout = (async (milliseconds: number) => void did.push(`wait ${milliseconds}`)) as typeof setTimeout;
  syncBuiltinESMExports();
  let thrown: unknown;
  try {
    const said = await printed(() =>
      asRank(world, work).catch((error: unknown) => {
        if (!(error instanceof Aborted)) thrown = error;
        return -1;
      })
    );
    return { did, thrown, ...said };
  } finally {
    timers.setTimeout = setTimeout;
    syncBuiltinESMExports();
    Object.assign(console, { log, info, warn });
  }
}

const speaking = async ({ rank }: World) => {
  console.log(`log of ${rank}`);
  console.info(`info of ${rank}`);
  console.warn(`warning of ${rank}`);
  console.error(`error of ${rank}`);
  return 3;
};

test('all ranks leave together with what the work gave; rank 0 alone prints, an error each', async () => {
  assert.equal(await ended(0, speaking), { did: ['end'], thrown: undefined, code: 3, stdout: 'log of 0\ninfo of 0\n',
    stderr: 'warning of 0\nerror of 0\n' });
  for (const rank of [1, 2]) {
    assert.equal(await ended(rank, speaking), { did: ['end'], thrown: undefined, code: 3, stdout: '',
      stderr: `error of ${rank}\n` });
  }
});

test('ranks that are interrupted leave together: rank 0 tells, the others have the status of it', async () => {
  const stopped = new InterruptedError('the evaluation', 143);
  const work = () => Promise.reject(stopped);
  assert.equal(await ended(0, work), { did: ['end'], thrown: stopped, code: -1, stdout: '', stderr: '' });
  for (const rank of [1, 2]) {
    assert.equal(await ended(rank, work), { did: ['end'], thrown: undefined, code: 143, stdout: '', stderr: '' });
  }
});

test('an error of one rank ends all at once, told with its place and what to do; rank 0 needs none', async () => {
  const work = () => Promise.reject(new FirstlightError('FL_VIDEO', 'a.mp4: is short', {}, 'try again'));
  for (const [rank, place] of [[0, ''], [1, 'rank 1 on here: '], [3, 'rank 3 on here: ']] as const) {
    assert.equal(await ended(rank, work), { did: ['abort 3'], thrown: undefined, code: -1, stdout: '',
      stderr: `firstlight: ${place}a.mp4: is short\n  try again\n` });
  }
});

test('what all ranks find is told by rank 0, for which the others wait ten minutes before they end all', async () => {
  for (const code of ['FL_RANKS', 'FL_NON_FINITE'] as const) {
    const work = () => Promise.reject(new FirstlightError(code, 'differs'));
    assert.equal((await ended(0, work)).did, ['abort 1'], code);
    for (const rank of [1, 2]) assert.equal((await ended(rank, work)).did, ['wait 600000', 'abort 1'], code);
  }
});

test('a defect keeps its stack on every rank, and is no error that the others find too', async () => {
  for (const rank of [0, 1]) {
    const { did, stderr } = await ended(rank, () => Promise.reject(new TypeError('x is not a function')));
    assert.equal(did, ['abort 1']);
    assert.match(stderr,
      /^firstlight: unexpected error, a defect of Firstlight: TypeError: x is not a function\n +at /);
  }
});

test('a process alone is left as it is: its errors are the command line’s to tell', async () => {
  const { log } = console;
  const asked = () => ({ run: { collectiveMinutes: 1 } });
  assert.is(await together(asked, async (_, world) => (world === ALONE && console.log === log ? 4 : 5)), 4);
  const error = new Error('own');
  assert.is(await assert.rejectsWith(together(asked, () => Promise.reject(error)), Error), error);
});

test.run();
