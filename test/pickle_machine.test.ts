/** What each opcode of a pickle gives, wherever in the file it lies, and what is said of one that cannot be run. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { CheckpointFormatError } from '../engine/errors.ts';
import { bytesInMemory, type ByteSource } from '../model/checkpoint/bytes.ts';
import { type Meaning, readPickle } from '../model/checkpoint/pickle/machine.ts';
import type { OP } from '../model/checkpoint/pickle/opcodes.ts';
import { described, Global, Inert, PickledTensor, Storage, type Value } from '../model/checkpoint/pickle/values.ts';
import { latin1, number } from './pickle_sample.ts';

const FLOATS = { dtype: 'F32', name: 'float32', bytes: 4 };
const TENSOR = new PickledTensor(new Storage('0', FLOATS, 6), FLOATS, { shape: [6], strides: [1], offset: 0 });
/** A framework that knows one function, and makes a tensor of the text "tensor". */
const MEANING: Meaning = { call: (name, args) => (name === 'known.function' ? ['gives', ...args] : undefined),
  persistent: (id) => (id === 'tensor' ? TENSOR : ['outside', id]) };

const run = (source: ByteSource, begin = 0) => readPickle(source, 'data.pkl', { begin, end: source.size }, MEANING);
const valueOf = async (pickle: string) => (await run(bytesInMemory('x.pth', latin1(pickle)))).value;
const refusal = async (pickle: string) => {
  const { message, context } = await assert.rejectsWith(valueOf(pickle), CheckpointFormatError);
  return `${(context as { reason: string }).reason}: ${message}`;
};

function inert(path: string, state: Value = null, items: readonly (readonly [Value, Value])[] = []): Inert {
  const value = new Inert(path);
  value.state = state;
  for (const [key, item] of items) value.items.set(key, item);
  return value;
}

const bytes = (...values: readonly number[]) => Uint8Array.from(values);
const map = (...pairs: readonly (readonly [Value, Value])[]) => new Map(pairs);
/** Longer than a length of one byte, and not a multiple of 256. */
const LONG = 'y'.repeat(300);

