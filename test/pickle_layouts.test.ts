/** Where a file of torch's has its numbers, in both layouts, and how they are read at any strides. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { CheckpointFormatError } from '../engine/errors.ts';
import { bytesInMemory, type ByteSource } from '../model/checkpoint/bytes.ts';
import { isPickled, openContainer } from '../model/checkpoint/pickle/container.ts';
import { openPickle } from '../model/checkpoint/pickle/index.ts';
import { Storage } from '../model/checkpoint/pickle/values.ts';
import { archive, called, dict, integer, latin1, MAGIC, number, NUMBERS, storage, stream, tensor, text, tuple,
  zip } from './pickle_sample.ts';

const told = async (work: Promise<unknown>) => {
  const { message, context } = await assert.rejectsWith(work, CheckpointFormatError);
  return `${(context as { reason: string }).reason}: ${message}`;
};
const source = (bytes: Uint8Array) => bytesInMemory('x.pth', bytes);
const container = (bytes: Uint8Array) => openContainer(source(bytes));
const file = (bytes: Uint8Array) => openPickle(source(bytes));
const pickle = `${dict({ w: tensor() })}.`;

test('a file of torch is a zip archive, or begins with the opcode of a protocol', () => {
  const of = (start: string) => isPickled(latin1(start));
  assert.equal([of('PK'), of('\x80'), of('\x80\x02'), of('P'), of('PX'), of('XK'), of(''), of('\x81')], [true, true,
    true, false, false, false, false, false]);
});

test('an archive has one pickle, of a model or of a module', async () => {
  const named = (...names: readonly string[]) => zip(names.map((name) => ({ name, bytes: latin1(pickle) })));
  const expected = (count: number, hint = '') =>
    `NoPickle: x.pth: a zip archive with ${count} files NAME/data.pkl, PyTorch writes one${hint}`;
  const old = '; TorchScript of versions before 1.3 is not read';
  for (const [names, wrong] of [
    [['data.pkl'], expected(0)],
    [['a/b/data.pkl', 'a/xdata.pkl', 'a/data.pkl2'], expected(0)],
    [['a/data.pkl', 'b/data.pkl'], expected(2)],
    [['a/attributes.pkl'], expected(0, old)],
    [['a/model.json'], expected(0, old)],
  ] as const) assert.is(await told(container(named(...names))), wrong);
  const { format, isScript } = await container(archive(pickle));
  assert.equal([format, isScript], ['PyTorch, zip', false]);
  const script = await container(archive(pickle, [{ name: 'a/constants.pkl', bytes: latin1(').') }]));
  assert.equal([script.format, script.isScript], ['PyTorch, TorchScript', true]);
  assert.is((await container(archive(pickle, [{ name: 'b/constants.pkl', bytes: latin1(').') }]))).isScript, false);
});

test('an archive says in which order its bytes are', async () => {
  const ordered = (order: string) => archive(pickle, [{ name: 'a/byteorder', bytes: latin1(order) }]);
  assert.is((await container(ordered('little'))).format, 'PyTorch, zip');
  for (const [order, shown] of [['big', 'big'], ['', ''], ['littlelittlelittle', 'littlelittlelitt']]) {
    assert.is(await told(container(ordered(order))),
      `BigEndian: x.pth: its numbers are "${shown}" endian, only "little" is read`);
  }
});

test('a storage of an archive is as long as its tensors say, or longer', async () => {
  const places = await container(archive(`${dict({ w: tensor({ count: 5, shape: [5], strides: [1] }) })}.`));
  const float = { dtype: 'F32', name: 'float32', bytes: 4 };
  const { begin, end } = await places.place(new Storage('0', float, 5));
  assert.is(end - begin, 24);
  assert.is((await container(archive(pickle))).root instanceof Map, true);
  assert.is(await told(file(archive(`${dict({ w: tensor({ count: 7 }) })}.`))),
    'Truncated: x.pth: storage 0 of 7 float32 takes 28 bytes, 24 are there');
});

test('a stream is a number, a protocol, a system, a pickle, the keys of storages, and these', async () => {
  for (const [bytes, wrong] of [
    [stream(pickle, { magic: '\x80\x02N.' }), 'NotPyTorch: x.pth: a pickle, but not of PyTorch: it begins with None'],
    [stream(pickle, { protocol: 1000 }), 'UnknownProtocol: x.pth: a stream of protocol the number 1000, expected 1001'],
    [stream(pickle, { system: ').' }), 'BigEndian: x.pth: its numbers are not said to be little endian'],
    [stream(pickle, { system: `${dict({ little_endian: '\x89' })}.` }),
      'BigEndian: x.pth: its numbers are not said to be little endian'],
    [latin1(`${MAGIC}${integer(1001)}.${dict({ little_endian: '\x88' })}.${pickle}}.`),
      'InvalidStorage: x.pth: expected the keys of storages, got a dict of 0'],
    [stream(pickle, { keys: [text('1')] }),
      'InvalidStorage: x.pth: the keys of storages hold the text "1", which no tensor has'],
    [stream(pickle, { keys: [integer(0)] }),
      'InvalidStorage: x.pth: the keys of storages hold the number 0, which no tensor has'],
    [stream(pickle, { keys: [text('0'), text('0')], numbers: Buffer.concat([NUMBERS, latin1(number(6, 8))]) }),
      'InvalidStorage: x.pth: the keys of storages hold the text "0", which stands there twice'],
    [stream(pickle, { count: 5 }), 'InvalidStorage: x.pth: storage 0 has 5 numbers, its tensors say 6'],
    [stream(pickle, { keys: [] }), 'InvalidStorage: x.pth: storage 0 is not in the file'],
    [stream(pickle, { numbers: NUMBERS.subarray(1) }),
      'Truncated: x.pth: storage 0 of 6 float32 takes 24 bytes, 23 are there'],
  ] as const) assert.is(await told(file(bytes)), wrong);
  const cut = stream(pickle, { numbers: new Uint8Array(0) }).subarray(0, -1);
  assert.is(await told(file(cut)), `Truncated: x.pth: ends at byte ${cut.length}, before storage 0`);
  const opened = await container(stream(pickle));
  assert.equal([opened.format, opened.isScript], ['PyTorch, stream', false]);
});

test('storages of a stream lie behind one another, each behind its number', async () => {
  const [bytes, longs] = [latin1('\x01\x02\x03'), new Uint8Array(BigInt64Array.of(5n, -6n).buffer)];
  const held = dict({ a: tensor({ key: 'b', type: 'torch.ByteStorage', count: 3, shape: [3], strides: [1] }),
    w: tensor(), c: tensor({ key: 'l', type: 'torch.LongStorage', count: 2, shape: [2], strides: [1] }),
    none: tensor({ key: 'n', count: 0, shape: [0], strides: [1] }) });
  const opened = await file(
    stream(`${held}.`, { keys: [text('b'), text('0'), text('n'), text('l')], count: 3,
      numbers: Buffer.concat([bytes, latin1(number(6, 8)), NUMBERS, latin1(number(0, 8)), latin1(number(2, 8)),
        longs]) }),
  );
  assert.equal([...await opened.bytes('a')], [1, 2, 3]);
  assert.equal([...await opened.floats('w')], [0, 1, 2, 3, 4, 5]);
  assert.equal(await opened.bytes('c'), longs);
  assert.equal([opened.numbers, [...await opened.floats('none')]], [11, []]);
});

test('what a tensor is, is known before it is read, and numbers are counted to the last that any shows', async () => {
  const part = (first: number, count: number) =>
    `${
      tuple(text('storage'), 'ctorch\nFloatStorage\n', text('0'), text('cpu'), integer(6),
        tuple(text('p'), integer(first), integer(count)))
    }Q`;
  const view = (of: string, shape: readonly number[]) =>
    called('torch._utils._rebuild_tensor', of, integer(0), tuple(...shape.map(integer)), tuple(...shape.map(() =>
      integer(1)
    )));
  const bytes = zip([{ name: 'a/data.pkl', bytes: latin1(`${
    dict({
      first: view(part(0, 2), [2]),
      last: view(part(3, 2), [1]),
      evil: called('os.system', text('true')),
      complex: tensor({ key: '1', type: 'torch.ComplexFloatStorage', count: 2, shape: [2], strides: [1] }),
    })
  }.`) }, { name: 'a/data/0', bytes: NUMBERS }, { name: 'a/data/1', bytes: new Uint8Array(16) }]);
  const opened = await file(bytes);
  assert.is(opened.numbers, 5 + 2);
  assert.equal([opened.name, opened.format, opened.names()], ['x.pth', 'PyTorch, zip, at the top', ['first', 'last',
    'evil', 'complex']]);
  assert.equal([...await opened.floats('last')], [3]);
  assert.equal(opened.entry('complex'), { dtype: 'complex64', shape: [2] });
  assert.equal(await opened.bytes('complex'), new Uint8Array(16));
  assert.is(await told(opened.floats('complex')),
    'WrongDtype: x.pth: tensor "complex": expected a floating-point tensor, got complex64');
  assert.is(await told(opened.floats('evil')),
    'NotATensor: x.pth: tensor "evil": is an object that only Python could make, by os.system');
  assert.is(await told(opened.bytes('none')),
    'NoSuchTensor: x.pth: tensor "none": there is no such tensor in the file');
});

test('elements are put in the order of their shape, whatever their size and their strides', async () => {
  const elements = Array.from({ length: 60 }, (_, i) => i + 1);
  const cases: readonly (readonly [shape: number[], strides: number[], offset: number])[] = [
    [[3, 4, 5], [20, 5, 1], 0],
    [[5, 4, 3], [1, 5, 20], 0],
    [[4, 3, 5], [5, 20, 1], 0],
    [[3, 5, 4], [20, 1, 5], 0],
    [[2, 2, 2, 3], [30, 3, 8, 1], 7],
    [[7], [8], 3],
    [[2, 3], [0, 2], 1],
    [[1, 4, 1, 3], [1, 3, 7, 1], 2],
    [[], [], 59],
    [[2, 0, 3], [1, 1, 1], 0],
  ];
  for (const [type, bytes] of [['Byte', 1], ['Short', 2], ['Int', 4], ['Long', 8]] as const) {
    const numbers = latin1(elements.map((value) => number(value, bytes)).join(''));
    for (const [shape, strides, offset] of cases) {
      const opened = await file(zip([{ name: 'a/data.pkl', bytes: latin1(`${
        dict({ w: tensor({
          type: `torch.${type}Storage`,
          count: 60,
          shape,
          strides,
          offset,
        }) })
      }.`) }, { name: 'a/data/0', bytes: numbers }]));
      const places = shape.reduce(
        (before: number[], extent, axis) =>
          before.flatMap((place) => Array.from({ length: extent }, (_, i) => place + i * strides[axis])),
        [offset],
      );
      const expected = latin1(places.map((place) => number(elements[place], bytes)).join(''));
      const name = `${type} [${shape}] by [${strides}]`;
      assert.equal(Buffer.from(await opened.bytes('w')), expected, name);
      const pieces: Uint8Array[] = [];
      for await (const piece of opened.pieces('w')) pieces.push(Uint8Array.from(piece));
      assert.equal(Buffer.concat(pieces), expected, name);
    }
  }
});

test('all that lies under a key is read once more for its checksum where a tensor shows a part of it, and once', async () => {
  const bytes = archive(
    `${
      dict({ whole: tensor(), a: tensor({ shape: [2], strides: [1] }),
        b: tensor({ shape: [3], strides: [1], offset: 3 }) })
    }.`,
  );
  let read = 0;
  const inner = source(bytes);
  const counting: ByteSource = { ...inner, read: (offset, length) => {
    read += length;
    return inner.read(offset, length);
  } };
  const opened = await openPickle(counting);
  const taken = async (name: string) => {
    read = 0;
    await opened.floats(name);
    return read;
  };
  assert.equal([await taken('whole'), await taken('a'), await taken('b'), await taken('a'), await taken('whole')], [24,
    8 + 24, 12, 8, 24]);
});

test('storages are looked for once, however many tensors show them', async () => {
  const own = (count: number) =>
    archive(
      `${tuple(storage())}0${dict(Object.fromEntries(Array.from({ length: count }, (_, i) => [`w${i}`, tensor()])))}.`,
    );
  const reads = async (bytes: Uint8Array) => {
    let count = 0;
    const inner = source(bytes);
    await openPickle({ ...inner, read: (offset, length) => {
      count++;
      return inner.read(offset, length);
    } });
    return count;
  };
  assert.is(await reads(own(1)), await reads(own(20)));
});

test.run();
