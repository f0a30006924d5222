/** How long a step takes on several ranks, from what was measured on one: before there is a second card. */

import { BUCKET_BYTES } from './fellows.ts';

/** Bytes of sums that a host adds in a second: `MPI_Reduce_local`, on two cores of a server. */
const ADDED_PER_SECOND = 4e9;
/** Of the time of a micro-batch: what a backward pass takes, two products for each of the forward pass. */
const BACKWARD = { kept: 2 / 3, recomputed: 3 / 4 } as const;

/** A step, as one device alone makes it. */
export interface PlannedStep {
  /** Clips of a step, all micro-batches of it. */
  readonly clips: number;
  /** Clips of a micro-batch. */
  readonly batch: number;
  readonly recompute: boolean;
  /** Losses and gradients of all micro-batches. */
  readonly computeSeconds: number;
  /** Norm, clipping and update, which every rank does for all parameters. */
  readonly updateSeconds: number;
  readonly gradientBytes: number;
  /** For a byte that comes from the GPU, and goes back. */
  readonly copySecondsPerByte: number;
}

/** What a step takes on so many ranks, in seconds. */
export interface ScaledStep {
  readonly ranks: number;
  /** Micro-batches that each rank has, and clips in each. */
  readonly microBatches: number;
  readonly batch: number;
  readonly compute: number;
  readonly update: number;
  readonly copies: number;
  readonly wire: number;
  /** Of copies and wire: what passes during the backward pass. */
  readonly hidden: number;
  readonly seconds: number;
  /** Of so many times the speed of one rank, the share that is reached. */
  readonly efficiency: number;
}

/**
 * seconds(R) = compute / R + update + copies + wire − hidden, where of a gradient of g bytes
 *
 *   copies = g · (from the GPU and back) + (R − 1)/R · g / (bytes added in a second)
 *   wire   = 2 (R − 1)/R · g / (bytes of a line in a second): what a ring sends, and what all-to-all and all-gather do
 *   hidden = (1 − 1/B) · min(copies + wire, backward pass of a rank's last micro-batch), for B buckets: the last one is
 *            made with the last gradient
 *
 * and both are 0 for one rank. Ranks of one host share its line.
 *
 * @param ranks divides the clips of a step  @param bytesPerSecond of the line that a rank has, in each direction
 */
export function scaledStep(step: PlannedStep, ranks: number, bytesPerSecond: number): ScaledStep {
  const { batch, microBatches } = sharedOut(step, ranks);
  const compute = step.computeSeconds / ranks;
  const others = (ranks - 1) / ranks;
  const bytes = step.gradientBytes;
  const copies = ranks === 1 ? 0 : bytes * (step.copySecondsPerByte + others / ADDED_PER_SECOND);
  const wire = (2 * others * bytes) / bytesPerSecond;
  const backward = (BACKWARD[step.recompute ? 'recomputed' : 'kept'] * compute) / microBatches;
  const buckets = Math.ceil(bytes / BUCKET_BYTES);
  const hidden = (1 - 1 / buckets) * Math.min(copies + wire, backward);
  const seconds = compute + step.updateSeconds + copies + wire - hidden;
  return { ranks, microBatches, batch, compute, update: step.updateSeconds, copies, wire, hidden, seconds,
    efficiency: (step.computeSeconds + step.updateSeconds) / (ranks * seconds) };
}

/** Micro-batches of each rank: as large as one device has them, or smaller ones if there are too few. */
function sharedOut({ clips, batch }: PlannedStep, ranks: number): Pick<ScaledStep, 'batch' | 'microBatches'> {
  const own = clips / ranks;
  for (let size = Math.min(batch, own);; size--) {
    if (own % size === 0) return { batch: size, microBatches: own / size };
  }
}

/** Numbers of ranks that can have as many clips of a step each, up to one clip each. */
export const numbersOfRanks = ({ clips }: Pick<PlannedStep, 'clips'>): readonly number[] =>
  Array.from({ length: clips }, (_, i) => i + 1).filter((ranks) => clips % ranks === 0);
