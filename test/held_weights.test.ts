/** What files hold, beside what a model needs: names, shapes and numbers, compared before anything is read. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { CheckpointFormatError, ConfigError, type Shape, sizeOf, StateDictError } from '../engine/index.ts';
import { checkWindowBuffers, heldStatistics } from '../model/checkpoint/held_buffers.ts';
import { loadWeights } from '../model/checkpoint/loading.ts';
import type { TensorFile } from '../model/checkpoint/tensor_file.ts';
import { fileOrigin, planFile, type Readable } from '../model/checkpoint/encoding.ts';
import { checkWeights, compareWeights, isSameShape, type NamedShape, positionsOf, requireHeld, Weights,
  withNearest } from '../model/checkpoint/weights.ts';
import { blocksOf, positionIndex, shiftMask, windowBuffers } from '../model/checkpoint/window_buffers.ts';
import { configFor, type ModelConfig, networkFor, PRESETS } from '../model/systems/config.ts';

/** A file of f32, or of counts in I64, in memory. */
function fileOf(
  tensors: Readonly<
    Record<string, { readonly shape: Shape; readonly values?: readonly number[]; readonly dtype?: string }>
  >,
): TensorFile {
  const bytesOf = (name: string) => {
    const { values = [], dtype = 'F32' } = tensors[name];
    return new Uint8Array(dtype === 'I64'
      ? BigInt64Array.from(values, BigInt).buffer
      : Float32Array.from(values).buffer);
  };
  return { name: 'w', format: '', metadata: new Map(), beside: ['a log'],
    numbers: Object.values(tensors).reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    names: () => Object.keys(tensors),
    entry: (name) => ({ dtype: tensors[name].dtype ?? 'F32', shape: tensors[name].shape }),
    floats: async (name) => new Float32Array(bytesOf(name).buffer),
    rows: () => Promise.reject(new Error('nobody asks for rows here')), async *pieces(name) {
    const bytes = bytesOf(name);
    for (let at = 0; at < bytes.length; at += 8) yield bytes.slice(at, at + 8);
  } };
}
const shaped = (shapes: Readonly<Record<string, Shape>>) =>
  new Weights('w', [fileOf(Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { shape }])))]);
const needs = (shapes: Readonly<Record<string, Shape>>): NamedShape[] =>
  Object.entries(shapes).map(([name, shape]) => [name, { shape }]);

test('several files are one checkpoint, in the names that they have together', async () => {
  const weights = new Weights('w', [
    fileOf({ 'vision_model.pre_layrnorm.bias': { shape: [2], values: [1, 2] }, 'mit.n': { shape: [3] } }),
    fileOf({ 'text_model.embeddings.position_ids': { shape: [1, 4] },
      'visual_projection.weight': { shape: [2, 3], values: [1, 2, 3, 4, 5, 6] } }),
  ]);
  assert.equal([weights.origin, weights.size, weights.beside], ['hf-clip', 15, ['a log', 'a log']]);
  assert.equal(weights.names(), ['vision_model.pre_layrnorm.bias', 'mit.n', 'visual_projection.weight']);
  assert.equal(weights.aside, ['text_model.embeddings.position_ids']);
  assert.equal([...weights.parameters()], [['visual.ln_pre.bias', [2]], ['mit.n', [3]], ['visual.proj', [3, 2]]]);
  assert.equal(await weights.read('visual.proj', [3, 2]), Float32Array.of(1, 4, 2, 5, 3, 6));
  assert.equal([weights.shape('none'), weights.shapeOf('none')], [undefined, undefined]);
  await assert.rejectsWith(weights.read('visual.proj2', [1]), StateDictError, /visual\.proj2/);
  await assert.rejectsWith(weights.counts('n', []), StateDictError, /: n/);
});

test('numbers come in pieces in their order, counts as u32 of files of I64', async () => {
  const weights = new Weights('w', [
    fileOf({ w: { shape: [5], values: [1, 2, 3, 4, 5] },
      n: { shape: [3], values: [7, 8, 2 ** 32 - 1], dtype: 'I64' } }),
  ]);
  assert.equal(await weights.read('w', [5]), Float32Array.of(1, 2, 3, 4, 5));
  assert.equal(await weights.counts('n', [3]), Uint32Array.of(7, 8, 2 ** 32 - 1));
  const readables = new Map(weights.readables());
  assert.equal([readables.get('w')?.dtype, readables.get('n')?.dtype], [undefined, 'u32']);
  assert.equal([await readables.get('w')?.read(), await readables.get('n')?.read()], [Float32Array.of(1, 2, 3, 4, 5),
    Uint32Array.of(7, 8, 2 ** 32 - 1)]);
  await assert.rejectsWith(weights.read('n', [3]), CheckpointFormatError, /expected a floating-point tensor, got I64/);
});