type Read = Exclude<keyof typeof OP, 'EXT1' | 'EXT2' | 'EXT4' | 'NEXT_BUFFER' | 'READONLY_BUFFER'>;
/** Pickles by an opcode that is in them, and what they hold. */
const PICKLES: Readonly<Record<Read, readonly (readonly [pickle: string, value: Value])[]>> = {
  STOP: [['N.', null], ['NK\x01.', 1]],
  PROTO: [['\x80\x05N.', null], ['\x80\0N.', null]],
  FRAME: [[`\x95${number(2, 8)}N.`, null], [`\x95${number(Number.MAX_SAFE_INTEGER, 8)}N.`, null]],
  NONE: [['N.', null]],
  NEWTRUE: [['\x88.', true]],
  NEWFALSE: [['\x89.', false]],
  BININT: [['J\x01\x02\0\0.', 513], ['J\xfe\xff\xff\xff.', -2], ['J\xff\xff\xff\x7f.', 2 ** 31 - 1]],
  BININT1: [['K\xff.', 255]],
  BININT2: [['M\x34\x12.', 0x1234], ['M\0\xff.', 0xff00]],
  LONG1: [['\x8a\0.', 0], ['\x8a\x01\xff.', -1], ['\x8a\x02\xff\0.', 255], ['\x8a\x02\0\x80.', -32768], [
    `\x8a\x08${number(2n ** 53n - 1n, 8)}.`,
    2 ** 53 - 1,
  ], [`\x8a\x08${number(2n ** 53n, 8)}.`, 2n ** 53n], [`\x8a\x08${number(-(2n ** 53n), 8)}.`, -(2n ** 53n)], [
    '\x8a\x09\0\0\0\0\0\0\0\0\x01.',
    2n ** 64n,
  ]],
  LONG4: [['\x8b\x02\0\0\0\x01\x02.', 513], [`\x8b\0\x04\0\0${'\0'.repeat(1023)}\x01.`, 1n << 8184n]],
  INT: [['I12\n.', 12], ['I-7\n.', -7], ['I00\n.', false], ['I01\n.', true], ['I0\n.', 0], ['I1\n.', 1]],
  LONG: [['L12L\n.', 12], [`L${'9'.repeat(1000)}L\n.`, 10n ** 1000n - 1n], [`L-${'9'.repeat(17)}\n.`,
    -(10n ** 17n) + 1n]],
  FLOAT: [['F1.5\n.', 1.5], ['F-2e3\n.', -2000], ['Finf\n.', Infinity], ['F-inf\n.', -Infinity], ['F+inf\n.', Infinity],
    ['Fnan\n.', Number.NaN], ['F-nan\n.', Number.NaN]],
  BINFLOAT: [['G\x3f\xf8\0\0\0\0\0\0.', 1.5], ['G\xc0\0\0\0\0\0\0\x01.', -2 - 2 ** -51]],
  UNICODE: [['Vabc\n.', 'abc'], ['V\n.', '']],
  STRING: [['Sabc\n.', 'abc']],
  SHORT_BINUNICODE: [['\x8c\x02\xc3\xa9.', 'é'], ['\x8c\x03\xef\xbb\xbf.', '\ufeff'], ['\x8c\0.', '']],
  SHORT_BINSTRING: [['U\x03abc.', 'abc']],
  BINUNICODE: [[`X\x2c\x01\0\0${LONG}.`, LONG]],
  BINSTRING: [[`T\x2c\x01\0\0${LONG}.`, LONG]],
  BINUNICODE8: [[`\x8d${number(300, 8)}${LONG}.`, LONG]],
  SHORT_BINBYTES: [['C\x02\0\xff.', bytes(0, 255)]],
  BINBYTES: [['B\x02\0\0\0\x01\x02.', bytes(1, 2)]],
  BINBYTES8: [[`\x8e${number(3, 8)}\x01\x02\x03.`, bytes(1, 2, 3)]],
  BYTEARRAY8: [[`\x96${number(1, 8)}\x09.`, bytes(9)]],
  EMPTY_TUPLE: [[').', []]],
  EMPTY_LIST: [['].', []]],
  TUPLE1: [['NK\x01\x85.', [1]]],
  TUPLE2: [['NK\x01K\x02\x86.', [1, 2]]],
  TUPLE3: [['NK\x01K\x02K\x03\x87.', [1, 2, 3]]],
  TUPLE: [['N(K\x01K\x02K\x03K\x04t.', [1, 2, 3, 4]], ['(t.', []], ['((K\x01tK\x02t.', [[1], 2]]],
  LIST: [['N(K\x01K\x02l.', [1, 2]]],
  EMPTY_DICT: [['}.', map()]],
  DICT: [['N(K\x01K\x02K\x03K\x04d.', map([1, 2], [3, 4])]],
  EMPTY_SET: [['\x8f.', new Set<Value>()]],
  FROZENSET: [['N(K\x01K\x02\x91.', new Set<Value>([1, 2])]],
  APPEND: [[']K\x01aK\x02a.', [1, 2]], ['ca\nL\n)RK\x01a.', inert('a.L')]],
  APPENDS: [[']K\x01a(K\x02K\x03e.', [1, 2, 3]]],
  ADDITEMS: [['\x8f(K\x01K\x02\x90.', new Set<Value>([1, 2])]],
  SETITEM: [['}K\x01K\x02s.', map([1, 2])], ['ca\nD\n)RK\x01K\x02s.', inert('a.D', null, [[1, 2]])]],
  SETITEMS: [['}(K\x01K\x02K\x03K\x04u.', map([1, 2], [3, 4])], ['}(u.', map()]],
  MARK: [['K\x07(K\x01t0.', 7]],
  POP: [['K\x07N0.', 7], ['K\x07(0.', 7], ['K\x07(N00.', 7]],
  POP_MARK: [['K\x07(NN1.', 7]],
  DUP: [['K\x072\x86.', [7, 7]]],
  PUT: [['K\x07p12\n0g12\n.', 7], ['K\x07p0\n.', 7]],
  BINPUT: [['K\x07q\xc80h\xc8.', 7]],
  LONG_BINPUT: [['K\x07r\x01\x02\0\x800j\x01\x02\0\x80.', 7]],
  MEMOIZE: [['K\x07\x94K\x08\x94K\x09\x9400h\x01\x86.', [7, 8]]],
  GET: [['K\x07q\x0a0g10\n.', 7]],
  BINGET: [['Nq\x010h\x01.', null]],
  LONG_BINGET: [['K\x07q\x010j\x01\0\0\0.', 7]],
  GLOBAL: [['ca.b\nC\n.', new Global('a.b', 'C')]],
  STACK_GLOBAL: [['NU\x03a.bU\x01C\x93.', new Global('a.b', 'C')]],
  REDUCE: [['cknown\nfunction\n(K\x01K\x02tR.', ['gives', 1, 2]], ['ca\nf\n)R.', inert('a.f')], ['ca\nf\n)R)R.',
    inert('a.f')]],
  NEWOBJ: [['cknown\nfunction\n(K\x01t\x81.', ['gives', 1]]],
  NEWOBJ_EX: [['Ncknown\nfunction\n(K\x01t}\x92.', ['gives', 1]]],
  INST: [['N(K\x01K\x02iknown\nfunction\n.', ['gives', 1, 2]]],
  OBJ: [['N(cknown\nfunction\nK\x01K\x02o.', ['gives', 1, 2]]],
  BUILD: [['ca\nf\n)RK\x01b.', inert('a.f', 1)], ['}K\x01b.', map()], ['\x8fNb.', new Set<Value>()], ['Ptensor\n}b.',
    TENSOR]],
  PERSID: [['Pabc\n.', ['outside', 'abc']]],
  BINPERSID: [['NK\x05Q.', ['outside', 5]]],
};

