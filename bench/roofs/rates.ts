/** Rates of an adapter, and what they leave of a kernel's time. */
import type { FloatType } from '../../engine/index.ts';
import { digits } from '../../train/log/table.ts';

/** Rates of one adapter: bytes and operations per nanosecond. */
export interface Roofs {
  /** Read and written by a copy of f32. */
  readonly gbps: number;
  /**
   * By a copy that gives each lane one vector of four, which is how copies are written for GPUs; the same there, less
   * where starting a lane costs.
   */
  readonly plainGbps: number;
  readonly gflops: number;
  /** Arithmetic in f16; undefined without `shader-f16`. */
  readonly halfGflops?: number;
  /** f16 products added up in f32 by matrix units; undefined where the adapter offers none. */
  readonly matrixGflops?: number;
  /** f32 products by matrix units, where they add up in f32 nothing else; they then take f16 as well. */
  readonly wideMatrixGflops?: number;
  /**
   * On a software adapter: f32 by the fused instructions of the processor: what its shader compiler could reach; see
   * processor.ts.
   */
  readonly processorGflops?: number;
}

/** What copies, f32 and matrix units reach right now. */
export type Control = Pick<Roofs, 'gbps' | 'plainGbps' | 'gflops' | 'matrixGflops' | 'wideMatrixGflops'>;

/**
 * Operations a nanosecond that kernels on tensors so stored could reach: on matrix units where they multiply what is
 * stored so, and as f32 elsewhere.
 */
export function arithmeticRoof({ gflops, matrixGflops = 0, wideMatrixGflops = 0 }: Control, stored: FloatType): number {
  return Math.max(gflops, wideMatrixGflops, stored === 'f16' ? matrixGflops : 0);
}

/** The roofs in a line. */
export function roofsText(
  { gbps, plainGbps, gflops, halfGflops, matrixGflops, wideMatrixGflops, processorGflops }: Roofs,
): string {
  const rate = (what: string,
    value: number | undefined) => (value === undefined ? [] : [`${what} ${digits(value)} GFLOP/s`]);
  return [
    `copy ${digits(gbps)} GB/s (${digits(plainGbps)} with a vector a lane)`,
    ...rate('f32', gflops),
    ...(halfGflops === undefined ? ['no f16'] : rate('f16', halfGflops)),
    ...(matrixGflops === undefined && wideMatrixGflops === undefined ? ['no matrix units'] : []),
    ...rate('matrix units', matrixGflops),
    ...rate('matrix units of f32', wideMatrixGflops),
    ...rate('fused on the processor', processorGflops),
  ].join(', ');
}

/** The larger of each rate. */
export function highest<T extends Control>(a: T, b: T): T {
  return Object.fromEntries(
    Object.entries(b).map(([name, rate]) => [name, Math.max(rate, (a as Roofs)[name as keyof Roofs] ?? 0)]),
  ) as unknown as T;
}

/**
 * Nanoseconds that the work would take if nothing but the roofs were in its way. Williams et al. 2009, the roofline
 * model.
 */
export function leastNanoseconds({ flops, bytes }: { readonly flops: number; readonly bytes: number },
  { gflops, gbps }: Pick<Roofs, 'gflops' | 'gbps'>): number {
  return Math.max(flops / gflops, bytes / gbps);
}
