/** Files that PyTorch wrote, in each of its layouts, and those that are written for it. */
import { readFileSync } from 'node:fs';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { crc32, slicedCrc32 } from '../engine/crc32.ts';
import { CheckpointFormatError } from '../engine/errors.ts';
import { bytesInMemory, bytesOfBlob, type ByteSource } from '../model/checkpoint/bytes.ts';
import { openTensors } from '../model/checkpoint/open.ts';
import { openPickle, type PickleFile } from '../model/checkpoint/pickle/index.ts';
import { encodeTorch } from '../model/checkpoint/pickle/write.ts';
import { archive, called, dict, integer, latin1, NUMBERS, stream, tensor, text, tuple } from './pickle_sample.ts';

const fixture = (name: string) => readFileSync(new URL(`./fixtures/pickle/${name}`, import.meta.url));

interface Told {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly values: readonly number[];
}
const expected = JSON.parse(fixture('expected.json').toString()) as Record<'state' | 'script', Record<string, Told>>;

/** Integers of each type as numbers. */
const INTEGERS: Readonly<Record<string, (bytes: Uint8Array) => number[]>> = {
  I64: (bytes) => Array.from(new BigInt64Array(bytes.buffer as ArrayBuffer), Number),
  I32: (bytes) => [...new Int32Array(bytes.buffer as ArrayBuffer)],
  U8: (bytes) => [...bytes],
  BOOL: (bytes) => [...bytes],
};

async function toldOf(file: PickleFile): Promise<Record<string, Told>> {
  const told: Record<string, Told> = {};
  for (const name of file.names()) {
    const { dtype, shape } = file.entry(name);
    const values = Object.hasOwn(INTEGERS, dtype)
      ? INTEGERS[dtype](await file.bytes(name))
      : [...await file.floats(name)];
    told[name] = { dtype, shape, values };
  }
  return told;
}

const FILES = [['zip.pth', 'PyTorch, zip, under model', 'state'], ['stream.pth', 'PyTorch, stream, under model',
  'state'], ['protocol4.pth', 'PyTorch, zip, at the top', 'state'], ['module.pth',
  'PyTorch, zip, under state_dict, each name behind module.', 'state'], ['script.pt',
  'PyTorch, TorchScript, in the module', 'script']] as const;

for (const [name, format, key] of FILES) {
  test(`${name}, which torch wrote, has its tensors, whatever their type, strides and offset`, async () => {
    const file = await openPickle(bytesInMemory(name, fixture(name)));
    assert.is(file.format, format);
    assert.equal(await toldOf(file), expected[key]);
  });

  test(`${name} is read from a Blob, too, as in a browser`, async () => {
    const file = await openTensors(bytesOfBlob(name, new Blob([fixture(name)])));
    assert.equal(await toldOf(file as PickleFile), expected[key]);
  });
}

for (const name of ['zip.pth', 'stream.pth', 'script.pt']) {
  test(`every prefix of ${name} is refused with a reason`, async () => {
    const whole = fixture(name);
    let refused = 0;
    for (let length = 0; length < whole.length; length++) {
      await openTensors(bytesInMemory(name, whole.subarray(0, length))).catch((error: unknown) => {
        if (!(error instanceof CheckpointFormatError)) throw error;
        refused++;
      });
    }
    assert.is(refused, whole.length);
  });
}

test('a byte that is wrong is refused with a reason, or changes nothing that is read; a stream has no checksums', async () => {
  for (const name of ['zip.pth', 'stream.pth', 'script.pt']) {
    const whole = fixture(name);
    const told = await toldOf(await openPickle(bytesInMemory(name, whole)));
    let [refused, read] = [0, 0];
    for (let at = 0; at < whole.length; at += 3) {
      const bytes = Uint8Array.from(whole);
      bytes[at] ^= 1 << (at % 8);
      try {
        const found = await toldOf(await openPickle(bytesInMemory(name, bytes)));
        if (name !== 'stream.pth') assert.equal(found, told, `${name}, byte ${at}`);
        read++;
      } catch (error) {
        if (!(error instanceof CheckpointFormatError)) throw error;
        refused++;
      }
    }
    assert.ok(refused > 100 && read > 100, `${name}: ${refused} refused, ${read} read`);
  }
});

