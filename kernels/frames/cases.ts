import { Random, type Tensor } from '../../engine/index.ts';
import type { Case, Room } from '../shared/room.ts';
import { workload } from '../shared/workload.ts';
import { cost, frames, type FramesOptions, type I420Frame, kernels, packFrames, TABLE_COLUMNS,
  type View } from './index.ts';
import * as reference from './reference.ts';

/** Noise: every sample differs from its neighbours. */
function noise(width: number, height: number, matrix: I420Frame['matrix'], range: I420Frame['range']): I420Frame {
  const random = new Random(1, `${width} x ${height}`);
  const bytes = width * height + 2 * ((width + 1) >> 1) * ((height + 1) >> 1);
  return { width, height, data: Uint8Array.from({ length: bytes }, () => random.below(256)), matrix, range };
}

const whole = ({ width, height }: I420Frame, flip = false): View => ({ crop: { x: 0, y: 0, width, height }, flip });
/** CLIP's statistics. */
const clip = { mean: [122.77, 116.75, 104.09], std: [68.5, 66.63, 70.32] } as const;

function framesCase(name: string, pictures: readonly I420Frame[], views: readonly View[],
  options: FramesOptions): Case {
  const { words, table } = packFrames(pictures, views, options);
  return {
    name,
    inputs: { packed: { shape: [words.length], data: words },
      table: { shape: [pictures.length, TABLE_COLUMNS], data: table } },
    takesType: true,
    wrt: [],
    run: (t, type) => [frames(t.packed as Tensor<'u32'>, t.table as Tensor<'u32'>, { ...options, type })],
    reference: () => [reference.frames(pictures, views, options)],
    tolerance: { atol: 1e-3, rtol: 1e-6,
      why: 'a place in the picture is known to 1e-6 pixels, where neighbours differ by up to 255' },
    cost: (type) => cost(4 * (words.length + table.length), pictures.length * options.size ** 2, type),
  };
}

/** Each of another height. */
const tall = Array.from({ length: 14 }, (_, i) => noise(24, 41 + i, 'bt601', 'limited'));
const [odd, small, wide, dot, video] = [noise(13, 7, 'bt601', 'limited'), noise(8, 8, 'bt709', 'full'),
  noise(40, 22, 'bt709', 'limited'), noise(1, 1, 'bt601', 'full'), noise(320, 240, 'bt709', 'limited')];

export const room: Room = {
  name: 'frames',
  kernels,
  cases: [
    framesCase('frames of three sizes, odd ones among them, enlarged and reduced', [odd, small, wide], [whole(odd),
      whole(small, true), whole(wide)], { size: 11, ...clip }),
    framesCase('two crops of one frame, one of them mirrored, one between pixels', [wide, wide], [
      { crop: { x: 3, y: 1, width: 16, height: 16 }, flip: true },
      { crop: { x: 20.5, y: 2.25, width: 19.5, height: 18 }, flip: false },
    ], { size: 16, ...clip }),
    framesCase('many frames', Array(24).fill(small), Array.from({ length: 24 }, (_, i) => whole(small, i % 2 === 1)), {
      size: 8,
      ...clip,
    }),
    framesCase('many bytes', tall, tall.map((frame) => whole(frame)), { size: 4, ...clip }),
    framesCase('no resize: plain decoding', [small], [whole(small)], { size: 8, mean: [0, 0, 0], std: [1, 1, 1] }),
    ...(['antialiased_bilinear', 'antialiased_bicubic'] as const).flatMap((resampling) => [
      framesCase(`${resampling}: reduced to a fifth, enlarged, and squeezed`, [wide, small, odd], [whole(wide, true),
        whole(small), whole(odd)], { size: 11, ...clip, resampling }),
      framesCase(`${resampling}: a crop, whose edges show what lies beyond it`, [wide, wide], [
        { crop: { x: 3, y: 1, width: 16, height: 16 }, flip: true },
        { crop: { x: 20.5, y: 2.25, width: 19.5, height: 18 }, flip: false },
      ], { size: 6, ...clip, resampling }),
    ]),
    framesCase('one pixel, enlarged', [dot], [whole(dot)], { size: 3, ...clip }),
  ],
  workloads: [
    workload('8 frames of 320 × 240 to 224 × 224',
      (name) => framesCase(name, Array(8).fill(video), Array(8).fill(whole(video)), { size: 224, ...clip })),
    workload('8 frames of 320 × 240 to 224 × 224, antialiased bicubic',
      (name) =>
        framesCase(name, Array(8).fill(video), Array(8).fill(whole(video)), { size: 224, ...clip,
          resampling: 'antialiased_bicubic' })),
  ],
};