/** Large matrices of a configuration, as the error of one that files are far from tells them. */
const stated = (config: ModelConfig) => {
  const { message } = assert.throwsWith(() => requireHeld(config, shaped({})), ConfigError);
  return Number((/more than ([\d,]+) parameters, the files hold 0 numbers$/.exec(message) as RegExpExecArray)[1]
    .replaceAll(',', ''));
};

test('a configuration that states more than four times what files hold is refused', () => {
  const config = configFor('clip-mean', { ...PRESETS.tiny,
    vision: { activation: 'gelu', width: 8, layers: 2, heads: 1, mlp: 12, patch: 4, imageSize: 12 },
    text: { activation: 'gelu', width: 16, layers: 3, heads: 1, mlp: 20, context: 7, vocab: 11 } });
  const vision = 2 * (4 * 8 * 8 + 2 * 8 * 12) + 3 * 16 * 8 + 9 * 8;
  const text = 3 * (4 * 16 * 16 + 2 * 16 * 20) + (11 + 7) * 16;
  assert.is(stated(config), vision + text);
  assert.is(stated({ system: 'vit-mean', frames: 8, classes: [], vision: config.vision }), vision);
  assert.is(stated(networkFor('timesformer', 'tiny', { frames: 8, imageSize: 32, classes: [] })),
    3 * (4 * 64 * 64 + 2 * 64 * 256));
  const least = Math.ceil((vision + text) / 4);
  requireHeld(config, shaped({ w: [least] }));
  assert.throwsWith(() => requireHeld(config, shaped({ w: [least - 1] })), ConfigError,
    `w: the configuration states more than 6,632 parameters, the files hold ${
      (least - 1).toLocaleString('en-US')
    } numbers`);
});

test('what a model lacks, what files lack, and what is of another shape, are told by name', () => {
  const model = needs({ a: [2, 3], b: [4], c: [] });
  assert.equal(compareWeights(model, shaped({ a: [2, 3], b: [4], c: [1] })), { present: ['a', 'b', 'c'], missing: [],
    unexpected: [], mismatched: [] });
  const different = compareWeights(model, shaped({ a: [3, 2], c: [2], bb: [5] }));
  assert.equal(different, { present: ['a', 'c'], missing: ['b [4] (did you mean bb?)'], unexpected: ['bb [5]'],
    mismatched: ['a is [3,2], the model needs [2,3]', 'c is [2], the model needs []'] });
  assert.equal(compareWeights(model, shaped({ a: [2, 3], another: [1] }), { allowMissing: true }), { present: ['a'],
    missing: [], unexpected: ['another [1]'], mismatched: [] });
  const some = { select: (name: string) => name !== 'b' };
  assert.equal(compareWeights(model, shaped({ a: [2, 3], another: [1] }), some), { present: ['a'], missing: ['c []'],
    unexpected: [], mismatched: [] });
  const count: NamedShape = ['n', { shape: [], dtype: 'u32' }];
  assert.equal(compareWeights([count], shaped({})).missing, [], 'a count may be missing');
  // a packed projection is whole, or it is missing
  const packed = needs({ 'visual.transformer.resblocks.0.attn.in_proj_bias': [6] });
  const part = (name: string) => `vision_model.encoder.layers.0.self_attn.${name}_proj.bias`;
  const two = shaped({ [part('q')]: [2], [part('k')]: [2] });
  for (const allowMissing of [false, true]) {
    assert.equal(compareWeights(packed, two, { allowMissing }).missing, [`${part('v')} [2]`]);
  }
  assert.equal(checkWeights(model, shaped({ a: [2, 3], b: [4], c: [] })), ['a', 'b', 'c']);
  const others: readonly Readonly<Record<string, Shape>>[] = [{ a: [2, 3], b: [4] }, { a: [2, 3], b: [4], c: [],
    d: [1] }, { a: [3, 2], b: [4], c: [] }];
  for (const held of others) {
    assert.throwsWith(() => checkWeights(model, shaped(held)), StateDictError);
  }
});

