/** A training step of one size. */
export interface GrowthPoint {
  /** What there is more of, and how much of it. */
  readonly axis: string;
  readonly count: number;
  /**
   * Milliseconds of the tiny model, the fastest of a few runs; of the processor on a software adapter. Undefined where
   * it was not run.
   */
  readonly milliseconds?: number;
  /** Bytes of activations, and of everything, as estimated: of the tiny model, and of B/16. */
  readonly stepBytes: number;
  readonly bytes: number;
  readonly largeBytes: number;
  /** Multiply-adds of products, of both. */
  readonly macs: number;
  readonly largeMacs: number;
}

/** What the file of results holds. */
export interface GrowthResults {
  readonly points: readonly GrowthPoint[];
}
