/**
 * What the test calls in the page: `await firstlight.sweep('gelu')`. Everything it gives back can be written as JSON.
 */
import { sweepRoom } from './rooms.ts';

const firstlight = {
  sweep: sweepRoom,
  /** Loaded on demand, so that a defect of the model does not hide the kernels' results. */
  train: async (isCaptured: boolean) => (await import('./training.ts')).train(isCaptured),
};

export type Firstlight = typeof firstlight;

Object.assign(globalThis, { firstlight });
