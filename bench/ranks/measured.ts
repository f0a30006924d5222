/** What the ranks' benchmark measures. Seconds are medians over rounds, of the slowest rank in each. */

/** A sum over all ranks, in the order of the tree and in MPI's own. */
export interface Exchange {
  readonly bytes: number;
  readonly tree: number;
  readonly library: number;
}

/** What a step of tiny has beside its computing, with nothing hidden. */
export interface StepParts {
  readonly bytes: number;
  readonly readback: number;
  readonly exchange: number;
  readonly upload: number;
}

/** Clips per second of one rank while the other ones wait, and of all. */
export interface Speed {
  readonly one: number;
  readonly all: number;
}

/** A step on a line that needs as long for the gradient as the backward pass takes. */
export interface Line {
  readonly backward: number;
  readonly exchange: number;
  /** Of a step whose exchange takes no time to speak of, and of one on that line. */
  readonly free: number;
  readonly limited: number;
}

export interface RanksData {
  readonly ranks: number;
  readonly library: string;
  readonly exchanges?: readonly Exchange[];
  readonly parts?: StepParts;
  readonly speed?: Speed;
  readonly line?: Line;
}

/** The share of an exchange that the backward pass hides. */
export const hiddenOf = ({ exchange, free, limited }: Line) => (free + exchange - limited) / exchange;
