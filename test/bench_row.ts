import type { Row } from '../bench/kernels/row.ts';
import { spreadOf } from '../bench/statistics.ts';

/** A row of the benchmark that has so large a share of the roof. */
export const row = (name: string, share: number, changes: Partial<Row> = {}): Row => ({
  room: 'gelu',
  case: name,
  isWorkload: true,
  variant: 'only',
  direction: 'forward',
  type: 'f32',
  dispatches: 1,
  gpu: spreadOf([2e6, 3e6]),
  wall: spreadOf([4e6]),
  flops: 4e6,
  bytes: 2e6,
  minimumTimes: [2e6],
  roofs: { gflops: 1000, gbps: 1 / share, plainGbps: 1 },
  compile: 0,
  ...changes,
});