test('a storage, pickle or order of bytes that is not what was written is named, whatever part of it is read', async () => {
  const pickle = `${dict({ whole: tensor(), part: tensor({ offset: 3, shape: [3], strides: [1] }) })}.`;
  const bytes = archive(pickle, [{ name: 'a/byteorder', bytes: latin1('little') }]);
  const reading = (at: number, tensorName: string, from = bytes) => {
    const wrong = Buffer.from(from);
    wrong[at] ^= 4;
    return openPickle(bytesInMemory('x.pth', wrong)).then((file) => file.floats(tensorName));
  };
  const refused = async (at: number, name: string, entry: string) => {
    const { message, context } = await assert.rejectsWith(reading(at, name), CheckpointFormatError);
    assert.match(message, new RegExp(`x\\.pth: "${entry}" of the zip archive has the checksum [0-9a-f]{8}, expected`));
    assert.is((context as { reason: string }).reason, 'ChecksumMismatch');
  };
  const numbers = bytes.indexOf(NUMBERS);
  for (const name of ['whole', 'part']) await refused(numbers, name, 'a/data/0');
  await refused(bytes.indexOf('cpu'), 'whole', 'a/data.pkl'); // a text that nobody reads
  await refused(bytes.indexOf('little') + 2, 'whole', 'a/byteorder');
  assert.equal([...await (await openPickle(bytesInMemory('x.pth', bytes))).floats('part')], [3, 4, 5]);
  // a writer that was told to leave checksums out
  const without = Buffer.from(bytes);
  for (let at = without.indexOf('PK\x01\x02'); at >= 0; at = without.indexOf('PK\x01\x02', at + 1)) {
    without.fill(0, at + 16, at + 20);
  }
  assert.is((await reading(numbers + 12 + 3, 'part', without))[0], 3 * 2 ** 8);
});

/** What is read of a source, counted. */
function counted(bytes: Uint8Array): { source: ByteSource; bytesRead: () => number } {
  const inner = bytesInMemory('counted.pth', bytes);
  let sum = 0;
  return { bytesRead: () => sum, source: { ...inner, read: (offset, length) => {
    sum += length;
    return inner.read(offset, length);
  } } };
}

test("a checksum is the same in one piece or in several, of any length, by Node's own or by ours", () => {
  const bytes = latin1('123456789');
  for (const sum of [crc32, slicedCrc32]) {
    assert.is(sum(bytes), 0xcbf43926);
    for (let at = 0; at <= 9; at++) assert.is(sum(bytes.subarray(at), sum(bytes.subarray(0, at))), 0xcbf43926);
    assert.is(sum(Uint8Array.from({ length: 32 }, () => 255)), 0xff6cab0b);
  }
});

test('opening reads the pickle once, however long it is, and no tensor', async () => {
  const names = Array.from({ length: 5000 }, (_, i) => `a.name.of.some.length.${i}`);
  const shapes = names.map((name, i) => ({ name, shape: [i % 7] }));
  const pieces: Uint8Array[] = [];
  for await (const piece of encodeTorch(shapes, (name) => new Float32Array(Number(name.split('.').pop()) % 7))) {
    pieces.push(piece);
  }
  const bytes = Buffer.concat(pieces);
  const pickleBytes = pieces[1].length;
  assert.ok(pickleBytes > 2 ** 19);
  const { source, bytesRead } = counted(bytes);
  const file = await openPickle(source);
  assert.equal(file.names(), names);
  // the directory takes less than the pickle, heads of 5,000 files 60 bytes each, the search for the end 64 KiB
  assert.ok(bytesRead() < 2.2 * pickleBytes + 60 * 5000 + 2 ** 16, `${bytesRead()} of ${bytes.length}`);
  const long = `${tensor()}${text('x'.repeat(2 ** 20))}${dict({ w: tensor() })}.`;
  const { source: other, bytesRead: otherRead } = counted(archive(long));
  assert.equal((await openPickle(other)).names(), ['w']);
  assert.ok(otherRead() < 1.2 * 2 ** 20);
});

