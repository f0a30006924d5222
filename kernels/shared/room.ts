import type { AnyTensor, HostArrays, DType, Gpu, Kernel, Shape } from '../../engine/index.ts';

/** Work of one call: what a roofline needs. */
export interface Cost {
  readonly flops: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** Host data for one input of a case. */
export interface Input {
  readonly shape: Shape;
  readonly data: HostArrays[DType];
}

/** |got − want| ≤ atol + rtol · |want|, element by element; `why` says where the numbers come from. */
export interface Tolerance {
  readonly atol: number;
  readonly rtol: number;
  readonly why: string;
}

/** Inputs of a case in float64, flat, by name. */
export type Inputs64 = Readonly<Record<string, Float64Array>>;

/** One use of a room: the sweep tests check it on every variant, the benchmark times it. */
export interface Case {
  /** Says what is awkward about it: "a row longer than the workgroup". */
  readonly name: string;
  readonly inputs: Readonly<Record<string, Input>>;
  /** Inputs that get a gradient. Empty for what is not differentiated. */
  readonly wrt: readonly string[];
  /** The operation. The gradient is taken of the first output. */
  run(inputs: Readonly<Record<string, AnyTensor>>): readonly AnyTensor[];
  /** The outputs in float64, written to be read. */
  reference(inputs: Inputs64): readonly Float64Array[];
  /** The gradients of `wrt` in float64, from dy, the gradient of the first output. */
  gradient?(inputs: Inputs64, dy: Float64Array): Readonly<Record<string, Float64Array>>;
  readonly tolerance: Tolerance;
  readonly gradientTolerance?: Tolerance;
  /** Work of one forward call, and of one gradient. */
  readonly cost: Cost;
  readonly gradientCost?: Cost;
  /** Left out where the adapter is too small or slow for it; returns the reason. */
  skip?(gpu: Gpu): string | undefined;
}

/** What a kernel's folder offers to tests, benchmark and readers. */
export interface Room {
  readonly name: string;
  /** Kernels whose variants are swept; all of them run in each case. */
  readonly kernels: readonly Kernel[];
  readonly cases: readonly Case[];
}