test('a name that may have been meant is looked for twenty times', () => {
  const names = Array.from({ length: 22 }, (_, i) => `layer.${String.fromCharCode(97 + i)}.weight`);
  const { missing } = compareWeights(needs(Object.fromEntries(names.map((name) => [name, [1]]))),
    shaped(Object.fromEntries(names.map((name) => [name.replace('weight', 'weights'), [1]]))));
  assert.equal(missing.map((each) => each.includes('did you mean')), names.map((_, i) => i < 20));
  assert.is(withNearest('abc [3]', ['abd', 'xyz']), 'abc [3] (did you mean abd?)');
  assert.is(withNearest('abc', ['qqqqqqq']), 'abc');
});

test('one number may be [] or [1], and otherwise shapes are alike', () => {
  const pairs: readonly (readonly [Shape, Shape, boolean])[] = [[[], [1], true], [[1, 1], [], true], [[2], [2], true], [
    [2, 1],
    [2],
    false,
  ], [[2], [], false], [[], [3], false], [[0], [0, 1], false]];
  for (const [a, b, same] of pairs) assert.is(isSameShape(a, b), same, `${a} and ${b}`);
});

test('positions of other numbers are told with what would make them fit, and taken where that is asked for', () => {
  const told = (name: string, own: Shape, wanted: Shape, demands = {}) =>
    compareWeights(needs({ [name]: wanted }), shaped({ [name]: own }), demands).mismatched.join();
  const frames = (own: string, wanted: string, count: number, name = 'mit.positional_embedding') =>
    `${name} is [${own}], the model needs [${wanted}]: it was trained on ${count} frames; `
    + `take data.frames=${count}, or model.interpolateFrames=true`;
  assert.is(told('mit.positional_embedding', [1, 4, 6], [1, 8, 6]), frames('1,4,6', '1,8,6', 4));
  assert.is(told('mit.positional_embedding', [1, 4, 6], [1, 8, 6], { interpolateFrames: true }), '');
  assert.is(told('mit.positional_embedding', [1, 4, 6], [1, 8, 6], { interpolatePatches: true }),
    frames('1,4,6', '1,8,6', 4));
  for (const [own, wanted] of [[[1, 4, 5], [1, 8, 6]], [[2, 4, 6], [1, 8, 6]], [[4, 6], [1, 8, 6]], [[1, 0, 6], [1, 8,
    6]]] as const) {
    assert.is(told('mit.positional_embedding', own, wanted),
      `mit.positional_embedding is [${own}], the model needs [${wanted}]`);
  }
  const patches = (own: number) => `visual.positional_embedding is [${own},6], the model needs [17,6]`;
  assert.is(told('visual.positional_embedding', [10, 6], [17, 6]),
    `${patches(10)}: it was trained on 3 x 3 patches; take pictures of as many, or model.interpolatePatches=true`);
  assert.is(told('visual.positional_embedding', [11, 6], [17, 6]), patches(11), 'of no square');
  assert.is(told('visual.positional_embedding', [10, 6], [17, 6], { interpolatePatches: true }), '');
  const table = 'backbone.layers.0.blocks.1.attn.relative_position_bias_table';
  assert.match(told(table, [9, 2], [27, 2]),
    /the model needs \[27,2\]: it is of windows of another length; one of pictures is inflated with model\.interpolateFrames=true$/);
  assert.is(told(table, [9, 2], [27, 2], { interpolateFrames: true }), '');
  assert.match(told(table, [9, 2], [28, 2]), /the model needs \[28,2\]$/);
  assert.equal(positionsOf('visual.proj'), undefined);
  const row = positionsOf(table)?.fitted(Float32Array.of(1, 2, 3, 4), [2, 2], [4, 2]);
  assert.equal(row, Float32Array.of(1, 2, 3, 4, 1, 2, 3, 4));
});