test('what is written for torch is read back bit for bit, twice in the same bytes, with the texts beside it', async () => {
  const values: Record<string, Float32Array> = { 'a.weight': Float32Array.of(1, -0, 3.5, Infinity, 1e-45, 7),
    b: new Float32Array(Uint32Array.of(0x7fc01234).buffer), 'ü': new Float32Array(0) };
  const tensors = [{ name: 'a.weight', shape: [3, 2] }, { name: 'b', shape: [] }, { name: 'ü', shape: [0, 4] }];
  const written = async () => {
    const pieces: Uint8Array[] = [];
    for await (const piece of encodeTorch(tensors, (name) => values[name], { config: '{"é": 1}' })) pieces.push(piece);
    return Buffer.concat(pieces);
  };
  const bytes = await written();
  assert.equal(bytes, await written());
  // neither a comment, nor another disk, nor attributes of any system
  for (let at = bytes.indexOf('PK\x01\x02'); at >= 0; at = bytes.indexOf('PK\x01\x02', at + 1)) {
    assert.equal([...bytes.subarray(at + 32, at + 42)], Array(10).fill(0));
  }
  const file = await openPickle(bytesInMemory('w.pth', bytes));
  assert.equal([...file.metadata], [['config', '{"é": 1}']]);
  assert.equal(file.names(), tensors.map(({ name }) => name));
  for (const { name, shape } of tensors) {
    assert.equal(file.entry(name), { dtype: 'F32', shape });
    assert.equal(new Uint32Array((await file.floats(name)).buffer), new Uint32Array(values[name].buffer), name);
  }
});

test('values that do not fill their shape are not written', async () => {
  const pieces = encodeTorch([{ name: 'a', shape: [2] }], () => new Float32Array(3));
  await assert.rejectsWith(async () => {
    for await (const piece of pieces) assert.ok(piece.length >= 0);
  }, RangeError, 'a: 3 values do not fill [2]');
});

test('numbers are counted once, however many tensors show them', async () => {
  const file = await openPickle(
    bytesInMemory('x', archive(`${dict({ a: tensor(), b: tensor(), c: tensor({ shape: [6], strides: [1] }) })}.`)),
  );
  assert.is(file.numbers, 6);
});

test('an object in the place of a tensor is an error where it is wanted, by name, and no tensor beside it is', async () => {
  const bytes = archive(
    `${dict({ model: dict({ w: tensor(), evil: called('os.system', text('true')), n: integer(3) }) })}.`,
  );
  const file = await openPickle(bytesInMemory('x.pth', bytes));
  assert.equal(file.names(), ['w', 'evil']);
  assert.equal([...await file.floats('w')], [0, 1, 2, 3, 4, 5]);
  assert.is(assert.throwsWith(() => file.entry('evil'), CheckpointFormatError).message,
    'x.pth: tensor "evil": is an object that only Python could make, by os.system');
  assert.throwsWith(() => file.entry('absent'), CheckpointFormatError, /there is no such tensor/);
});

test('a class of dicts, unknown here, may hold the tensors', async () => {
  const own = `cmy.lib\nOwnDict\n)\x81(${text('w')}${tensor()}u`;
  const file = await openPickle(bytesInMemory('x', archive(`${dict({ state_dict: own })}.`)));
  assert.equal(file.names(), ['w']);
});

