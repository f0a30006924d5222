/** Pictures as video has them, and parts of them: what a view reads, what a part holds, how frames are packed. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { cut, heldOf, holds, i420Bytes, type I420Frame, isSamePart, type Part, partOf, type Resampling,
  unionOf } from '../kernels/frames/i420.ts';
import { packedBytes, packFrames, TABLE_COLUMNS } from '../kernels/frames/pack.ts';

/** A picture whose samples tell their plane and place: Y is 16 · row + column, U and V 100 and 150 more. */
function picture(width: number, height: number, part: Part = { x: 0, y: 0, width, height }): I420Frame {
  const plane = (base: number, step: number) =>
    Array.from({ length: Math.ceil(part.height / step) }, (_, row) =>
      Array.from({ length: Math.ceil(part.width / step) }, (_, column) =>
        base + 16 * (part.y / step + row) + part.x / step + column)).flat();
  const data = Uint8Array.from([...plane(0, 1), ...plane(100, 2), ...plane(150, 2)]);
  const isWhole = part.width === width && part.height === height;
  return { width, height, matrix: 'bt709', range: 'limited', data, ...(!isWhole && { part }) } as I420Frame;
}
const part = (x: number, y: number, width: number, height: number): Part => ({ x, y, width, height });

test('a picture has a sample of each colour for four pixels, or what is left of four, and is packed in whole words', () => {
  const sizes = [[4, 2], [3, 2], [3, 3], [1, 1], [5, 4]] as const;
  assert.equal(sizes.map(([width, height]) => i420Bytes(width, height)), [12, 10, 17, 3, 32]);
  assert.equal(sizes.map(([width, height]) => packedBytes({ ...part(2, 2, width, height) })), [12, 12, 20, 4, 32]);
});

test('a view reads its crop and what filters reach beyond it, from even pixels to even pixels, or to an edge', () => {
  const read = (start: number, length: number, size: number, resampling?: Resampling) => {
    const [across, down] = ([['x', 'width'], ['y', 'height']] as const).map(([at, extent]) => {
      const crop = { x: 40, y: 40, width: 20, height: 20, [at]: start, [extent]: length };
      const of = partOf({ width: 101, height: 101 }, { crop }, { size, resampling });
      return [of[at], of[at] + of[extent]];
    });
    assert.equal(across, down);
    return across;
  };
  assert.equal(read(40, 20, 20), [36, 64]);
  assert.equal(read(41, 20, 20), [36, 66], 'to even pixels');
  assert.equal([read(40.9, 18.2, 20), read(40.1, 20, 20), read(41.5, 18, 20)], [[36, 64], [36, 66], [36, 64]],
    'fractions of pixels are whole ones');
  assert.equal(read(0, 101, 20), [0, 101]);
  assert.equal(read(3, 96, 20), [0, 101]);
  assert.equal(read(5, 91, 20), [0, 100]);
  // one pixel farther, or as many as become one
  assert.equal(read(40, 20, 20, 'antialiased_bilinear'), [34, 66]);
  assert.equal(read(40, 20, 40, 'antialiased_bilinear'), [34, 66]);
  assert.equal(read(40, 20, 8, 'antialiased_bilinear'), [32, 68], 'of 2.5 pixels three');
  assert.equal(read(40, 20, 20, 'antialiased_bicubic'), [34, 66]);
  assert.equal(read(40, 20, 8, 'antialiased_bicubic'), [30, 70]);
});

test('parts are together the least that holds all, and one holds another up to its edges', () => {
  assert.equal(unionOf([part(4, 6, 10, 2), part(2, 8, 4, 10), part(6, 2, 2, 2)]), part(2, 2, 12, 16));
  assert.equal(unionOf([part(4, 6, 10, 2)]), part(4, 6, 10, 2));
  const frame = picture(12, 10, part(2, 4, 6, 4));
  assert.ok(holds(frame, part(2, 4, 6, 4)) && holds(frame, part(4, 6, 2, 2)));
  for (const outside of [part(0, 4, 6, 4), part(2, 2, 6, 4), part(2, 4, 7, 4), part(2, 4, 6, 5), part(4, 4, 6, 4)]) {
    assert.not(holds(frame, outside), JSON.stringify(outside));
  }
  const same = part(1, 2, 3, 4);
  assert.ok(isSamePart(same, { ...same }));
  for (const key of ['x', 'y', 'width', 'height'] as const) assert.not(isSamePart(same, { ...same, [key]: 9 }));
  assert.equal([heldOf(picture(3, 3)), heldOf(frame)], [part(0, 0, 3, 3), part(2, 4, 6, 4)]);
});

