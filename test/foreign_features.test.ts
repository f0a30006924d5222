/** Files of features from elsewhere: whatever is wrong with one is told by name, before anything is searched. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { mutationsOf } from './mutations.ts';
import { FirstlightError } from '../engine/errors.ts';
import { encodeSafetensors, type NamedTensor } from '../model/checkpoint/safetensors.ts';
import { FeatureFile, type Head } from '../train/features/file.ts';

const root = mkdtempSync(join(tmpdir(), 'firstlight-foreign-features-'));
test.after(() => rmSync(root, { recursive: true, force: true }));

const HEAD: Head = { version: 1,
  made: { checkpoint: 'ab'.repeat(32), precision: 'f32', frames: 8, size: 32,
    resize: { resampling: 'bilinear', shortSide: 36 }, mean: [1, 2, 3], std: [4, 5, 6], window: 2 },
  checkpoint: '../model', root: 'videos', names: ['a.mp4', 'a.mp4', 'b.mp4'], classes: ['x', 'y'],
  broken: [{ name: 'c.mp4', reason: 'is a text' }], texts: ['a door'] };

interface Tensor {
  readonly shape: readonly number[];
  readonly dtype?: NamedTensor['dtype'];
  readonly values: readonly number[];
}

const TENSORS: Readonly<Record<string, Tensor>> = {
  features: { shape: [3, 2], values: [1, 0, 0, 1, 0.6, 0.8] },
  video: { shape: [3, 2], values: [2, 0, 0, 3, 6, 8] },
  patches: { shape: [3, 1, 2], values: [1, 2, 3, 4, 5, 6] },
  labels: { shape: [3], dtype: 'I32', values: [0, 0, 1] },
  times: { shape: [3, 2], values: [0, 2, 2, 3.5, 0, 1] },
  texts: { shape: [1, 2], values: [0, 1] },
};

/** A file with some tensors, and a head, as JSON or as it is. */
async function write(head: unknown, tensors: Readonly<Record<string, Tensor | undefined>> = TENSORS): Promise<string> {
  const own = Object.entries(tensors).flatMap(([name, tensor]) => (tensor === undefined ? [] : [{ name, ...tensor }]));
  const metadata = head === undefined
    ? undefined
    : { firstlight: typeof head === 'string' ? head : JSON.stringify(head) };
  const pieces: Uint8Array[] = [];
  const read = (name: string) => {
    const { values, dtype } = tensors[name] as Tensor;
    return dtype === 'I32' ? Int32Array.from(values) : Float32Array.from(values);
  };
  for await (const piece of encodeSafetensors(own, read, metadata)) pieces.push(piece.slice());
  const path = join(root, 'some.safetensors');
  writeFileSync(path, Buffer.concat(pieces));
  return path;
}

/** Reads all of a file. */
async function readAll(path: string): Promise<void> {
  const file = await FeatureFile.open(path);
  try {
    for (const which of ['features', 'video', 'patches'] as const) await file.floats(which, 0, file.rows);
  } finally {
    await file.close();
  }
}

test('a whole file is read as it is, and so is one with unit features alone', async () => {
  const file = await FeatureFile.open(await write(HEAD));
  assert.equal([file.rows, file.width, file.patches, file.isWhole], [3, 2, 1, true]);
  assert.equal([file.labels, file.times?.[3]], [Int32Array.of(0, 0, 1), 3.5]);
  assert.equal(await file.floats('video', 1, 2), Float32Array.of(0, 3, 6, 8));
  assert.equal(await file.floats('patches', 2, 1), Float32Array.of(5, 6));
  assert.is(file.resolved('checkpoint'), join(root, '../model'));
  await file.close();
  const { features, times } = TENSORS;
  const unit = await FeatureFile.open(await write({ ...HEAD, texts: [] }, { features, times }));
  assert.equal([unit.patches, unit.isWhole, unit.labels], [0, false, undefined]);
  assert.equal(await unit.floats('patches', 0, 3), new Float32Array(0));
  await unit.close();
});

const withTensor = (name: string, tensor: Tensor | undefined) => ({ ...TENSORS, [name]: tensor });