/** A log of so many steps as MMEngine's HistoryBuffer saves it: arrays of NumPy's, and its methods by their names. */
const history = (letters: string): string => {
  const dtype = called('numpy.dtype', text('f8'), '\x89', '\x88') + tuple(integer(3), text('<'), 'N', 'N', 'N') + 'b';
  const array =
    called('numpy.core.multiarray._reconstruct', 'cnumpy\nndarray\n', tuple(integer(0)),
      called('_codecs.encode', text('b'), text('latin1')))
    + tuple(integer(1), tuple(integer(letters.length / 8)), dtype, '\x89',
      called('_codecs.encode', text(letters), text('latin1'))) +
    'b';
  const owner = 'cmmengine.logging.history_buffer\nHistoryBuffer\n';
  return `${owner})\x81${
    dict({ _max_length: integer(1e6), _log_history: array, _count_history: array,
      _statistics_methods: called('collections.OrderedDict')
        + `(${text('mean')}${called('__builtin__.getattr', owner, text('mean'))}u` })
  }b`;
};

test('what MMAction2 saves beside the weights is neither read nor executed, and is told by its names', async () => {
  const letters = '\0\0\0\0\0\0\x12@'.repeat(2);
  const scalar = called('numpy.core.multiarray.scalar', called('numpy.dtype', text('f8'), '\x89', '\x88'), text('8'));
  const log = called('collections.OrderedDict') + `(${text('train/loss')}${history(letters)}u`;
  const saved = dict({
    meta: dict({ epoch: integer(3), cfg: text('model = dict()'), time: text('20231012') }),
    state_dict: `${called('collections.OrderedDict')}(${text('cls_head.fc_cls.weight')}${tensor()}u${
      dict({ _metadata: called('collections.OrderedDict') })
    }b`,
    message_hub: dict({ log_scalars: log, runtime_info: called('collections.OrderedDict')
      + `(${text('loop_stage')}${text('train')}${text('max')}${scalar}u`, resumed_keys: '}' }),
    param_schedulers: `](${called('mmengine.optim.scheduler.LinearLR')}e`,
    optimizer: dict({ state: `}(${integer(0)}${dict({ momentum_buffer: tensor() })}u` }),
  });
  for (const bytes of [archive(`${saved}.`), stream(`${saved}.`)]) {
    const file = await openPickle(bytesInMemory('tsm.pth', bytes));
    assert.equal(file.names(), ['cls_head.fc_cls.weight']);
    assert.equal([...await file.floats('cls_head.fc_cls.weight')], [0, 1, 2, 3, 4, 5]);
    assert.equal(file.beside, ['meta: a dict of 3',
      'message_hub: a dict of 3, of __builtin__.getattr, mmengine.logging.history_buffer.HistoryBuffer, '
      + 'numpy.core.multiarray._reconstruct, numpy.core.multiarray.scalar, numpy.dtype',
      'param_schedulers: a list of 1, of mmengine.optim.scheduler.LinearLR', 'optimizer: a dict of 1']);
  }
});

test('parts of storages, as old streams have them, begin where they say', async () => {
  const id = `(${text('storage')}ctorch\nFloatStorage\n${text('0')}${text('cpu')}${integer(6)}(${text('1')}${
    integer(2)
  }${integer(3)}ttQ`;
  const part = called('torch._utils._rebuild_tensor', id, integer(1), `(${integer(2)}t`, `(${integer(1)}t`);
  const file = await openPickle(bytesInMemory('x', stream(`${dict({ w: part })}.`)));
  assert.equal([...await file.floats('w')], [3, 4]);
});

test('storages of bytes have elements of the type that the tensor states, as torch 2 writes new types', async () => {
  const id = `(${text('storage')}ctorch.storage\nUntypedStorage\n${text('0')}${text('cpu')}${integer(24)}tQ`;
  const own = called('torch._utils._rebuild_tensor_v3', id, integer(1), `(${integer(2)}t`, `(${integer(2)}t`, '\x89',
    '}', 'ctorch\nfloat32\n');
  const file = await openPickle(bytesInMemory('x', archive(`${dict({ w: own })}.`)));
  assert.equal([...await file.floats('w')], [1, 3]);
});

test('every protocol says the same', async () => {
  const pickles = ['(dp0\nVw\np1\n0', '}q\0', '\x80\x04\x95\x10\0\0\0\0\0\0\0}\x94'];
  for (const start of pickles) {
    const file = await openPickle(bytesInMemory('x', archive(latin1(`${start}(${text('w')}${tensor()}u.`))));
    assert.equal(file.names(), ['w']);
  }
});

test.run();
