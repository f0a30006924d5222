/** What a call costs at least, for the roofline of the benchmark. Williams et al. 2009. */

/**
 * Work of one call: what the operation needs, however a kernel goes about it. Every tensor at its edge moves once. An
 * operand is read once, be it by several dispatches, and a result is written once. What the forward pass keeps for the
 * gradient counts as a result of the one and as an operand of the other. What lives between two dispatches of one call
 * does not count, nor what WebGPU copies or clears outside of a dispatch.
 */
export interface Cost {
  /** Operations on floating-point numbers; a product and its sum are two. */
  readonly flops: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** Of calls one after another. */
export function together(...costs: readonly Cost[]): Cost {
  const sum = (of: (cost: Cost) => number) => costs.reduce((total, cost) => total + of(cost), 0);
  return { flops: sum((cost) => cost.flops), bytesRead: sum((cost) => cost.bytesRead),
    bytesWritten: sum((cost) => cost.bytesWritten) };
}
