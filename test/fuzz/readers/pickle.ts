import type { Random } from '../../../engine/random.ts';
import { bytesInMemory } from '../../../model/checkpoint/bytes.ts';
import { openTensors } from '../../../model/checkpoint/open.ts';
import { OP } from '../../../model/checkpoint/pickle/opcodes.ts';
import { archive, called, dict, integer, latin1, MAGIC, number, NUMBERS, storage, stream, tensor, type TensorSample,
  text, tuple, zip, type ZipSample } from '../../pickle_sample.ts';
import { anyBytes, drawnBy, edge, lengthOf, mutated, oneIn, pick, randomBytes } from '../bytes.ts';
import { holds, type Reader } from '../reader.ts';

const GOOD = `${dict({ model: dict({ w: tensor(), v: tensor({ shape: [3], strides: [2], offset: 1 }) }) })}.`;
const VALID = [archive(GOOD), stream(GOOD),
  archive(`\x80\x02${GOOD}`, [{ name: 'a/byteorder', bytes: latin1('little') }])];
const OPCODES = Object.values(OP);
const NAMES = ['os.system', 'builtins.eval', 'collections.OrderedDict', 'torch._utils._rebuild_tensor_v2',
  'torch.FloatStorage', 'torch.Size', 'torch._utils._rebuild_parameter', 'torch.nn.Module'];

/** Values and calls, one of which may be anything. */
function value(random: Random, depth = 0): string {
  const inner = () => (depth > 3 ? 'N' : value(random, depth + 1));
  return pick(random, [() => 'N', () => '\x88', () => integer(random.below(100) - 50), () => text('w'),
    () => tuple(inner(), inner()), () => `](${inner()}${inner()}e`, () => dict({ a: inner(), model: inner() }),
    () => called(pick(random, NAMES), inner(), inner()), () => tensor(sample(random)), () => storage(sample(random)),
    () => `\x8a${number(random.below(12), 1)}${number(edge(random), 8)}`,
    () => `c${pick(random, NAMES).replace('.', '\n')}\n`, () => `${inner()}q\0`, () => 'h\0',
    () => `I${pick(random, ['1', '01', 'x', '0x1', '-'])}\n`, () => `L${'9'.repeat(lengthOf(random, 3000))}L\n`,
    () => `${inner()}${inner()}b`, () => '(', () => '0', () => 't', () => `X${number(edge(random), 4)}`,
    () => `\x8d${number(edge(random), 8)}`, () => `\x8b${number(edge(random), 4)}`])();
}

/** A tensor that may not lie where it says. */
function sample(random: Random): TensorSample {
  const wrong = <T>(right: T, other: () => T) => (oneIn(random, 6) ? other() : right);
  const few = () => Number(edge(random) % (1n << 40n));
  return {
    type: wrong('torch.FloatStorage',
      () => pick(random, ['os.system', 'torch.IntStorage', 'torch.ComplexFloatStorage'])),
    key: wrong('0', () => pick(random, ['1', '../0', '', 'x'.repeat(300)])),
    count: wrong(6, () => pick(random, [5, 7, -1, few()])),
    offset: wrong(0, () => pick(random, [1, -1, few()])),
    shape: wrong([2, 3],
      () => pick(random, [[6], [], [0], [2 ** 20, 1], Array<number>(9).fill(1), [few()], [1 << 26, 1 << 26]])),
    strides: wrong([3, 1], () => pick(random, [[0, 0], [1], [], [4, 1], [-1, 1], [few(), 1], [0]])),
  };
}

/** Opcodes in any order, with whatever follows them. */
function program(random: Random): string {
  return Array.from({ length: 1 + lengthOf(random, 40) },
    () =>
      pick(random, [() => String.fromCharCode(pick(random, OPCODES)), () => value(random), () =>
        Buffer.from(randomBytes(random, 8)).toString('latin1')])()).join('');
}

/** A file as it lies in an archive, of which something is stated wrongly. */
function stated(random: Random, own: ZipSample): ZipSample {
  if (!oneIn(random, 3)) return own;
  return { ...own,
    ...pick(random, [{ method: 8 }, { flags: 1 }, { localName: 'a/else' }, { header: random.below(400) }, {
      size: Number(edge(random) & 0xffffffffn),
    }, { size: own.bytes.length + 1 }, { name: '../x' }, { name: 'b/data.pkl' }]) };
}

function archived(random: Random): Buffer {
  const files: ZipSample[] = [{ name: 'a/data.pkl', bytes: latin1(GOOD) }, { name: 'a/data/0', bytes: NUMBERS }];
  if (oneIn(random, 3)) files.push({ name: 'a/byteorder', bytes: latin1(pick(random, ['little', 'big'])) });
  if (oneIn(random, 4)) files.push(pick(random, files));
  const own = files.map((each) => stated(random, each));
  return zip(own, oneIn(random, 6) ? { count: random.below(5) } : {});
}

