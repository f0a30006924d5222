import type { Tensor } from '../../engine/index.ts';
import type { Windows } from '../shared/windows.ts';

/** A convolution's sizes. */
export interface Sizes {
  readonly windows: Windows;
  readonly groups: number;
  /** Channels of x, and of y, in a group. */
  readonly inner: number;
  readonly outer: number;
}

/** What happens to sums before they are stored: relu(sum + bias + residual). */
export interface Epilogue {
  readonly bias?: Tensor;
  /** Shaped as the result. */
  readonly residual?: Tensor;
  readonly relu?: boolean;
}
