/** Frames as a model is given them, for people to look at. */
import type { Gpu } from '../../engine/index.ts';
import type { FramesOptions } from '../../kernels/frames/index.ts';
import { pixelsOf } from '../data/views/pixels.ts';
import type { Frames } from '../report/data.ts';
import type { Clips } from './logits.ts';

/** Side of a picture, at most; a whole number of the model's pixels make one of its. */
const MOST_SIDE = 112;

/** The frames of a clip cut out, resized and in their order, before they are normalised. */
export async function framesSeen(gpu: Gpu, clip: Clips, input: FramesOptions): Promise<Frames> {
  const raw = { ...input, mean: [0, 0, 0], std: [1, 1, 1], type: 'f32' } as const;
  const pixels = gpu.scope(() => pixelsOf(gpu, clip, raw));
  try {
    return shrunk(await pixels.read(), clip.frames.length, input.size);
  } finally {
    pixels.dispose();
  }
}

/**
 * [count, 3, side, side] → RGB in bytes, each the mean of a square of pixels. What does not fill a square at the right
 * and at the bottom is left out.
 */
export function shrunk(values: Float32Array, count: number, side: number): Frames {
  const factor = Math.ceil(side / MOST_SIDE);
  const small = Math.floor(side / factor);
  const rgb = new Uint8Array(count * small * small * 3);
  for (let frame = 0; frame < count; frame++) {
    for (let channel = 0; channel < 3; channel++) {
      const plane = (frame * 3 + channel) * side * side;
      for (let y = 0; y < small; y++) {
        for (let x = 0; x < small; x++) {
          let sum = 0;
          for (let i = 0; i < factor * factor; i++) {
            sum += values[plane + (y * factor + Math.floor(i / factor)) * side + x * factor + (i % factor)];
          }
          const mean = Math.round(sum / factor ** 2);
          rgb[((frame * small + y) * small + x) * 3 + channel] = Math.min(255, Math.max(0, mean));
        }
      }
    }
  }
  return { width: small, height: small, count, rgb };
}