function streamed(random: Random): Buffer {
  const wrong = <T>(other: () => T) => (oneIn(random, 4) ? other() : undefined);
  const parts = { magic: wrong(() => pick(random, ['\x80\x02N.', MAGIC.slice(0, random.below(MAGIC.length))])),
    protocol: wrong(() => random.below(2000)), system: wrong(() => '}.'), count: wrong(() => random.below(20) - 5),
    keys: wrong(() => pick(random, [[], [text('0'), text('0')], [integer(0)]])),
    numbers: wrong(() => NUMBERS.subarray(random.below(24))) };
  const given = Object.fromEntries(Object.entries(parts).filter(([, own]) => own !== undefined));
  return stream(oneIn(random, 2) ? GOOD : `${value(random)}.`, given);
}

/** What costs time or memory. */
const COSTLY: readonly (() => string)[] = [() => `]q\0${'h\0'.repeat(2e6)}.`, () => '('.repeat(3e6),
  () => `N${'\x85'.repeat(1e6)}.`];

/** A sound archive, but that one file is stated otherwise. */
const oneStated = (random: Random, wrong: Partial<ZipSample>) => {
  const at = random.below(2);
  return zip(
    [{ name: 'a/data.pkl', bytes: latin1(GOOD) }, { name: 'a/data/0', bytes: NUMBERS }].map((own, i) =>
      i === at ? { ...own, ...wrong } : own
    ),
  );
};

/** A model of one tensor. */
const ofTensor = (own: TensorSample) => archive(`${dict({ model: dict({ w: tensor(own) }) })}.`);

/** Where an entry of an archive's directory says how long its file is unpacked. APPNOTE.TXT, section 4.3.12. */
const UNPACKED_SIZE = 24;

export const pickle: Reader = {
  name: 'pickle',
  reasons: ['BigEndian', 'Compressed', 'DuplicateEntry', 'Encrypted', 'InvalidEntry', 'InvalidNumber', 'InvalidStorage',
    'InvalidTensor', 'InvalidUtf8', 'NoMark', 'NoMemo', 'NoPickle', 'NoSuchEntry', 'NoTensors', 'NotATensor',
    'NotPyTorch', 'OutOfStorage', 'Overlap', 'SizeMismatch', 'StackUnderflow', 'TooDeep', 'TooLarge', 'TooLong',
    'TooManyDimensions', 'TooManyValues', 'Truncated', 'UnknownOpcode', 'UnknownProtocol', 'WrongDtype', 'WrongType'],
  draw: (random) =>
    drawnBy(random, [...anyBytes(VALID), [4, () => archive(`${program(random)}.`)], [4, () =>
      archive(`${dict({ model: dict({ w: value(random), v: tensor(sample(random)) }) })}.`)], [3, () =>
      archived(random)], [2, () => streamed(random)], [2, () => archive(mutated(random, latin1(GOOD)))],
      ...(oneIn(random, 2000) ? [[20, () => archive(pick(random, COSTLY)())] as const] : [])]),
  aimed: {
    Compressed: (random) => oneStated(random, { method: 1 + random.below(20) }),
    Encrypted: (random) => oneStated(random, { flags: 1 + 2 * random.below(100) }),
    InvalidUtf8: (random) => archive(GOOD, [{ name: `a/\xff${random.below(100)}`, bytes: NUMBERS }]),
    NoSuchEntry: (random) => ofTensor({ key: String(1 + random.below(100)) }),
    SizeMismatch: (random) => {
      const bytes = archive(GOOD);
      bytes.writeUInt32LE(random.word(), bytes.lastIndexOf('PK\x01\x02', undefined, 'latin1') + UNPACKED_SIZE);
      return bytes;
    },
    TooDeep: (random) =>
      archive(`c__torch__\nM\n)\x81q\0${dict({ w: tensor(), [`again${random.below(100)}`]: 'h\0' })}b.`, [{
        name: 'a/constants.pkl',
        bytes: latin1(').'),
      }]),
    TooLarge: (random) => ofTensor({ shape: [2 ** 20 + random.below(2 ** 20)], strides: [0] }),
    TooManyDimensions: (random) => {
      const ones = Array<number>(9 + random.below(9)).fill(1);
      return ofTensor({ shape: ones, strides: ones });
    },
    TooManyValues: (random) => archive('('.repeat(2e6 + 1 + random.below(1000))),
    WrongDtype: (random) => ofTensor({ type: 'torch.IntStorage', offset: random.below(3), shape: [3], strides: [1] }),
  },
  async read(bytes) {
    const opened = await openTensors(bytesInMemory('x.pth', bytes));
    for (const name of opened.names()) {
      const { shape } = opened.entry(name);
      const floats = await opened.floats(name);
      holds(floats.length === shape.reduce((product, extent) => product * extent, 1),
        `"${name}" of [${shape}] has ${floats.length}`);
      // no number comes from outside of the file
      holds(floats.length <= 8 * bytes.length + 2 ** 16,
        `"${name}" has ${floats.length} numbers of ${bytes.length} bytes`);
    }
  },
};
