import { bytesOf, type FloatType } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/** What a call works on: `patches` of 3p² `elements` each, projected to `width`. */
export interface PatchifySize {
  readonly patches: number;
  readonly elements: number;
  readonly width: number;
}

/** Work of one forward call. */
export function cost({ patches, elements, width }: PatchifySize, type: FloatType): Cost {
  return {
    flops: 2 * patches * elements * width,
    bytesRead: bytesOf(type, (patches + width) * elements),
    bytesWritten: bytesOf(type, patches * width),
  };
}

/** Work of the gradients of the weight, which reads the pixels, and of the pixels, which reads the weight. */
export function gradientCost({ patches, elements, width }: PatchifySize, wrt: readonly string[],
  type: FloatType): Cost {
  const [dpixels, dweight] = ['pixels', 'weight'].map((name) => (wrt.includes(name) ? 1 : 0));
  return {
    flops: 2 * (dpixels + dweight) * patches * elements * width,
    bytesRead: bytesOf(type, patches * width + (dweight * patches + dpixels * width) * elements),
    bytesWritten: bytesOf(type, (dpixels * patches + dweight * width) * elements),
  };
}