test('tensors are written in the order of their names, each parameter is read once, and counts are I64', async () => {
  let reads = 0;
  const readable = (shape: Shape, values: readonly number[]): Readable => ({ shape, read: async () => {
    reads++;
    return Float32Array.from(values);
  } });
  const { tensors, read } = planFile([
    ['visual.transformer.resblocks.1.attn.in_proj_bias', readable([6], [1, 2, 3, 4, 5, 6])],
    ['visual.proj', readable([2, 3], [1, 2, 3, 4, 5, 6])],
    ['n', { shape: [2], dtype: 'u32', read: async () => Uint32Array.of(5, 2 ** 32 - 1) }],
    ['half', { shape: [1], dtype: 'f16', read: async () => Float32Array.of(0),
      master: { read: async () => Float32Array.of(1 / 3) } }],
  ], 'hf');
  const bias = (part: string) => `vision_model.encoder.layers.1.self_attn.${part}_proj.bias`;
  assert.equal(tensors, [{ name: 'half', shape: [1] }, { name: 'n', shape: [2], dtype: 'I64' },
    ...['k', 'q', 'v'].map((part) => ({ name: bias(part), shape: [2] })), { name: 'visual_projection.weight',
    shape: [3, 2] }]);
  assert.equal([await read(bias('k')), await read(bias('q')), await read(bias('v'))], [Float32Array.of(3, 4),
    Float32Array.of(1, 2), Float32Array.of(5, 6)]);
  assert.is(reads, 1);
  assert.equal(await read('visual_projection.weight'), Float32Array.of(1, 4, 2, 5, 3, 6));
  assert.is(reads, 2);
  assert.equal([await read('n'), await read('half')], [BigInt64Array.of(5n, 2n ** 32n - 1n), Float32Array.of(1 / 3)]);
  assert.equal([fileOrigin(PRESETS.tiny),
    ...(['videomae', 'tsm'] as const).map((system) =>
      fileOrigin(networkFor(system, 'tiny', { frames: 8, imageSize: 32, classes: [] }))
    )], ['official', 'mmaction-videomae', 'mmaction']);
});

const MEAN = 'data_preprocessor.mean';
const STD = 'data_preprocessor.std';

test('statistics of pixels are three numbers of both, finite, and deviations above 0', async () => {
  const of = (mean: readonly number[] | undefined, std: readonly number[] | undefined, shape: Shape = [3, 1, 1]) =>
    heldStatistics(
      new Weights('w', [
        fileOf({ 'backbone.w': { shape: [] }, ...(mean && { [MEAN]: { shape, values: mean } }),
          ...(std && { [STD]: { shape, values: std } }) }),
      ]),
    );
  assert.equal(await of([1, -2, 3], [4, 5, 6]), { mean: [1, -2, 3], std: [4, 5, 6] });
  assert.equal([await of([1, 2, 3], undefined), await of(undefined, [1, 2, 3]), await of(undefined, undefined)], [{},
    {}, {}]);
  for (const [mean, std] of [[[1, Number.NaN, 3], [4, 5, 6]], [[1, 2, 3], [4, 0, 6]], [[1, 2, 3], [4, Infinity, 6]], [[
    1,
    2,
    3,
  ], [4, 5, -6]]] as const) {
    await assert.rejectsWith(of(mean, std), CheckpointFormatError,
      `w: tensor "${STD}": holds ${std}, and the mean ${mean}: no statistics`);
  }
  await assert.rejectsWith(of([1, 2], [3, 4], [2]), CheckpointFormatError,
    `w: tensor "${MEAN}": is [2], expected three numbers`);
});

test('the row of a pair of tokens is that of its offset, and shifted windows hide what comes from both ends', () => {
  const window = [2, 3, 2];
  const places = Array.from({ length: 12 }, (_, i) => [Math.floor(i / 6), Math.floor(i / 2) % 3, i % 2]);
  const wanted = places.flatMap((query) =>
    places.map((key) => {
      const [t, y, x] = query.map((place, axis) => place - key[axis] + window[axis] - 1);
      return (t * 5 + y) * 3 + x;
    })
  );
  assert.equal([...positionIndex(window)], wanted);
  // maps of 3 x 3 windows of 3 x 4, shifted by 1 and 2
  const [count, height, width] = [3, 3, 4];
  const tokens = height * width;
  const mask = shiftMask(count, [height, width]);
  assert.is(mask.length, count * count * tokens * tokens);
  const regionOf = (at: number, token: number) => {
    const [row, column] = [Math.floor(at / count) * height + Math.floor(token / width), (at % count) * width
      + (token % width)];
    return `${row >= count * height - 1} ${column >= count * width - 2}`;
  };
  for (let at = 0, i = 0; at < count * count; at++) {
    for (let query = 0; query < tokens; query++) {
      for (let key = 0; key < tokens; key++, i++) {
        // within a window that is not the last, nothing is hidden
        const isHidden = regionOf(at, query) !== regionOf(at, key);
        if (mask[i] !== (isHidden ? -100 : 0)) assert.is(mask[i], isHidden ? -100 : 0, `${at}: ${query}, ${key}`);
      }
    }
  }
});

