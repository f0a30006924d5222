/** `npm test -- --room NAME`: what it takes, and that what it hands on and tells again is what it was given. */
import type { Kernel } from '../engine/index.ts';
import type { Case, Room } from '../kernels/shared/room.ts';
import * as assert from './assert.ts';
import { casesOf, commandOf, environmentOf, type Narrowing, narrowingOf, parseNarrowing } from './narrow.ts';
import { repeatable } from './sweep.ts';
import { test } from './test.ts';

const cases = ['rows', 'rows of one', 'it’s "odd"'].map((name) => ({ name }) as Case);
const ROOMS = [{ name: 'softmax', cases, kernels: [{ variantNames: ['subgroup', 'tree'] } as unknown as Kernel],
  workloads: [] }] as readonly Room[];
const parse = (...args: string[]) => parseNarrowing(args, ROOMS);

test('words name files, and flags narrow the sweep of a room, with a space or an equals sign', () => {
  assert.equal(parse('matmul', 'tape'), { narrowing: {}, words: ['matmul', 'tape'] });
  assert.equal(parse('--room', 'softmax', '--case=rows of', '--variant', 'tree', '--dtype', 'f16').narrowing, {
    room: 'softmax',
    case: 'rows of',
    variant: 'tree',
    dtype: 'f16',
  });
  assert.is(parse('--room', 'softmax', '--variant', 'subgroup, own 4+tree').narrowing.variant, 'subgroup, own 4+tree');
});

for (const [args, message] of [
  [['--room', 'sofmax'], 'there is no room "sofmax": did you mean "softmax"?\nthere are softmax'],
  [['--rom', 'softmax'],
    'there is no flag "--rom": did you mean "--room"?\nthere are --room · --case · --variant · --dtype'],
  [['--room', 'softmax', '--case', 'rowz'],
    'there is no case of softmax "rowz": did you mean "rows"?\nthere are rows · rows of one · it’s "odd"'],
  [['--room', 'softmax', '--variant', 'tre'],
    'there is no variant of softmax "tre": did you mean "tree"?\nthere are subgroup · tree'],
  [['--room', 'softmax', '--dtype', 'f64'], 'there is no dtype "f64"\nthere are f32 · f16'],
  [['--room'], '--room needs a value'],
  [['--case', 'rows'], '--case, --variant and --dtype narrow the sweep of a room: say which with --room NAME'],
  [['--room', 'softmax', 'tape'], '--room runs the files of a room, and no others: leave out tape'],
] as const) {
  test(`"${args.join(' ')}" is refused, with the names that exist`, () => {
    assert.throwsWith(() => parse(...args), RangeError, message);
  });
}

test('the whole name of a case names that case alone, and a part of it all that have it', () => {
  assert.equal(casesOf(ROOMS[0], 'rows').map(([number]) => number), [0]);
  assert.equal(casesOf(ROOMS[0], 'row').map(([number]) => number), [0, 1]);
  assert.is(casesOf(ROOMS[0]).length, 3);
});

test('what is handed on in the environment is what was given', () => {
  const narrowing: Narrowing = { room: 'softmax', case: 'it’s "odd"', variant: 'tree', dtype: 'f16' };
  assert.equal(narrowingOf(environmentOf(narrowing), ROOMS), narrowing);
  assert.equal(narrowingOf({ VARIANT: 'of another program' }, ROOMS), {});
  assert.throwsWith(() => narrowingOf({ ROOM: 'sofmax' }, ROOMS), /there is no room "sofmax"/);
});

test('a test that fails says the command that repeats it, quoted for a shell', async () => {
  const command = commandOf({ room: 'softmax', case: 'it\'s "odd"', variant: 'tree', dtype: 'f16' });
  assert.is(command, `npm test -- --room softmax --case 'it'\\''s "odd"' --variant tree --dtype f16`);
  await assert.rejectsWith(repeatable(command, async () => {
    throw new Error('off');
  }), `off\n    again: ${command}`);
});

test.run();
