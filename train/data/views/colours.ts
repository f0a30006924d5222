import type { Random } from '../../../engine/random.ts';
import { type Colouring, type Jitter, STEPS } from '../../../kernels/colour/colouring.ts';

/**
 * Which training clips change their colours, and how: the official recipe's `ColorJitter` and `GrayScale`, X-CLIP's
 * `datasets/pipeline.py`. Kernels do the colouring.
 */

/** Shares of the training clips. */
export interface ColourShares {
  /** With colour jitter. */
  readonly jitter: number;
  /** Turned gray. */
  readonly gray: number;
}

/** Of a clip. */
export interface Coloured {
  /** [T] what becomes of the colours of each frame; omitted, nothing. */
  readonly colours?: readonly Colouring[];
}

/** How far factors go from 1, and hues from 0. */
const REACH = { brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1 } as const;

/**
 * Draws for a clip whether there is jitter and whether it is gray; and for each of its frames anew, as the recipe does,
 * how much of each step and in which order. Undefined where nothing changes.
 */
export function drawColours(frames: number, { jitter, gray }: ColourShares, random: Random): Colouring[] | undefined {
  const isJittered = random.next() < jitter;
  const isGray = random.next() < gray;
  if (!isJittered && !isGray) return undefined;
  return Array.from({ length: frames }, () => ({ gray: isGray, ...(isJittered && { jitter: drawJitter(random) }) }));
}

function drawJitter(random: Random): Jitter {
  const around = (centre: number, reach: number) => centre + reach * (2 * random.next() - 1);
  return {
    brightness: around(1, REACH.brightness),
    contrast: around(1, REACH.contrast),
    saturation: around(1, REACH.saturation),
    hue: around(0, REACH.hue),
    order: Array.from(random.permutation(STEPS.length), (i) => STEPS[i]),
  };
}