test('buffers of windows are written for each block of a Video Swin, and those of a file compared', async () => {
  const config = networkFor('video-swin', 'tiny', { frames: 8, imageSize: 32, classes: ['a'] });
  const blocks = [0, 1].flatMap((stage) => [0, 1].map((i) => `backbone.layers.${stage}.blocks.${i}`));
  assert.equal('depths' in config.network && blocksOf(config.network as never), blocks);
  const buffers = windowBuffers(config);
  assert.equal(buffers.map(([name]) => name), blocks.map((name) => `${name}.attn.relative_position_index`));
  assert.equal([buffers[0][1].shape, buffers[0][1].dtype], [[64, 64], 'u32']);
  assert.equal(windowBuffers(PRESETS.tiny), []);
  const index = [...positionIndex([4, 4, 4])];
  assert.equal([...await buffers[3][1].read()], index);
  const name = `${blocks[3]}.attn.relative_position_index`;
  const check = (values: readonly number[], shape: Shape, key = name, dtype = 'I64') =>
    checkWindowBuffers(new Weights('w', [fileOf({ 'backbone.w': { shape: [] }, [key]: { shape, values, dtype } })]),
      config);
  await check(index, [64, 64]);
  await check(index, [4096]);
  const wrong = (message: string, key = name) => `w: tensor "${key}": ${message}: the file is of other windows`;
  await assert.rejectsWith(check(index.with(70, 5), [64, 64]), CheckpointFormatError,
    wrong(`holds 5 at place 70, windows of 4 x 4 x 4 have ${index[70]}`));
  await assert.rejectsWith(check(index, [32, 128]), CheckpointFormatError,
    wrong('is [32,128], windows of 4 x 4 x 4 have [64,64]'));
  const mask = `${blocks[1]}.attn_mask`;
  await assert.rejectsWith(check([], [4, 16, 16], mask, 'F32'), CheckpointFormatError,
    wrong('is [4,16,16], windows of 4 x 4 x 4 have [4,64,64]', mask));
  const pictures = { ...config, network: { ...config.network, window: [1, 4, 4] } } as ModelConfig;
  const ofPictures = (values: readonly number[]) =>
    checkWindowBuffers(new Weights('w', [fileOf({ [mask]: { shape: [4, 16, 16], values } })]), pictures);
  const own = [...shiftMask(2, [4, 4])];
  await ofPictures(own);
  await assert.rejectsWith(ofPictures(own.with(1000, 3)), CheckpointFormatError,
    wrong(`holds 3 at place 1000, windows of 1 x 4 x 4 have ${own[1000]}`, mask));
  await checkWindowBuffers(shaped({ 'backbone.w': [] }), config);
  await checkWindowBuffers(shaped({ [name]: [1] }), PRESETS.tiny);
});

test('what is on its way to the GPU is waited for whenever it is 32 MiB', async () => {
  const piece = new Uint8Array(2 ** 21);
  const file = (pieces: number, elements: number) =>
    ({ name: 'w', beside: [], numbers: elements, names: () => ['a', 'b'],
      entry: () => ({ dtype: 'F32', shape: [elements] }), async *pieces() {
      for (let i = 0; i < pieces; i++) yield piece;
    } }) as unknown as TensorFile;
  for (const [pieces, waits] of [[7, 0], [8, 1], [9, 1], [16, 2], [20, 2]]) {
    let syncs = 0;
    const elements = (pieces * piece.length) / 4;
    const target = { dtype: 'f32', shape: [elements], elementBytes: 4, gpu: { sync: async () => void syncs++ },
      alias: ([count]: Shape) => ({ bytes: 4 * count, write: () => undefined, [Symbol.dispose]: () => undefined }) };
    const model = { state: () => [['a', target], ['b', target]] as never };
    assert.equal(await loadWeights(model, new Weights('w', [file(pieces, elements)])), ['a', 'b']);
    assert.is(syncs, waits, `two tensors of ${pieces} pieces`);
  }
});

test.run();
