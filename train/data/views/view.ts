import type { Coloured } from './colours.ts';

/** A source of chance, such as `Random` of the engine. */
export interface Draws {
  /** Uniform in [0, 1). */
  next(): number;
  /** A whole number in [0, n). */
  below(n: number): number;
}

/** A part of a picture, in pixels of the source; sides may lie between pixels. */
export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** One look at a video: frames, and of each the same rectangle, to be resized to the model's input. */
export interface View extends Coloured {
  /** Indices in the order of presentation. */
  readonly frames: readonly number[];
  readonly crop: Rectangle;
  /** Mirrored left to right. */
  readonly flip: boolean;
}