for (const [opcode, pickles] of Object.entries(PICKLES)) {
  test(`${opcode} gives what Python's own machine makes of it, or a note of it`, async () => {
    for (const [pickle, value] of pickles) assert.equal(await valueOf(pickle), value, JSON.stringify(pickle));
  });
}

test('every opcode and argument may lie across what is read at once, at whichever byte', async () => {
  let count = 0;
  for (const [pickle, value] of Object.values(PICKLES).flat().filter(([own]) => own.length < 60)) {
    for (let before = 1; before < pickle.length; before++) {
      // bytes that are thrown away, and end so many bytes before the end of a piece
      const filled = 2 ** 16 - before - 6;
      const source = bytesInMemory('x.pth', latin1(`B${number(filled, 4)}${'-'.repeat(filled)}0${pickle}`));
      const { value: found, end } = await run(source);
      assert.equal([found, end], [value, source.size], `${JSON.stringify(pickle)}, ${before} bytes before`);
      count++;
    }
  }
  assert.ok(count > 400);
});

test('a name has up to 4,096 letters, whether its end has been read or not', async () => {
  const name = (letters: number, before: number) =>
    `B${number(before, 4)}${'-'.repeat(before)}0c${'m'.repeat(letters)}\nn\n.`;
  // in the second case the last of 4,096 letters is the last of the first piece
  for (const before of [0, 2 ** 16 - 4096 - 7]) {
    assert.equal(await valueOf(name(4096, before)), new Global('m'.repeat(4096), 'n'));
    assert.match(await refusal(name(4097, before)), /^TooLong: .*a line has more than 4096 letters$/);
  }
});

test('bytes are read once, in their order, and of a long text all that it needs at once', async () => {
  const length = 1_000_000;
  const pickle = latin1(`--X${number(length, 4)}${'x'.repeat(length)}.--`);
  const reads: [number, number][] = [];
  const source = { ...bytesInMemory('x.pth', pickle), read: async (offset: number, count: number) => {
    reads.push([offset, count]);
    return new Uint8Array(pickle.subarray(offset, offset + count));
  } };
  const { value, end } = await readPickle(source, 'data.pkl', { begin: 2, end: pickle.length - 2 }, MEANING);
  assert.equal([value, end], ['x'.repeat(length), pickle.length - 2]);
  assert.equal(reads, [[2, 65_536], [65_538, 934_464], [1_000_002, 6]]);
});

test('a pickle may have 256 MiB, and 2,000,000 values, marks and places of the memo', async () => {
  const endless: ByteSource = { name: 'x.pth', size: 2 ** 30, read: async (offset, length) => {
    const read = new Uint8Array(length);
    if (offset === 10) read.set(latin1('B\xff\xff\xff\x7f'));
    return read;
  } };
  await assert.rejectsWith(run(endless, 10), CheckpointFormatError,
    'x.pth: data.pkl, byte 15: 2,147,483,647 bytes belong here, 268,435,451 are left');
  const most = 2_000_000;
  for (const [one, many, rest] of [['N0', most - 1, 'N.'], ['(1', most - 1, 'N.'], ['q\0', most - 1, '.']] as const) {
    const pickle = (count: number) => `${rest === '.' ? 'N' : ''}${one.repeat(count)}${rest}`;
    assert.is(await valueOf(pickle(many)), null, one);
    assert.match(await refusal(pickle(many + 1)), /^TooManyValues: .*: more than 2,000,000 values$/, one);
  }
});

