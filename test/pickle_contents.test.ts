/** What PyTorch means by what is in a pickle, and where a program keeps the tensors of a model. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { CheckpointFormatError } from '../engine/errors.ts';
import { metadataOf, stateDictOf } from '../model/checkpoint/pickle/state_dict.ts';
import { spanOf, TorchMeaning } from '../model/checkpoint/pickle/torch.ts';
import { Global, Inert, PickledTensor, Storage, type Value } from '../model/checkpoint/pickle/values.ts';

const FLOATS = { dtype: 'F32', name: 'float32', bytes: 4 };
const tensorOf = (count: number) =>
  new PickledTensor(new Storage('0', FLOATS, count), FLOATS, { shape: [count], strides: [1], offset: 0 });
const [TENSOR, OTHER] = [tensorOf(1), tensorOf(2)];
const dict = (members: Readonly<Record<string, Value>>): Map<Value, Value> => new Map(Object.entries(members));

function inert(path: string, state: Value = null, items: Readonly<Record<string, Value>> = {}): Inert {
  const value = new Inert(path);
  value.state = state;
  for (const [key, item] of Object.entries(items)) value.items.set(key, item);
  return value;
}

const found = (root: Value, isScript = false) => stateDictOf('x.pth', root, isScript);
const told = (root: Value, isScript = false) => {
  const { message, context } = assert.throwsWith(() => found(root, isScript), CheckpointFormatError);
  return `${(context as { reason: string }).reason}: ${message}`;
};

test('tensors lie under the surest of five keys, or at the top, in a dict or a kind of it', () => {
  const keys = ['model', 'state_dict', 'model_state', 'model_state_dict', 'module'];
  for (const [i, key] of keys.entries()) {
    const later = Object.fromEntries(keys.slice(i + 1).map((name) => [name, dict({ b: OTHER })]));
    for (const own of [dict({ a: TENSOR }), inert('a.Dict', null, { a: TENSOR })]) {
      const { entries, where, beside } = found(dict({ ...later, [key]: own, firstlight: dict({}) }));
      assert.equal([[...entries], where], [[['a', TENSOR]], `under ${key}`]);
      assert.equal(beside, keys.slice(i + 1).map((name) => `${name}: a dict of 1`));
    }
  }
  const top = found(
    inert('a.Dict', null, { a: TENSOR, n: 3, b: inert('c.D'), model: dict({ n: 3 }), firstlight: 'x' }),
  );
  assert.equal([[...top.entries.keys()], top.where, top.beside], [['a', 'b'], 'at the top', ['n: the number 3',
    'model: a dict of 1']]);
  const [under] = [found(new Map<Value, Value>([[1, TENSOR], ['a', TENSOR]]))];
  assert.equal([[...under.entries.keys()], under.beside], [['a'], ['the number 1: a tensor of float32']]);
});

test('module. is taken away where it stands before every name', () => {
  const parallel = found(dict({ 'module.a': TENSOR, 'module.module.b': OTHER }));
  assert.equal([...parallel.entries], [['a', TENSOR], ['module.b', OTHER]]);
  assert.is(parallel.where, 'at the top, each name behind module.');
  const some = found(dict({ 'module.a': TENSOR, b: OTHER }));
  assert.equal([[...some.entries.keys()], some.where], [['module.a', 'b'], 'at the top']);
});

test('texts are read beside the tensors, and nothing else there is', () => {
  const meta = new Map<Value, Value>([['a', 'text'], ['b', 3], [4, 'four'], ['c', null]]);
  assert.equal([...metadataOf(dict({ firstlight: meta, other: dict({ d: 'e' }) }))], [['a', 'text']]);
  for (const root of [null, dict({}), dict({ firstlight: 'text' })]) assert.is(metadataOf(root).size, 0);
});

test('of what is left the names are told that Python would look up, wherever in it they lie', () => {
  const holds: Value[] = [new Global('in', 'list')];
  holds.push(holds); // itself
  const left = dict({
    list: holds,
    set: new Set<Value>([new Global('in', 'set')]),
    dict: new Map<Value, Value>([[new Global('in', 'key'), new Global('in', 'value')]]),
    object: inert('an.Object', [new Global('in', 'state')], { a: new Global('in', 'items') }),
    twice: [new Global('b', 'c'), new Global('a', 'z'), new Global('b', 'c')],
    ['k'.repeat(41)]: 1,
    model: dict({ w: TENSOR }),
  });
  left.set(7n, 'a text');
  assert.equal(found(left).beside, ['list: a list of 2, of in.list', 'set: a set of 1, of in.set',
    'dict: a dict of 1, of in.key, in.value', 'object: an object, of an.Object, in.items, in.state',
    'twice: a list of 3, of a.z, b.c', `${'k'.repeat(20)}…${'k'.repeat(19)}: the number 1`,
    'the bigint 7: the text "a text"']);
});

test('what holds no tensors is told by its first eight members', () => {
  const expected = 'expected tensors by name, alone or under model, state_dict, model_state, model_state_dict, module';
  const members = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]));
  const list = (count: number) => Array.from({ length: count }, (_, i) => `k${i}: the number ${i}`).join(', ');
  for (const [root, holds] of [
    [null, 'None'],
    [inert('a.B'), 'an object that only Python could make, by a.B'],
    [inert('a.B', null, { k: 1 }), 'an object that only Python could make, by a.B (k: the number 1)'],
    [dict({}), 'a dict of 0 ()'],
    [dict({ w: inert('a.B') }), 'a dict of 1 (w: an object that only Python could make, by a.B)'],
    [dict(members(8)), `a dict of 8 (${list(8)})`],
    [dict(members(9)), `a dict of 9 (${list(8)}, …)`],
    [new Map<Value, Value>([[1, 2], ['m'.repeat(41), 3]]),
      `a dict of 2 (the number 1: the number 2, ${'m'.repeat(20)}…${'m'.repeat(19)}: the number 3)`],
    [new Map<Value, Value>([[1, TENSOR]]), 'a dict of 1 (the number 1: a tensor of float32)'],
  ] as const) assert.is(told(root), `NoTensors: x.pth: holds ${holds}, ${expected}`);
});

test('a file has at most 100,000 tensors, and modules as many, 64 in one another', () => {
  const many = (count: number) => new Map<Value, Value>(Array.from({ length: count }, (_, i) => [`w${i}`, TENSOR]));
  assert.is(found(many(100_000)).entries.size, 100_000);
  assert.is(told(many(100_001)), 'TooManyTensors: x.pth: lists more than 100000 tensors');
  const deep = (levels: number): Inert =>
    levels === 1 ? inert('a.M', dict({ w: TENSOR })) : inert('a.M', dict({ m: deep(levels - 1) }));
  const wide = (visits: number) => {
    const child = inert('a.M', dict({}));
    return inert('a.M',
      new Map<Value, Value>([['w', TENSOR],
        ...Array.from({ length: visits - 1 }, (_, i) => [`m${i}`, child] as const)]));
  };
  assert.equal([...found(deep(64), true).entries.keys()], [`${'m.'.repeat(63)}w`]);
  assert.is(found(wide(100_000), true).entries.size, 1);
  for (const root of [deep(65), wide(100_001)]) {
    assert.is(told(root, true), 'TooDeep: x.pth: its modules hold one another more than 64 deep or 100000 times');
  }
  const state = new Map<Value, Value>([['a', TENSOR], [3, OTHER], ['b', inert('c.D', dict({ e: OTHER, f: 'text' }))], [
    'g',
    inert('h.I', 'text'),
  ], ['training', true]]);
  const module = found(inert('a.M', state), true);
  assert.equal([[...module.entries], module.where, module.beside], [[['a', TENSOR], ['b.e', OTHER]], 'in the module',
    []]);
});

const fail = (reason: string, message: string): never => {
  throw new Error(`${reason}: ${message}`);
};
const refused = (work: () => unknown) => assert.throwsWith(work, Error).message;
const globalOf = (path: string) =>
  new Global(path.slice(0, path.lastIndexOf('.')), path.slice(path.lastIndexOf('.') + 1));
const id = (type: Value, key: Value, count: Value,
  part: Value = null): Value => ['storage', type, key, 'cpu', count, part];
const persistent = (value: Value, meaning = new TorchMeaning()) => meaning.persistent(value, fail);

test('storages have the types of torch, wherever a version of it keeps them', () => {
  const types = { Double: ['F64', 'float64', 8], Float: ['F32', 'float32', 4], Half: ['F16', 'float16', 2],
    BFloat16: ['BF16', 'bfloat16', 2], Long: ['I64', 'int64', 8], Int: ['I32', 'int32', 4], Short: ['I16', 'int16', 2],
    Char: ['I8', 'int8', 1], Byte: ['U8', 'uint8', 1], Bool: ['BOOL', 'bool', 1], Untyped: ['U8', 'uint8', 1],
    ComplexFloat: [undefined, 'complex64', 8], ComplexDouble: [undefined, 'complex128', 16],
    QInt8: [undefined, 'qint8', 1], QUInt8: [undefined, 'quint8', 1], QInt32: [undefined, 'qint32', 4] };
  for (const [name, [dtype, own, bytes]] of Object.entries(types)) {
    for (const module of ['torch', 'torch.cuda', 'torch.storage']) {
      assert.equal(persistent(id(new Global(module, `${name}Storage`), 'k', 3)),
        new Storage('k', { dtype, name: own, bytes } as Storage['type'], 3));
    }
  }
  for (const [type, named] of [[globalOf('torch.xpu.FloatStorage'), 'torch.xpu.FloatStorage'], [
    globalOf('torch.Storage'),
    'torch.Storage',
  ], ['torch.FloatStorage', 'the text "torch.FloatStorage"'], [null, 'None']] as const) {
    assert.is(refused(() => persistent(id(type, 'k', 3))),
      `InvalidStorage: a storage is of ${named}, no type of PyTorch's`);
  }
});

test('a storage has a key, a number and one type, and a part of it begins where it says', () => {
  const type = globalOf('torch.FloatStorage');
  const meaning = new TorchMeaning();
  const first = persistent(id(type, 'k', 6), meaning);
  assert.is(persistent(id(type, 'k', 6), meaning), first, 'the same is the same');
  assert.equal([...meaning.storages], [['k', first]]);
  assert.is(refused(() => persistent(id(type, 'k', 5), meaning)),
    'InvalidStorage: storage k is 6 of float32 and 5 of float32');
  assert.is(refused(() => persistent(id(globalOf('torch.IntStorage'), 'k', 6), meaning)),
    'InvalidStorage: storage k is 6 of float32 and 6 of int32');
  for (const key of ['', 'a/b', 'k'.repeat(41)]) {
    assert.is(refused(() => persistent(id(type, key, 1))),
      `InvalidStorage: the text "${
        key.length > 40 ? `${'k'.repeat(20)}…${'k'.repeat(19)}` : key
      }" is no key of a storage`);
  }
  assert.is(refused(() => persistent(['storage', type])), 'InvalidStorage: None is no key of a storage');
  assert.equal(persistent(id(type, 'k'.repeat(40), 0)), new Storage('k'.repeat(40), FLOATS, 0));
  for (const [count, got] of [[-1, 'the number -1'], [1.5, 'the number 1.5'], [2 ** 53, 'the number 9007199254740992'],
    [3n, 'the bigint 3'], [null, 'None']] as const) {
    assert.is(refused(() => persistent(id(type, 'k', count))),
      `InvalidTensor: numbers of a storage: expected a whole number from 0 to 2^53, got ${got}`);
  }
  const part = (...of: Value[]) => persistent(id(type, 'k', 6, of));
  assert.equal([part('p', 2, 4), part('p', 0, 0)], [new Storage('k', FLOATS, 4, 2), new Storage('k', FLOATS, 0, 0)]);
  assert.is(refused(() => part('p', 3, 4)), 'OutOfStorage: a part of storage k ends at 7 of 6');
  assert.match(refused(() => part('p', -1, 4)), 'offset of a part: expected');
  assert.match(refused(() => part('p', 1, null)), 'numbers of a part: expected');
  assert.is(persistent(['module', type, 'source']), type, 'old files keep the source of classes');
  for (const [other, described] of [['text', 'the text "text"'], [['other', type], 'the text "other"'], [['module', 3],
    'the text "module"'], [[], 'a list of 0']] as const) {
    assert.is(refused(() => persistent(other as Value)), `InvalidStorage: refers to ${described}, expected a storage`);
  }
});

const call = (name: string, ...args: readonly Value[]) => new TorchMeaning().call(name, args, fail);
const STORAGE = new Storage('k', FLOATS, 6);
const rebuilt = (offset: Value, shape: Value, strides: Value, storage: Value = STORAGE) =>
  call('torch._utils._rebuild_tensor_v2', storage, offset, shape, strides);

test('names of torch and of Python give data, all others nothing', () => {
  const layout = { shape: [2, 2], strides: [3, 1], offset: 1 };
  const tensor = new PickledTensor(STORAGE, FLOATS, layout);
  for (const name of ['torch._utils._rebuild_tensor', 'torch._utils._rebuild_tensor_v2']) {
    assert.equal(call(name, STORAGE, 1, [2, 2], [3, 1]), tensor);
    assert.is(call(name, 'text', 1, [2, 2], [3, 1]), undefined);
  }
  const v3 = (storage: Value, dtype: Value, offset = 1) =>
    call('torch._utils._rebuild_tensor_v3', storage, offset, [2], [1], false, null, dtype) as PickledTensor | undefined;
  const bytes = new Storage('k', { dtype: 'U8', name: 'uint8', bytes: 1 }, 23, 5);
  const typed = v3(bytes, globalOf('torch.int16')) as PickledTensor;
  assert.equal([typed.storage.count, typed.storage.first, typed.storage.key, typed.type.dtype], [11, 2, 'k', 'I16']);
  assert.equal(v3(STORAGE, globalOf('torch.float64'))?.storage.count, 3);
  assert.equal([v3(bytes, 'torch.int16'), v3(bytes, globalOf('torch.int3')), v3(null, globalOf('torch.int16'))], [
    undefined,
    undefined,
    undefined,
  ]);
  for (const name of ['torch._utils._rebuild_parameter', 'torch._utils._rebuild_parameter_with_state']) {
    assert.is(call(name, tensor, true), tensor);
    assert.is(call(name, true, tensor), undefined);
  }
  const subclass = 'torch._tensor._rebuild_from_type_v2';
  assert.equal(call(subclass, globalOf('torch._utils._rebuild_tensor'), null, [STORAGE, 1, [2, 2], [3, 1]]), tensor);
  assert.is(call(subclass, 'torch.Size', null, [[1]]), undefined);
  assert.is(call(subclass, globalOf('torch.Size'), null, 'text'), undefined);
  for (const name of ['collections.OrderedDict', 'collections.defaultdict', 'builtins.dict', '__builtin__.dict']) {
    assert.equal(call(name), new Map());
    assert.equal(call(name, 'a factory', [['a', 1], 'no pair', ['b'], []]),
      new Map<Value, Value>([['a', 1], ['b', null], [null, null]]));
  }
  for (const name of ['builtins.set', '__builtin__.set']) {
    assert.equal([call(name), call(name, [1, 2]), call(name, 'ab')], [new Set(), new Set([1, 2]), new Set()]);
  }
  for (const name of ['torch.Size',
    ...['build_intlist', 'build_doublelist', 'build_boollist', 'build_tensorlist', 'restore_type_tag'].map((own) =>
      `torch.jit._pickle.${own}`
    )]) assert.equal(call(name, [1, 2], 'tag'), [1, 2]);
  assert.equal([call('_codecs.encode', 'a\xff', 'latin1'), call('_codecs.encode', 3), call('os.system', 'true')], [
    Uint8Array.of(97, 255),
    undefined,
    undefined,
  ]);
});

test('every element of a tensor lies in its storage, of at most eight dimensions', () => {
  const eight = (count: number) => Array<number>(count).fill(1);
  for (const [offset, shape, strides, span] of [[0, [2, 3], [3, 1], 6], [5, [], [], 1], [0, [6], [1], 6], [1, [2, 2], [
    3,
    1,
  ], 5], [0, [3], [2], 5], [6, [0, 9], [7, 7], 0], [0, [1000], [0], 1], [0, eight(8), eight(8), 1]] as const) {
    const tensor = rebuilt(offset, [...shape], [...strides]) as PickledTensor;
    assert.equal([tensor.layout.shape, tensor.layout.offset, spanOf(tensor.layout)], [[...shape], offset, span]);
  }
  const beyond = (offset: number, shape: number[], strides: number[], end: number) =>
    assert.is(refused(() => rebuilt(offset, shape, strides)),
      `OutOfStorage: a tensor [${shape}] with strides [${strides}] from ${offset} ends at element ${end}, its storage has 6`);
  beyond(1, [2, 3], [3, 1], 7);
  beyond(6, [], [], 7);
  beyond(7, [0], [1], 7);
  beyond(0, [3], [3], 7);
  assert.is(refused(() => rebuilt(0, eight(9), eight(9))),
    'TooManyDimensions: 9 dimensions of a tensor, at most 8 are read');
  assert.is(refused(() => rebuilt(0, [2, 3], [1])), 'InvalidTensor: a tensor of shape [2,3] has strides [1]');
  assert.is(refused(() => rebuilt(0, [2 ** 52, 2], [0, 0])),
    'InvalidTensor: a tensor of shape [4503599627370496,2] has more elements than can be counted');
  assert.is(refused(() => rebuilt(0, 'text', [])),
    'InvalidTensor: shape of a tensor: expected numbers, got the text "text"');
  assert.is(refused(() => rebuilt(0, [], null)), 'InvalidTensor: strides of a tensor: expected numbers, got None');
  const whole = (what: string, got: string) =>
    `InvalidTensor: ${what} of a tensor: expected a whole number from 0 to 2^53, got ${got}`;
  assert.is(refused(() => rebuilt(0, [-1], [1])), whole('shape', 'the number -1'));
  assert.is(refused(() => rebuilt(0, [1], [true])), whole('strides', 'the boolean true'));
  assert.is(refused(() => call('torch._utils._rebuild_tensor', STORAGE)),
    'InvalidTensor: shape of a tensor: expected numbers, got None');
  assert.is(refused(() => rebuilt(null, [1], [1])), whole('offset', 'None'));
});

test.run();
