/** Every class and every caption of *Moving shapes* is drawn as ever: results of other versions stay comparable. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { crc32 } from '../engine/crc32.ts';
import { Random } from '../engine/random.ts';
import { CAPTIONS, CLASS_NAMES, combinationOf, drawClip, drawStill, familyOf, isUnseen, reversed,
  SIDE } from '../train/moving_shapes/scenes.ts';
import { paint, SHAPES } from '../train/moving_shapes/shapes.ts';

const sum = (pictures: readonly Uint8Array[]) => crc32(Buffer.concat(pictures)).toString(16);

test('all clips and all stills have the same pixels as ever', () => {
  const clips = CLASS_NAMES.flatMap((_, id) => drawClip(new Random(2, `clip ${id}`), id));
  assert.equal([clips.length, clips[0].length, sum(clips)], [144 * 8, 3 * SIDE ** 2, 'e6224aff']);
  assert.is(sum(CAPTIONS.map((_, caption) => drawStill(new Random(2, `still ${caption}`), caption))), '735a8716');
});

test('classes, captions and their families are called and told apart as ever', () => {
  const texts = (values: readonly unknown[]) => sum([Buffer.from(values.join('\n'))]);
  assert.equal([CLASS_NAMES.length, texts(CLASS_NAMES), CAPTIONS.length, texts(CAPTIONS)], [144, '8b2a1951', 432,
    '226f2574']);
  const ids = CLASS_NAMES.map((_, id) => id);
  assert.is(texts(ids.map((id) => JSON.stringify([combinationOf(id), reversed(id), isUnseen(id)]))), '5609c493');
  assert.is(texts(CAPTIONS.map((_, caption) => familyOf(caption))), 'a641937e');
});

test('shapes cover pixels up to their edges, inside of the picture and beside it', () => {
  const covered = (x: number, y: number, radius: number) =>
    SHAPES.map((shape) => {
      const canvas = { side: 9, rgb: new Float32Array(3 * 81) };
      paint(canvas, shape, { x, y, radius }, [255, 255, 255]);
      return sum([Uint8Array.from(canvas.rgb)]);
    });
  assert.equal([covered(4.5, 4.5, 3), covered(0, 8.2, 2.5), covered(-9, 4, 3), covered(9, 0, 1)], [['e664e12a',
    '260ddc50', '200f381d', '3c1d61b'], ['31089fb2', '7ccc8058', 'b8789eb0', 'fdd2ae7b'], ['2a7c74ef', '2a7c74ef',
    '2a7c74ef', '2a7c74ef'], ['1b12d4c3', '4b377452', '76f38f19', '40e9d3f2']]);
});

test.run();
