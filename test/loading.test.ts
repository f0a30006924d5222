/** Weights on their way from a file to a model: in pieces, in every type, with the errors that a whole tensor gave. */
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { CheckpointFormatError, type FloatType, halve, Module, NonFiniteError, open, parameter, storedAs,
  Tensor } from '../engine/index.ts';
import { halvesFrom } from '../engine/half.ts';
import { bytesInMemory, type ByteSource } from '../model/checkpoint/bytes.ts';
import { loadWeights } from '../model/checkpoint/loading.ts';
import { openTensors } from '../model/checkpoint/open.ts';
import { encodeTorch } from '../model/checkpoint/pickle/write.ts';
import { Weights } from '../model/checkpoint/weights.ts';

const gpu = await open();
test.after(() => gpu.close());
const hasHalves = gpu.features.has('shader-f16');

/** More than two pieces of f32, and an odd number that does not end with one. */
const ELEMENTS = 2 ** 20 + 2 ** 19 + 77;
/** f16 holds them, bf16 some. */
const values = Float32Array.from({ length: ELEMENTS }, (_, i) => ((i * 7919) % 4096) / 1024 - 2);
const SCALE = 0.25;

class Two extends Module {
  readonly weight = this.add('weight', parameter(gpu, 'weight', [ELEMENTS]));
  readonly scale = this.add('logit_scale', parameter(gpu, 'logit_scale', []));
}

/** The upper halves of f32: those of numbers that end there are exact. */
const upperHalves = (numbers: Float32Array) => Uint16Array.from(new Uint32Array(numbers.buffer), (word) => word >>> 16);

/** A file of safetensors with the two tensors, stored so. @param numbers of the first */
function fileOf(dtype: string, numbers: Float32Array, scale = Float32Array.of(SCALE)): Uint8Array {
  const store: Record<string, (x: Float32Array) => ArrayBufferView> = { F32: (x) => x, F16: halvesFrom,
    BF16: upperHalves, F64: (x) => Float64Array.from(x) };
  const parts = [numbers, scale].map((x) => {
    const { buffer, byteLength } = store[dtype](x);
    return new Uint8Array(buffer as ArrayBuffer, 0, byteLength);
  });
  const [{ length }, { length: rest }] = parts;
  const header = JSON.stringify({ weight: { dtype, shape: [numbers.length], data_offsets: [0, length] },
    logit_scale: { dtype, shape: [], data_offsets: [length, length + rest] } });
  const text = Buffer.from(header.padEnd(Math.ceil(header.length / 8) * 8));
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([start, text, ...parts]);
}

/** A source that notes the most that it was asked for at once. */
function noting(bytes: Uint8Array) {
  const inner = bytesInMemory('w', bytes);
  const noted = { most: 0, source: { ...inner, read: (offset, length, room) => {
    noted.most = Math.max(noted.most, length);
    return inner.read(offset, length, room);
  } } as ByteSource };
  return noted;
}

const weightsOf = async (source: ByteSource) => new Weights('w', [await openTensors(source)]);

for (const dtype of ['F32', 'F16', 'BF16', 'F64']) {
  test(`${dtype} comes in pieces, and to the bit as it would come whole`, async () => {
    const numbers = dtype === 'BF16' ?
      new Float32Array(Uint32Array.from(upperHalves(values), (half) => half << 16).buffer)
      : values;
    const noted = noting(fileOf(dtype, numbers));
    using model = new Two();
    const weights = await weightsOf(noted.source);
    assert.equal(await loadWeights(model, weights), ['weight', 'logit_scale']);
    assert.is(noted.most, 2 ** 21);
    const read = new Uint32Array((await model.weight.read()).buffer);
    assert.ok(Buffer.from(read.buffer).equals(Buffer.from(numbers.buffer)), dtype);
    assert.ok(Buffer.from((await weights.read('weight', [ELEMENTS])).buffer).equals(Buffer.from(read.buffer)));
    assert.is(await model.scale.item(), SCALE);
  });
}

test('of what is not finite the place is named, in whichever piece it lies; a number that only f16 lacks is none', async () => {
  for (const [place, wrong] of [[0, Number.NaN], [2 ** 19, -Infinity], [ELEMENTS - 1, Infinity]]) {
    using model = new Two();
    const numbers = values.slice();
    numbers[place] = wrong;
    numbers[ELEMENTS - 2] = 1e30;
    await assert.rejectsWith(loadWeights(model, await weightsOf(bytesInMemory('w', fileOf('F32', numbers)))),
      CheckpointFormatError, `w: tensor "weight": holds ${wrong} at place ${place}`);
  }
});

test('a damaged archive is told before what its damage has made of a number', async () => {
  const numbers = values.slice();
  const chunks: Uint8Array[] = [];
  for await (const chunk of encodeTorch([{ name: 'weight', shape: [ELEMENTS] }, { name: 'logit_scale', shape: [] }],
    (name) => Promise.resolve(name === 'weight' ? numbers : Float32Array.of(SCALE)), {})) chunks.push(chunk.slice());
  const bytes = Buffer.concat(chunks);
  using model = new Two();
  await loadWeights(model, await weightsOf(bytesInMemory('w.pth', bytes)));
  assert.equal((await model.weight.read()).subarray(-9), numbers.subarray(-9));
  const at = bytes.indexOf(Buffer.from(numbers.buffer, 0, 64));
  bytes.writeFloatLE(Number.NaN, at + 8);
  await assert.rejectsWith(loadWeights(model, await weightsOf(bytesInMemory('w.pth', bytes))), CheckpointFormatError,
    /has the checksum [0-9a-f]{8}, expected [0-9a-f]{8}: the file was damaged/);
});

testIf(hasHalves, 'the adapter lacks shader-f16')(
  'a model that is made in f16 has no masters, and the bits of one that was halved; what f16 lacks is refused by name',
  async () => {
    const odd = values.map((value) => value / 3); // f16 rounds them
    const load = async (model: Two, numbers = odd) =>
      loadWeights(model, await weightsOf(bytesInMemory('w', fileOf('F32', numbers))));
    using halved = new Two();
    halve(halved);
    await load(halved);
    const before = gpu.pool.live;
    using own = storedAs('f16', () => new Two());
    assert.is(gpu.pool.live - before, 2 * ELEMENTS + 4);
    await load(own);
    assert.equal([own.weight.dtype, own.weight.master, own.scale.dtype] satisfies (FloatType | Tensor | undefined)[], [
      'f16',
      undefined,
      'f32',
    ]);
    assert.is(gpu.pool.live - before, 2 * ELEMENTS + 4, 'what came in as f32 is gone');
    assert.ok(Buffer.from((await own.weight.read()).buffer).equals(Buffer.from((await halved.weight.read()).buffer)));
    const large = odd.with(ELEMENTS - 3, 65520);
    await assert.rejectsWith(load(own, large), NonFiniteError,
      'the weight "weight", too large for f16, is NaN or infinite');
    await load(halved, large); // has a master that holds it
  },
);

test.run();
