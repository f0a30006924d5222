/** Pickles that were made to do harm, or to cost time or memory: nothing is executed, each is refused by a reason. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { CheckpointFormatError } from '../engine/errors.ts';
import { bytesInMemory } from '../model/checkpoint/bytes.ts';
import { openTensors } from '../model/checkpoint/open.ts';
import { archive, called, dict, integer, latin1, MAGIC, number, NUMBERS, storage, stream, tensor, text, tuple,
  zip } from './pickle_sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-pickle-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));
/** What any execution would leave behind. */
const MARKER = join(folder, 'executed');

const open = (bytes: Uint8Array) => openTensors(bytesInMemory('x.pth', bytes));

/** The reason that a file is refused for, and what is said. */
async function refusal(bytes: Uint8Array): Promise<{ reason: string; message: string }> {
  const error = await assert.rejectsWith(open(bytes), CheckpointFormatError);
  return { reason: String((error.context as { reason: string }).reason), message: error.message };
}

const python = `open(${JSON.stringify(MARKER)}, "w")`;
/** What a pickle would do to whoever executes it, and the name that it does it by. */
const HARMFUL: readonly (readonly [name: string, pickle: string])[] = [
  ['os.system', called('os.system', text(`touch ${MARKER}`))],
  ['posix.system', `cposix\nsystem\n(Vtouch ${MARKER}\ntR`],
  ['builtins.eval', called('builtins.eval', text(python))],
  ['__builtin__.exec', called('__builtin__.exec', text(python))],
  ['subprocess.Popen', called('subprocess.Popen', `](${text('touch')}${text(MARKER)}e`)],
  // the argument of a call is itself made by a call
  ['builtins.list', called('builtins.list', called('builtins.map', 'cos\nsystem\n', `](${text(`touch ${MARKER}`)}e`))],
  // a call of what a call has given
  ['builtins.getattr',
    `${called('builtins.getattr', 'cos\nposix\n', text('system'))}${tuple(text(`touch ${MARKER}`))}R`],
  ['my.lib.Worse',
    `cmy.lib\nWorse\n)\x81${dict({ __setstate__: 'cos\nsystem\n', command: text(`touch ${MARKER}`) })}b`],
  ['os.popen', `(V touch ${MARKER}\nios\npopen\n`],
  ['webbrowser.open', `(cwebbrowser\nopen\n${text(`file://${MARKER}`)}o`],
  ['torch.hub.load', called('torch.hub.load', text('a/b'), text('c'))],
  ['numpy.core.multiarray._reconstruct', called('numpy.core.multiarray._reconstruct', 'cnumpy\nndarray\n')],
  ['torch.load', `ctorch\nload\n${tuple(text(MARKER))}}\x92`],
  ['os.remove', `\x8c\x02os\x8c\x06remove\x93${tuple(text(MARKER))}\x81`],
];

for (const [name, pickle] of HARMFUL) {
  test(`${name} is not executed: alone and for a tensor it is refused by name, beside tensors it is nothing`, async () => {
    const alone = await refusal(archive(`${pickle}.`));
    assert.is(alone.reason, 'NoTensors');
    assert.match(alone.message, `by ${name}`);
    assert.is((await refusal(stream(`${pickle}.`, { keys: [] }))).reason, 'NoTensors');
    const inPlace = await open(archive(`${dict({ model: dict({ w: pickle, v: tensor() }) })}.`));
    assert.match(assert.throwsWith(() => inPlace.entry('w'), CheckpointFormatError).message, `by ${name}`);
    const beside = await open(archive(`${dict({ hook: pickle, model: dict({ v: tensor() }) })}.`));
    assert.equal([...await beside.floats('v')], [0, 1, 2, 3, 4, 5]);
    assert.not.ok(existsSync(MARKER));
  });
}

const repeated = (text: string, count: number) => text.repeat(count);
/** Eight bytes of a length. */
const long = (value: number | bigint) => number(value, 8);

/** Pickles that mean nothing. */
const BROKEN: readonly (readonly [reason: string, what: string, pickle: string])[] = [
  ['StackUnderflow', 'an end without a value', '.'],
  ['StackUnderflow', 'a value below a mark', 'N(.'],
  ['StackUnderflow', 'a place of the memo for nothing', 'q\0.'],
  ['StackUnderflow', 'a copy of nothing', '2.'],
  ['StackUnderflow', 'a key without a dict', 'NNs.'],
  ['NoMark', 'a tuple without a mark', 'Nt.'],
  ['NoMark', 'more ends than marks', '(1)1.'],
  ['NoMemo', 'an empty place of the memo', 'h\0.'],
  ['NoMemo', 'an empty place, as text', 'g7\n.'],
  ['NoMemo', 'an empty place far away', 'j\xff\xff\xff\xff.'],
  ['InvalidNumber', 'a place that is no number', 'Np-1\n.'],
  ['InvalidNumber', 'a number that is none', 'I0x10\n.'],
  ['InvalidNumber', 'a number with too many digits', `L${repeated('9', 2000)}L\n.`],
  ['InvalidNumber', 'a float that is none', 'Fone\n.'],
  ['UnknownProtocol', 'a protocol of the future', '\x80\x06N.'],
  ['UnknownOpcode', 'an opcode of no protocol', '\xff.'],
  ['UnknownOpcode', 'a class of the registry', '\x82\x01.'],
  ['UnknownOpcode', 'a buffer outside of the pickle', '\x97.'],
  ['WrongType', 'a call of nothing', 'N)R.'],
  ['WrongType', 'a call without arguments', 'cos\nsystem\nNR.'],
  ['WrongType', 'a name made of numbers', 'K\x01K\x02\x93.'],
  ['WrongType', 'members of a number', 'K\x01(Ne.'],
  ['WrongType', 'keys in a list', '](NNu.'],
  ['WrongType', 'a key without a value', '}(Nu.'],
  ['WrongType', 'members of what is no set', '](N\x90.'],
  ['WrongType', 'attributes of a number', 'K\x01}b.'],
  ['Truncated', 'a text of 2 GB', `X${number(2 ** 31 - 1, 4)}.`],
  ['Truncated', 'bytes of a terabyte', `\x8e${long(2 ** 40)}.`],
  ['Truncated', 'a line without an end', 'cos'],
  ['Truncated', 'no end', 'N'],
  ['TooLong', 'a text of more bytes than can be counted', `\x8d${long(-1)}.`],
  ['TooLong', 'a whole number of 4 GB', '\x8b\xff\xff\xff\xff.'],
  ['TooLong', 'a name without end', `c${repeated('x', 10_000)}`],
  ['TooManyValues', 'lists in the memo, over and over', `]q\0${repeated('h\0', 2e6)}.`],
  ['TooManyValues', 'marks without end', repeated('(', 3e6)],
  ['TooManyValues', 'places of the memo without end', `]${repeated('\x94', 3e6)}.`],
  // what they hold could not be written out, or walked through by functions that call themselves
  ['NoTensors', 'a list that holds itself', ']q\0h\0a.'],
  ['NoTensors', 'a dict that holds itself under model', `}q\0${text('model')}h\0s.`],
  ['NoTensors', 'a dict that is its own key', '}q\0h\0h\0s.'],
  ['NoTensors', 'a million tuples in one another', `N${repeated('\x85', 1e6)}.`],
  ['NoTensors', 'a list of lists of lists, each ten times, sixty times over',
    `]q\0${Array.from({ length: 60 }, () => `](${repeated('h\0', 10)}eq\0`).join('')}.`],
  ['NoTensors', 'nothing', 'N.'],
  ['NoTensors', 'a state dict without tensors', `${dict({ model: dict({ w: integer(1) }) })}.`],
];

/** Tensors that do not lie where they say. */
const MISPLACED: readonly (readonly [reason: string, what: string, pickle: string])[] = [
  ['OutOfStorage', 'strides that leave the storage', tensor({ strides: [4, 1] })],
  ['OutOfStorage', 'an offset that leaves it', tensor({ offset: 1 })],
  ['OutOfStorage', 'a stride of a petabyte', tensor({ shape: [2], strides: [2 ** 50] })],
  ['OutOfStorage', 'strides whose end cannot be counted',
    tensor({ shape: [2 ** 26, 2 ** 26], strides: [2 ** 50, 2 ** 50] })],
  ['InvalidTensor', 'an offset before the storage', tensor({ offset: -1 })],
  ['InvalidTensor', 'a stride backwards', tensor({ strides: [-3, 1] })],
  ['InvalidTensor', 'fewer strides than dimensions', tensor({ strides: [1] })],
  ['InvalidTensor', 'more elements than can be counted', tensor({ shape: [2 ** 30, 2 ** 30], strides: [0, 0] })],
  ['InvalidTensor', 'a shape of texts',
    called('torch._utils._rebuild_tensor_v2', storage(), integer(0), tuple(text('2')), tuple(integer(1)))],
  ['InvalidTensor', 'a shape that is a dict',
    called('torch._utils._rebuild_tensor_v2', storage(), integer(0), '}', '}')],
  ['TooManyDimensions', 'nine dimensions',
    tensor({ shape: Array<number>(9).fill(1), strides: Array<number>(9).fill(1) })],
  ['TooLarge', 'one number shown a billion times', tensor({ shape: [2 ** 30], strides: [0] })],
  ['InvalidStorage', 'a storage of os.system', tensor({ type: 'os.system' })],
  ['InvalidStorage', 'a storage outside of the archive', tensor({ key: '../../etc/passwd' })],
  ['InvalidStorage', 'one storage of two sizes', `${tuple(storage(), storage({ count: 5 }))}`],
  ['InvalidStorage', 'one storage of two types', `${tuple(storage(), storage({ type: 'torch.IntStorage' }))}`],
  ['InvalidStorage', 'a storage that is a text', `${text('0')}Q`],
  ['InvalidTensor', 'a storage of fewer numbers than none', tensor({ count: -1 })],
  ['NoSuchEntry', 'a storage that is not there', tensor({ key: '1' })],
  ['Truncated', 'a storage of more numbers than are there', tensor({ count: 7 })],
  ['Truncated', 'a storage of a petabyte', tensor({ count: 2 ** 50, shape: [2 ** 50], strides: [1] })],
];

for (const [reason, what, pickle] of [...BROKEN,
  ...MISPLACED.map(([reason, what, own]) => [reason, what, `${dict({ w: own })}.`] as const)]) {
  test(`refused: ${what}: ${reason}`, async () => assert.is((await refusal(archive(pickle))).reason, reason));
}

test('the same numbers, shown by one tensor after another, are refused before there are too many', async () => {
  const expanded = tensor({ shape: [1000], strides: [0] });
  const many = Object.fromEntries(
    Array.from({ length: 5000 }, (_, i) => [`w${i}`, i === 0 ? `${expanded}q\0` : 'h\0']),
  );
  assert.is((await refusal(archive(`${dict(many)}.`))).reason, 'TooLarge');
});

test('a tensor may show as many numbers as eight times the bytes of the file and 65,536, and no more', async () => {
  const shown = (count: number) => archive(`${dict({ w: tensor({ shape: [count], strides: [0] }) })}.`);
  const most = 8 * shown(1).length + 2 ** 16;
  assert.is((await (await open(shown(most))).floats('w')).length, most);
  assert.is((await refusal(shown(most + 1))).reason, 'TooLarge');
});

const good = latin1(`${dict({ w: tensor() })}.`);
const [pickleFile, storageFile] = [{ name: 'a/data.pkl', bytes: good }, { name: 'a/data/0', bytes: NUMBERS }];

/** Archives that PyTorch does not write. */
const ARCHIVES: readonly (readonly [reason: string, what: string, bytes: Buffer])[] = [
  ['Compressed', 'a pickle that is packed', zip([{ ...pickleFile, method: 8 }, storageFile])],
  ['Compressed', 'a storage that is packed', zip([pickleFile, { ...storageFile, method: 8 }])],
  ['Encrypted', 'a storage that is encrypted', zip([pickleFile, { ...storageFile, flags: 1 }])],
  ['DuplicateEntry', 'two files of one name', zip([pickleFile, storageFile, storageFile])],
  ['NoPickle', 'two pickles', zip([pickleFile, { ...pickleFile, name: 'b/data.pkl' }])],
  ['NoPickle', 'no pickle', zip([storageFile])],
  ['NoPickle', 'nothing', zip([])],
  ['Overlap', 'a file that reaches into the next', zip([{ ...pickleFile, size: good.length + 1 }, storageFile])],
  ['Overlap', 'a file that reaches beyond the end', zip([pickleFile, { ...storageFile, size: 2 ** 31 - 1 }])],
  ['Overlap', 'two names for one place',
    zip([pickleFile, storageFile, { ...pickleFile, name: 'a/data/1', header: 0 }])],
  ['Overlap', 'a file beyond the end', zip([pickleFile, { ...storageFile, header: 2 ** 31 - 1 }])],
  ['InvalidEntry', 'a file where there is none',
    zip([pickleFile, { ...storageFile, header: 41 + good.length, size: 4 }])],
  ['InvalidEntry', 'a file with two names', zip([pickleFile, { ...storageFile, localName: 'a/data/1' }])],
  ['InvalidEntry', 'more files than there are', zip([pickleFile, storageFile], { count: 3 })],
  ['InvalidEntry', 'fewer files than there are', zip([pickleFile, storageFile], { count: 1 })],
  ['BigEndian', 'numbers of another order',
    zip([pickleFile, storageFile, { name: 'a/byteorder', bytes: latin1('big') }])],
  ['Truncated', 'an archive with something behind it', Buffer.concat([zip([pickleFile, storageFile]), Buffer.of(0)])],
  ['NotPyTorch', 'a stream that begins with something else', stream('N.', { magic: '\x80\x02N.' })],
  ['UnknownProtocol', 'a stream of another protocol', stream('N.', { protocol: 1002 })],
  ['BigEndian', 'a stream that does not tell its order', stream('N.', { system: '}.' })],
  ['InvalidStorage', 'a stream with a storage that no tensor has',
    stream(latin1(`${dict({ w: tensor() })}.`).toString('latin1'), { keys: [text('0'), text('1')] })],
  ['InvalidStorage', 'a stream that lacks a storage',
    Buffer.concat([stream(`${dict({ w: tensor() })}.`, { keys: [] })])],
  ['InvalidStorage', 'a stream whose storage has another size', stream(`${dict({ w: tensor() })}.`, { count: 5 })],
  ['InvalidStorage', 'a stream whose storage has less than nothing',
    stream(`${dict({ w: tensor() })}.`, { count: -6 })],
  ['Truncated', 'a stream that ends in a storage',
    stream(`${dict({ w: tensor() })}.`, { numbers: NUMBERS.subarray(1) })],
  ['Truncated', 'a stream that ends after its first words', latin1(MAGIC)],
];

for (const [reason, what, bytes] of ARCHIVES) {
  test(`refused: ${what}: ${reason}`, async () => assert.is((await refusal(bytes)).reason, reason));
}

test('a module that holds itself, or itself twice in each of many, is refused', async () => {
  const script = (pickle: string) => archive(pickle, [{ name: 'a/constants.pkl', bytes: latin1(').') }]);
  const module = `c__torch__\nM\n)\x81`;
  assert.is((await refusal(script(`${module}q\0${dict({ again: 'h\0' })}b.`))).reason, 'TooDeep');
  let tower = `${module}${dict({ w: tensor() })}b`;
  for (let i = 0; i < 40; i++) tower = `${tower}q\x010${module}${dict({ a: 'h\x01', b: 'h\x01' })}b`;
  assert.is((await refusal(script(`${tower}.`))).reason, 'TooDeep');
});

test('names in a pickle do nothing in a terminal', async () => {
  const { message } = await refusal(archive(`cos\x1b[2J\nsystem\x07\n)R.`));
  assert.match(message, 'by os\\u001b[2J.system\\u0007');
});

test.run();
