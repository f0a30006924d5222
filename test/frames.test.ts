import { test } from './test.ts';
import * as assert from './assert.ts';
import { type Gpu, open, ShapeError, Tensor } from '../engine/index.ts';
import { frames, type I420Frame, packFrames, TABLE_COLUMNS, type View } from '../kernels/frames/index.ts';
import { openWithBindings } from './small_limits.ts';

const gpu = await open();
const RAW = { size: 2, mean: [0, 0, 0], std: [1, 1, 1] } as const;

/** A frame of one colour. */
function flat(width: number, height: number, [y, u, v]: readonly number[], matrix: I420Frame['matrix'],
  range: I420Frame['range']): I420Frame {
  const chroma = Math.ceil(width / 2) * Math.ceil(height / 2);
  const data = Uint8Array.from([...Array(width * height).fill(y), ...Array(chroma).fill(u), ...Array(chroma).fill(v)]);
  return { width, height, data, matrix, range };
}

const whole = ({ width, height }: I420Frame): View => ({ crop: { x: 0, y: 0, width, height }, flip: false });

test('the colours of the standards come out: black, white, and pure red in both matrices', async () => {
  const pictures = [
    flat(3, 3, [16, 128, 128], 'bt601', 'limited'),
    flat(3, 3, [235, 128, 128], 'bt709', 'limited'),
    flat(3, 3, [255, 128, 128], 'bt601', 'full'),
    flat(4, 2, [81, 90, 240], 'bt601', 'limited'), // BT.601-7: red is Y 81, Cb 90, Cr 240
    flat(4, 2, [63, 102, 240], 'bt709', 'limited'), // BT.709-6: red is Y 63, Cb 102, Cr 240
  ];
  const { words, table } = packFrames(pictures, pictures.map(whole));
  using y = gpu.scope(() =>
    frames(Tensor.from(gpu, words), Tensor.from(gpu, table, [pictures.length, TABLE_COLUMNS]), RAW)
  );
  const values = await y.read();
  const want = [[0, 0, 0], [255, 255, 255], [255, 255, 255], [255, 0, 0], [255, 0, 0]];
  want.forEach((rgb, f) =>
    rgb.forEach((channel, c) => {
      for (let i = 0; i < 4; i++) {
        assert.ok(Math.abs(values[(f * 3 + c) * 4 + i] - channel) < 2,
          `frame ${f}, channel ${c}: ${values[(f * 3 + c) * 4 + i]}, want ${channel}`);
      }
    })
  );
});

test('a frame that several views are taken of is stored once', () => {
  const frame = flat(5, 5, [1, 2, 3], 'bt601', 'full');
  const other = flat(2, 2, [4, 5, 6], 'bt601', 'full');
  const { words, table } = packFrames([frame, other, frame], [whole(frame), whole(other), { ...whole(frame),
    flip: true }]);
  assert.is(words.byteLength, 44 + 8); // 25 + 9 + 9 bytes and 4 + 1 + 1, each filled up to words
  assert.equal([table[0], table[TABLE_COLUMNS], table[2 * TABLE_COLUMNS]], [0, 44, 0]);
});

test('frames and crops that cannot be are refused by number', () => {
  const refused = (frame: I420Frame, view: View, message: string) =>
    assert.throwsWith(
      () => packFrames([frame], [view]),
      message,
      { code: 'FL_FRAME' },
    );
  const frame = flat(5, 4, [1, 2, 3], 'bt601', 'full');
  refused({ ...frame, data: frame.data.subarray(1) }, whole(frame),
    'packFrames: frame 0 of 5 × 4 has 32 bytes as I420, got 31');
  refused(frame, { crop: { x: 1, y: 0, width: 5, height: 4 }, flip: false },
    'packFrames: the crop 5 × 4 at (1, 0) is not inside of frame 0, 5 × 4');
  refused(frame, { crop: { x: 0, y: Number.NaN, width: 5, height: 4 }, flip: false },
    'packFrames: the crop 5 × 4 at (0, NaN) is not inside of frame 0, 5 × 4');
  assert.throwsWith(() => packFrames([frame], []), ShapeError, 'packFrames: 1 frames need as many views, got 0');
});

/** The first channel of each frame, and whether all of it is alike. */
async function reds(context: Gpu, words: Uint32Array, table: Uint32Array): Promise<number[]> {
  using y = context.scope(() =>
    frames(Tensor.from(context, words), Tensor.from(context, table, [table.length / TABLE_COLUMNS, TABLE_COLUMNS]), RAW)
  );
  const values = await y.read();
  return Array.from({ length: table.length / TABLE_COLUMNS }, (_, f) => new Set(values.subarray(12 * f, 12 * f + 4)))
    .map((own) => (own.size === 1 ? [...own][0] : Number.POSITIVE_INFINITY));
}

test('frames of more bytes than a binding holds go in windows that overlap; one of more than half a binding is NaN', async () => {
  await using small = await openWithBindings(4096);
  const grey = (height: number, y: number) => flat(32, height, [y, 128, 128], 'bt601', 'full'); // 48 bytes a row
  const pictures = [grey(42, 10), grey(10, 20), grey(41, 30), grey(1, 40), grey(42, 50), grey(42, 60)];
  const { words, table } = packFrames(pictures, pictures.map(whole));
  for (const context of [gpu, small]) assert.equal(await reds(context, words, table), [10, 20, 30, 40, 50, 60]);
  const tooLong = [grey(42, 5), grey(80, 10), grey(40, 20)];
  const packed = packFrames(tooLong, tooLong.map(whole));
  assert.equal(await reds(small, packed.words, packed.table), [5, Number.NaN, 20]);
});

test('a frame whose bytes are not there is NaN', async () => {
  const frame = flat(4, 4, [9, 128, 128], 'bt601', 'full');
  const { words, table } = packFrames([frame], [whole(frame)]);
  for (const offset of [4, 24, 1000, 0xfffffff0]) {
    const moved = table.slice();
    moved[0] = offset;
    assert.equal(await reds(gpu, words, moved), [Number.NaN], `${offset}`);
  }
});

test.after(() => gpu.close());
test.run();