test('a part that is cut out has the samples of its place, of a whole picture and of a part', () => {
  for (const place of [part(0, 0, 4, 4), part(2, 2, 6, 4), part(4, 6, 8, 4), part(10, 8, 3, 3), part(0, 0, 13, 11)]) {
    assert.equal(cut(picture(13, 11), place).data, picture(13, 11, place).data, JSON.stringify(place));
  }
  for (const place of [part(4, 4, 4, 4), part(2, 2, 8, 6), part(8, 6, 2, 2)]) {
    const again = cut(picture(13, 11, part(2, 2, 8, 6)), place);
    assert.equal([again.data, heldOf(again), again.width], [picture(13, 11, place).data, place, 13],
      JSON.stringify(place));
  }
  const whole = picture(5, 3);
  assert.is(cut(whole, heldOf(whole)), whole);
});

test('packed frames lie one behind the other in whole words, each part once, and the table says where', () => {
  const [a, b] = [picture(5, 3), { ...picture(4, 4), matrix: 'bt601', range: 'full' } as I420Frame];
  const crop = (x: number, y: number, width: number, height: number, flip = false) => ({ crop: { x, y, width, height },
    flip });
  const { words, table } = packFrames([a, b, a], [crop(0, 0, 5, 3), crop(1, 1, 2, 3, true), crop(2, 0, 1, 1)]);
  const rows = Array.from({ length: 3 }, (_, i) => [...table.subarray(i * TABLE_COLUMNS, (i + 1) * TABLE_COLUMNS)]);
  assert.is(TABLE_COLUMNS, 14);
  // where, size, part, crop as the bits of f32, mirrored, matrix and range
  const bits = (value: number) => new Uint32Array(Float32Array.of(value).buffer)[0];
  assert.equal(rows.map((row) => row.filter((_, i) => i < 7 || i > 10)), [[0, 5, 3, 0, 0, 5, 3, 0, 1, 0], [28, 4, 4, 0,
    0, 4, 4, 1, 0, 1], [0, 5, 3, 0, 0, 5, 3, 0, 1, 0]]);
  assert.equal(rows.map((row) => row.slice(7, 11)), [[0, 0, 5, 3].map(bits), [1, 1, 2, 3].map(bits), [2, 0, 1, 1]
    .map(bits)]);
  const bytes = new Uint8Array(words.buffer);
  assert.equal([bytes.length, bytes.slice(0, 27), bytes.slice(28, 52)], [52, a.data, b.data]);

  const large = picture(13, 11);
  const resizing = { size: 8 };
  const views = [crop(8, 6, 2, 2), crop(0, 0, 1, 1), crop(8, 6, 2, 2, true)];
  const parts = views.slice(0, 2).map((view) => partOf(large, view, resizing));
  const some = packFrames([large, large, large], views, resizing);
  assert.is(some.words.length * 4, packedBytes(parts[0]) + packedBytes(parts[1]));
  assert.equal(new Uint8Array(some.words.buffer).slice(0, i420Bytes(parts[0].width, parts[0].height)),
    cut(large, parts[0]).data);
  assert.equal([0, 1, 2].map((i) => some.table[i * TABLE_COLUMNS]), [0, packedBytes(parts[0]), 0]);
});

test('crops that touch the edges are taken, and those that go beyond are refused', () => {
  const packs = (x: number, y: number, width: number, height: number) =>
    packFrames([picture(5, 3)], [{ crop: { x, y, width, height }, flip: false }]).words.length;
  assert.equal([packs(0, 0, 5, 3), packs(4.5, 2.5, 0.5, 0.5)], [7, 7]);
  for (const crop of [[-1, 0, 2, 2], [0, -1, 2, 2], [0, 0, 0, 2], [0, 0, 2, 0], [1, 0, 5, 3], [0, 1, 5, 3], [0, 0, 6,
    3], [
    Number.NaN,
    0,
    2,
    2,
  ]] as const) {
    assert.throwsWith(() => packs(...crop as readonly [number, number, number, number]), { code: 'FL_FRAME' });
  }
  const cutTo = picture(40, 40, part(8, 8, 12, 12));
  const seen = (x: number) => packFrames([cutTo], [{ crop: part(x, 12, 4, 4), flip: false }], { size: 4 });
  assert.is(seen(12).table[5], 12);
  assert.throwsWith(() => seen(14), { code: 'FL_FRAME' },
    'packFrames: the view reads 12 × 12 at (10, 8) of frame 0, which was cut to 12 × 12 at (8, 8)');
  assert.throwsWith(() => packFrames([], []), { code: 'FL_SHAPE' });
  assert.throwsWith(() => packFrames([picture(2, 2)], []), { code: 'FL_SHAPE' });
  assert.throwsWith(
    () => packFrames([{ ...picture(3, 3), data: new Uint8Array(16) }], [{ crop: part(0, 0, 1, 1), flip: false }]),
    { code: 'FL_FRAME' },
  );
});

test.run();
