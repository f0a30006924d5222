/** What was measured of a kernel, and what follows from it. */
import type { FloatType } from '../../engine/index.ts';
import { type Control, leastNanoseconds } from '../roofs/rates.ts';
import type { Spread } from '../statistics.ts';
import type { Direction } from './prepared.ts';

/** One line of the table: what a room × case dispatches in one variant and one direction, and in no other. */
export interface Row {
  readonly room: string;
  readonly case: string;
  readonly isWorkload: boolean;
  /** As it was dispatched; `only` where the kernels have no variants. */
  readonly variant: string;
  readonly direction: Direction;
  readonly type: FloatType;
  readonly dispatches: number;
  /** Nanoseconds of all dispatches on the GPU, by the clock of the run. */
  readonly gpu: Spread;
  /** Nanoseconds from the call until the results were back on the host. */
  readonly wall: Spread;
  /** Operations, and bytes that must be read or written. */
  readonly flops: number;
  readonly bytes: number;
  /** The least GPU time of each round, in nanoseconds. */
  readonly minimumTimes: readonly number[];
  /**
   * The most that copies and arithmetic reached between the rounds; on matrix units, if they multiply what is stored
   * so.
   */
  readonly roofs: Control;
  /**
   * Nanoseconds of the first call over the median of the later ones: compiling, as far as no cache knew the program.
   */
  readonly compile: number;
}

export const gflopsOf = ({ flops, gpu }: Row) => flops / gpu.median;
export const gbpsOf = ({ bytes, gpu }: Row) => bytes / gpu.median;

/** Nanoseconds: the least that was seen. Noise only ever adds time. */
export const minimumTimeOf = ({ minimumTimes }: Row) => Math.min(...minimumTimes);

/** The time that the roofs leave, over the minimum time. */
export function shareOf(row: Row): number {
  return leastNanoseconds(row, row.roofs) / minimumTimeOf(row);
}

/** Bytes a second at the minimum time, over those of a copy that gives each lane one vector. */
export function plainShareOf(row: Row): number {
  return row.bytes / minimumTimeOf(row) / row.roofs.plainGbps;
}

/** What bounds it, by the roofs. */
export function boundOf({ flops, bytes, roofs }: Row): 'arithmetic' | 'memory' {
  return flops / roofs.gflops > bytes / roofs.gbps ? 'arithmetic' : 'memory';
}
