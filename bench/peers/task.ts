/** One thing that Firstlight and its peers are asked to compute, on the same numbers. */
import type { Shape } from '../../engine/index.ts';

export interface Operand {
  readonly shape: Shape;
  readonly data: Float32Array;
}

export type Operands = Readonly<Record<string, Operand>>;
export type Operands64 = Readonly<Record<string, Float64Array>>;

/**
 * What is computed. Rows are the last dimension but one, D is the last.
 * - `matmul`: y = a·b
 * - `layernorm`: y = (x − mean)/√(var + 1e-5) · weight + bias, of rows
 * - `gelu`: y = x·Φ(x), with the error function
 * - `cross_entropy`: y = mean over rows of Σ target·(logSumExp(logits) − logits)
 * - `attention`: y = softmax(query·keyᵀ/√D)·value, [B, H, L, D]
 * - `convolution`: y = x * weight, [frames, H, W, C] by [O, k, k, C], k odd, with zeros around so that y is as large as
 *   x
 * - `adamw`: the first step of AdamW with `ADAMW`, of flat `values`, `m`, `v` and `grads`
 * - `block`: a pre-norm transformer block with QuickGELU, parameters as in `vit.ts`
 * - `vit`: training steps of a small vision transformer, one after another; `losses` are those of the first three
 */
export type Formula = 'matmul' | 'layernorm' | 'gelu' | 'cross_entropy' | 'attention' | 'convolution' | 'adamw'
  | 'block' | 'vit';

/**
 * `forward`: y alone. `gradient`: y, and from `dy` (of a loss: from 1) the gradient `d<name>` of each of `wrt`.
 * `update`: as the formula says.
 */
export type Direction = 'forward' | 'gradient' | 'update';

export interface Task {
  readonly name: string;
  readonly formula: Formula;
  readonly direction: Direction;
  /** Operands that get a gradient, in the order of `operands`. */
  readonly wrt: readonly string[];
  /** Heads of attention in `block` and `vit`. */
  readonly heads?: number;
  operands(): Operands;
  /** Outputs in float64, by name. */
  reference(operands: Operands64): Operands64;
}

/** A task on one library, its operands on the GPU. */
export interface Running {
  /** Computes it once; for `vit`: three steps. */
  outputs(): Promise<Readonly<Record<string, Float32Array>>>;
  /** Computes it `calls` times, one after another, and resolves when the GPU is done. Results stay there. */
  round(calls: number): Promise<void>;
}

/** Of [frames, H, W, C] and [O, kernel, kernel, C], the axes as a library has them, one after another. */
export interface Layout {
  /** Of x, y and their gradients. */
  readonly picture: readonly number[];
  /** Of the weight and its gradient. */
  readonly weight: readonly number[];
}

/** A library, inside the process that it has to itself. */
export interface Peer {
  /** Of a library that is not ours, with what it computes by if that differs from machine to machine. */
  version?(): Promise<string>;
  /** How it has the axes of a convolution, if not as the task has them. */
  readonly layout?: Layout;
  /** How it can do a task, the best way first; empty if it cannot. */
  ways(task: Task): readonly string[];
  prepare(task: Task, way: string): Promise<Running>;
}

/** Settings of every AdamW here. */
export const ADAMW = { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 } as const;

/** Steps of `vit` whose losses are checked. */
export const CHECKED_STEPS = 3;
