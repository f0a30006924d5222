/** What may become of the colours of a frame. Loads nothing, for whoever draws it. */

/** What colour jitter does to a frame. */
export const STEPS = ['brightness', 'contrast', 'saturation', 'hue'] as const;

/** What a jitter changes. */
export type Step = typeof STEPS[number];

/** Colour jitter of a frame. */
export interface Jitter {
  /** Factors, not negative; 1 changes nothing. */
  readonly brightness: number;
  readonly contrast: number;
  readonly saturation: number;
  /** Turns of the colour circle; 0 changes nothing. */
  readonly hue: number;
  /** Which step comes when. What is not in it is not done. */
  readonly order: readonly Step[];
}

/** What becomes of the colours of a frame. */
export interface Colouring {
  /** Omitted, there is none. */
  readonly jitter?: Jitter;
  /** Gray in the end. */
  readonly gray: boolean;
}