for (const [what, head, tensors, message] of [
  ['no head', undefined, TENSORS, /is no file of features: its metadata has no "firstlight"/],
  ['a head that is no JSON', '{"made":', TENSORS, /its metadata "firstlight" is no JSON/],
  ['a head that is nested without end', '['.repeat(1000), TENSORS, /nested deeper than 64 levels/],
  ['another version', { ...HEAD, version: 2 }, TENSORS, /not that of features: version/],
  ['a key that is not known', { ...HEAD, run: 'x' }, TENSORS, /Unrecognized key.*run/],
  ['a checkpoint on another machine', { ...HEAD, checkpoint: '\\\\\\\\server\\\\share' }, TENSORS,
    /not that of features: checkpoint/],
  ['a root on another machine', { ...HEAD, root: '//server/share' }, TENSORS, /not that of features: root/],
  ['a hash that is none', { ...HEAD, made: { ...HEAD.made, checkpoint: 'AB' } }, TENSORS, /made\.checkpoint/],
  ['a window of no time', { ...HEAD, made: { ...HEAD.made, window: 0 } }, TENSORS, /made\.window/],
  ['names for no row', { ...HEAD, names: [] }, TENSORS, /holds no features of videos/],
  ['a name too many', { ...HEAD, names: [...HEAD.names, 'd'] }, TENSORS,
    /tensor "features": is \[3,2\] of F32, expected \[4, E\] of F32/],
  ['features of no width', HEAD, withTensor('features', { shape: [3, 0], values: [] }), /is \[3,0\] of F32/],
  ['features as whole numbers', HEAD, withTensor('features', { ...TENSORS.features, dtype: 'I32' }),
    /of I32, expected \[3, E\] of F32/],
  ['videos of another width', HEAD, withTensor('video', { shape: [3, 1], values: [1, 2, 3] }), /"video": is \[3,1\]/],
  ['patches of another width', HEAD, withTensor('patches', { shape: [3, 2, 1], values: [1, 2, 3, 4, 5, 6] }),
    /"patches": is \[3,2,1\] of F32, expected \[3, N, 2\]/],
  ['patches alone', HEAD, withTensor('video', undefined), /"patches": stands there without "video"/],
  ['a label without a class', HEAD, withTensor('labels', { ...TENSORS.labels, values: [0, 2, 1] }),
    /"labels": holds 2 in row 1, there are 2 classes/],
  ['a negative label', HEAD, withTensor('labels', { ...TENSORS.labels, values: [-1, 0, 1] }),
    /"labels": holds -1 in row 0/],
  ['texts without features', HEAD, withTensor('texts', { shape: [2, 2], values: [0, 1, 1, 0] }),
    /"texts": is \[2,2\] of F32, expected \[1, 2\]/],
  ['no times', HEAD, withTensor('times', undefined), /"times": is missing/],
  ['times of what was not cut', { ...HEAD, made: { ...HEAD.made, window: null } }, TENSORS,
    /"times": stands there, but nothing was cut/],
  ['a piece that ends before it begins', HEAD, withTensor('times', { shape: [3, 2], values: [0, 2, 2, 1, 0, 1] }),
    /"times": row 1 is from 2 to 1 seconds/],
  ['a time that is none', HEAD, withTensor('times', { shape: [3, 2], values: [Number.NaN, 2, 2, 3, 0, 1] }),
    /"times": row 0 is from NaN/],
  ['a feature that is not finite', HEAD,
    withTensor('features', { shape: [3, 2], values: [1, 0, 0, Infinity, 0.6, 0.8] }),
    /"features": holds Infinity in row 1/],
  ['a first feature that is no number', HEAD,
    withTensor('features', { shape: [3, 2], values: [Number.NaN, 0, 0, 1, 0.6, 0.8] }),
    /"features": holds NaN in row 0/],
  ['a last piece that ends before it begins', HEAD, withTensor('times', { shape: [3, 2], values: [0, 2, 2, 3, 5, 1] }),
    /"times": row 2 is from 5 to 1 seconds/],
  ['a piece that begins before the video', HEAD, withTensor('times', { shape: [3, 2], values: [-1, 2, 2, 3, 0, 1] }),
    /"times": row 0 is from -1 to 2 seconds/],
  ['a piece without an end', HEAD, withTensor('times', { shape: [3, 2], values: [0, 2, 2, Infinity, 0, 1] }),
    /"times": row 1 is from 2 to Infinity seconds/],
  ['a feature that is a little too short', HEAD,
    withTensor('features', { shape: [3, 2], values: [1, 0, 0, 0.9989, 0.6, 0.8] }), /row 1 has the length 0\.9989/],
  ['a feature that is no unit', HEAD, withTensor('features', { shape: [3, 2], values: [1, 0, 0, 1, 0.6, 0.9] }),
    /"features": row 2 has the length 1\.082, a unit feature has 1/],
  ['a patch that is not finite', HEAD, withTensor('patches', { shape: [3, 1, 2], values: [1, 2, 3, 4, 5, Number.NaN] }),
    /"patches": holds NaN in row 2/],
] as const) {
  test(`a file with ${what} is refused`, async () => {
    const path = await write(head, tensors);
    const error = await assert.rejectsWith(readAll(path), FirstlightError, message);
    assert.match(error.message, path);
  });
}

test('whatever stands in place of a member of the head, the error is typed', async () => {
  let refused = 0;
  for (const { at, value } of mutationsOf(HEAD)) {
    try {
      await readAll(await write(value));
    } catch (error) {
      assert.ok(error instanceof FirstlightError, `${at}: ${String(error)}`);
      refused++;
    }
  }
  assert.ok(refused > 50, String(refused));
});

test('lines of JSON, an empty file and a text are told apart from features', async () => {
  for (const [text, message] of [['{"firstlight":{}}\n', /is JSON, not safetensors/], ['', /too few/], [
    'a text that is long enough',
    /is this a safetensors file/,
  ]] as const) {
    const path = join(root, 'other.safetensors');
    writeFileSync(path, text);
    await assert.rejectsWith(FeatureFile.open(path), FirstlightError, message);
  }
});

test.run();