/** What is wrong, and how it is told: with the byte behind what was read of it. */
const WRONG: readonly (readonly [pickle: string, told: string])[] = [
  ['\x80\x06N.', 'UnknownProtocol: x.pth: data.pkl, byte 2: protocol 6, at most 5 is read'],
  ['N\xff', 'UnknownOpcode: x.pth: data.pkl, byte 2: there is no opcode 0xff'],
  ['N\x0a', 'UnknownOpcode: x.pth: data.pkl, byte 2: there is no opcode 0x0a'],
  ...(['\x82EXT1', '\x83EXT2', '\x84EXT4', '\x97NEXT_BUFFER', '\x98READONLY_BUFFER'].map((code) =>
    [`${code[0]}\0\0\0\0`,
      `UnknownOpcode: x.pth: data.pkl, byte 1: ${code.slice(1)} means something that only the writer has`] as const
  )),
  [`\x8b\x01\x04\0\0${'\0'.repeat(1025)}.`, 'TooLong: x.pth: data.pkl, byte 5: a whole number of 1025 bytes'],
  [`\x8d${number(2n ** 53n, 8)}`, 'TooLong: x.pth: data.pkl, byte 9: a length of 9007199254740992 bytes is stated'],
  [`\x8d${number(2n ** 53n - 1n, 8)}`,
    'Truncated: x.pth: data.pkl, byte 9: 9,007,199,254,740,991 bytes belong here, 0 are left'],
  ['U\x05abcd', 'Truncated: x.pth: data.pkl, byte 2: 5 bytes belong here, 4 are left'],
  ['cos', 'Truncated: x.pth: data.pkl, byte 1: 3 bytes belong here, 2 are left'],
  ['N', 'Truncated: x.pth: data.pkl, byte 1: 1 bytes belong here, 0 are left'],
  ...(['I', 'I-', 'I 1', 'I0x1', 'I1.5', 'L1LL', `L${'9'.repeat(1001)}`].map((line) =>
    [`${line}\n.`,
      `InvalidNumber: x.pth: data.pkl, byte ${
        line.length + 1
      }: expected a whole number of at most 1,000 digits`] as const
  )),
  ...(['F', 'F ', 'Fx', 'Fnano', 'F1,5'].map((line) =>
    [`${line}\n.`, `InvalidNumber: x.pth: data.pkl, byte ${line.length + 1}: expected a number`] as const
  )),
  ...(['Ng', 'Np-1', 'Np1.0', 'Np9007199254740992'].map((line) =>
    [`${line}\n.`, `InvalidNumber: x.pth: data.pkl, byte ${line.length + 1}: expected a place of the memo`] as const
  )),
  ['NN\x87.', 'StackUnderflow: x.pth: data.pkl, byte 3: 3 values are wanted, 2 are there'],
  ['NN(N\x86.', 'StackUnderflow: x.pth: data.pkl, byte 5: 2 values are wanted, 1 are there'],
  ['N(2.', 'StackUnderflow: x.pth: data.pkl, byte 3: a value is wanted, none is there'],
  ['0.', 'StackUnderflow: x.pth: data.pkl, byte 1: 1 values are wanted, 0 are there'],
  ['Nt.', 'NoMark: x.pth: data.pkl, byte 2: a mark is wanted, none is there'],
  ['(0t.', 'NoMark: x.pth: data.pkl, byte 3: a mark is wanted, none is there'],
  ['h\x05.', 'NoMemo: x.pth: data.pkl, byte 2: place 5 of the memo is empty'],
  ['](N\x90.', 'WrongType: x.pth: data.pkl, byte 4: members are added to a list of 0'],
  ['}Na.', 'WrongType: x.pth: data.pkl, byte 3: members are appended to a dict of 0'],
  ['](NNu.', 'WrongType: x.pth: data.pkl, byte 5: keys are set in a list of 0'],
  ['}(NNNu.', 'WrongType: x.pth: data.pkl, byte 6: a key has no value'],
  ['U\x01aN\x93.', 'WrongType: x.pth: data.pkl, byte 5: a name is not a text'],
  ['NU\x01a\x93.', 'WrongType: x.pth: data.pkl, byte 5: a name is not a text'],
  ['ca\nf\nNR.', 'WrongType: x.pth: data.pkl, byte 7: the name a.f is called with None'],
  ['N)R.', 'WrongType: x.pth: data.pkl, byte 3: None is called'],
  ['(o.', 'WrongType: x.pth: data.pkl, byte 2: None is called'],
  [']Nb.', 'WrongType: x.pth: data.pkl, byte 3: attributes are set on a list of 0'],
];

test('what cannot be run is refused with the byte, what was expected and what is there', async () => {
  for (const [pickle, told] of WRONG) assert.is(await refusal(pickle), told);
});

test('a value is told by what it is, and how much of it there is', () => {
  assert.equal(
    [null, [1, 2], map([1, 2]), new Set<Value>([1]), bytes(1, 2, 3), new Global('a', 'b'), inert('a.b'), TENSOR.storage,
      TENSOR, 'text', 'x'.repeat(41), true, 3, 10n ** 40n].map(described),
    ['None', 'a list of 2', 'a dict of 1', 'a set of 1', '3 bytes', 'the name a.b',
      'an object that only Python could make, by a.b', 'a storage', 'a tensor of float32', 'the text "text"',
      `the text "${'x'.repeat(20)}…${'x'.repeat(19)}"`, 'the boolean true', 'the number 3',
      `the bigint 1${'0'.repeat(19)}…${'0'.repeat(19)}`],
  );
});

test.run();
