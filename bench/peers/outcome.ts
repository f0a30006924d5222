/** What became of a task on each library, and what follows from it: pure numbers, no GPU. */
import { geometricMean, type Spread } from '../statistics.ts';
import type { Direction } from './task.ts';

/** The measurement itself: it takes part in every task. */
export const OURS = 'Firstlight';
/** Libraries that train: what Firstlight is compared with. */
export const TRAINING_PEERS = ['TensorFlow.js', 'jax-js'] as const;
export const PEERS = [OURS, ...TRAINING_PEERS, 'ONNX Runtime'] as const;
/** Libraries on the processor itself, on one thread and on as many as they take: what WebGPU costs there. */
export const ON_PROCESSOR = ['ONNX Runtime CPU, 1 thread', 'ONNX Runtime CPU', 'PyTorch CPU, 1 thread',
  'PyTorch CPU'] as const;
export type PeerName = (typeof PEERS)[number] | (typeof ON_PROCESSOR)[number];

/** One library on one task. */
export interface Outcome {
  readonly task: string;
  readonly direction: Direction;
  readonly peer: PeerName;
  /** How it was done: `jit`, `eager`, the name of a fused operator. */
  readonly way?: string;
  /** Milliseconds of a call. Missing if it was not timed. */
  readonly milliseconds?: Spread;
  /** Milliseconds of the first call, with its shaders compiled and its results read back. */
  readonly firstCall?: number;
  /** The largest distance of an output from float64, by its largest element. */
  readonly error?: number;
  /** Ways that gave wrong results or failed, and why nothing was timed if nothing was. */
  readonly trouble: readonly string[];
}

/**
 * Beyond this share of the largest element, a result is wrong: f32 stays a hundred times below it in every task here.
 */
export const LIMIT = 1e-4;

/**
 * The largest distance between two arrays, by the largest element of `want`; infinite where `got` is not a number or of
 * another size.
 */
export function distance(got: ArrayLike<number>, want: Float64Array): number {
  if (got.length !== want.length) return Number.POSITIVE_INFINITY;
  let [most, largest] = [0, 0];
  for (let i = 0; i < want.length; i++) {
    const apart = Math.abs(got[i] - want[i]);
    if (!(apart <= most)) most = Number.isNaN(apart) ? Number.POSITIVE_INFINITY : apart;
    largest = Math.max(largest, Math.abs(want[i]));
  }
  return most === 0 ? 0 : most / largest;
}

/** The largest distance of all outputs; a missing one is infinitely far away. */
export function errorOf(outputs: Readonly<Record<string, ArrayLike<number>>>,
  reference: Readonly<Record<string, Float64Array>>): number {
  return Math.max(...Object.entries(reference).map(([name, want]) => distance(outputs[name] ?? [], want)));
}

/** Time of the best training peer over Firstlight's; undefined where either was not timed. */
export function advantage(outcomes: readonly Outcome[], task: string): { readonly peer: PeerName;
  readonly ratio: number } | undefined {
  const timed = outcomes.filter((one) =>
    one.task === task && one.milliseconds !== undefined
  ) as (Outcome & { readonly milliseconds: Spread })[];
  const ours = timed.find(({ peer }) => peer === OURS);
  const [best] = timed.filter(({ peer }) => (TRAINING_PEERS as readonly string[]).includes(peer)).sort((a, b) =>
    a.milliseconds.median - b.milliseconds.median
  );
  return ours === undefined || best === undefined
    ? undefined
    : { peer: best.peer, ratio: best.milliseconds.median / ours.milliseconds.median };
}

/** The geometric mean of the advantages, the least of them, and the tasks without one. */
export function summary(outcomes: readonly Outcome[], tasks: readonly string[]): { readonly mean: number;
  readonly least: number; readonly missing: readonly string[] } | undefined {
  const found = tasks.map((task) => advantage(outcomes, task)?.ratio);
  const ratios = found.filter((ratio) => ratio !== undefined);
  if (ratios.length === 0) return undefined;
  return { mean: geometricMean(ratios), least: Math.min(...ratios),
    missing: tasks.filter((_, i) => found[i] === undefined) };
}
