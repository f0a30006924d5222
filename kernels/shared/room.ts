import type { AnyTensor, DType, FloatType, Context, HostArrays, Kernel, Shape } from '../../engine/index.ts';
import type { Cost } from './cost.ts';

/** Host data for one input of a case. */
export interface Input {
  readonly shape: Shape;
  readonly data: HostArrays[DType];
  /** Stays f32 when the others are stored as f16: moments, statistics, small tables. */
  readonly isWide?: boolean;
}

/** |got − want| ≤ atol + rtol · |want|, element by element; `why` says where the numbers come from. */
export interface Tolerance {
  readonly atol: number;
  readonly rtol: number;
  readonly why: string;
}

/**
 * Values that a result is the sum of and that were themselves made of stored f16: a derivative kept for the gradient, a
 * product summed later.
 */
export interface StoredSummands {
  /** Times that each was rounded on its way, the inputs of the case not counted: those are f16 to begin with. */
  readonly roundings: number;
  readonly count: number;
  /** Their size; that of the result if omitted, where there is one. */
  readonly scale?: number;
}

/** Inputs of a case in float64, flat, by name. */
export type Inputs64 = Readonly<Record<string, Float64Array>>;

/** One use of a room: the sweep tests check it on every variant, the benchmark times it. */
export interface Case {
  /** Says what is awkward about it: "a row longer than the workgroup". */
  readonly name: string;
  readonly inputs: Readonly<Record<string, Input>>;
  /** No input is of floating point: `type` alone says how the outputs are stored. */
  readonly takesType?: boolean;
  /** Inputs that get a gradient. Empty for what is not differentiated. */
  readonly wrt: readonly string[];
  /**
   * The operation. The gradient is taken of the first output.
   *
   * @param type how the inputs are stored; for operations whose inputs do not tell
   */
  run(inputs: Readonly<Record<string, AnyTensor>>, type: FloatType): readonly AnyTensor[];
  /** The outputs in float64, written to be read. */
  reference(inputs: Inputs64): readonly Float64Array[];
  /** The gradients of `wrt` in float64, from dy, the gradient of the first output. */
  gradient?(inputs: Inputs64, dy: Float64Array): Readonly<Record<string, Float64Array>>;
  readonly tolerance: Tolerance;
  readonly gradientTolerance?: Tolerance;
  /** What is stored as f16 on the way to the outputs, and to the gradients, beside themselves. */
  readonly stored?: StoredSummands;
  readonly gradientStored?: StoredSummands;
  /** The same of rungs on matrix units, whose operands are f16 even where other rungs keep numbers in registers. */
  readonly onMatrices?: Readonly<Record<'stored' | 'gradientStored', StoredSummands>>;
  /** Work of one forward call, by how its inputs are stored but for those that are wide. */
  cost(type: FloatType): Cost;
  /** Work of one gradient of all of `wrt`; required where that is not empty. */
  gradientCost?(type: FloatType): Cost;
  /** Left out where the adapter is too small or slow for it; returns the reason. */
  skip?(gpu: Context): string | undefined;
}

/** A case at a size that a model has. It is made when it is asked for, because its inputs take megabytes. */
export interface Workload {
  /** Model and sizes: "B/32: 400 × 768". */
  readonly name: string;
  /** Too much for a software adapter. */
  readonly needsHardware?: boolean;
  make(): Case;
}

/** What a kernel's folder offers to tests, benchmark and readers. */
export interface Room {
  readonly name: string;
  /** Kernels whose variants are swept; all of them run in each case. */
  readonly kernels: readonly Kernel[];
  readonly cases: readonly Case[];
  /** What the benchmark times and the tuner searches. */
  readonly workloads: readonly Workload[];
}
