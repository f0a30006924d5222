/** A profile, kernel by kernel, and the rooms that they belong to. */
import type { KernelTime } from '../engine/index.ts';
import { rooms } from '../kernels/index.ts';
import { digits, markdownTable, percent } from '../train/log/table.ts';

/** A kernel's part of a pass: `share` of the time of all. */
export interface KernelShare {
  readonly kernel: string;
  readonly dispatches: number;
  readonly nanoseconds: number;
  readonly share: number;
}

/**
 * The room that a kernel belongs to; undefined for the engine's own. `kernel` is as profiles name it:
 * `gelu.vec4.quick_gelu.only`.
 */
export function roomOf(kernel: string): string | undefined {
  return rooms.find(({ kernels }) => kernels.some(({ name }) => kernel.startsWith(`${name}.`)))?.name;
}

/** The page of a kernel's room. */
export function pageOf(kernel: string): string {
  const room = roomOf(kernel);
  return room === undefined ? '[engine](../engine/README.md)' : `[${room}](../kernels/${room}/README.md)`;
}

/** The kernels of a profile, those first that take most. */
export function sharesOf(times: readonly KernelTime[]): readonly KernelShare[] {
  const byKernel = new Map<string, { dispatches: number; nanoseconds: number }>();
  for (const { kernel, nanoseconds } of times) {
    const { dispatches, nanoseconds: before } = byKernel.get(kernel) ?? { dispatches: 0, nanoseconds: 0 };
    byKernel.set(kernel, { dispatches: dispatches + 1, nanoseconds: before + nanoseconds });
  }
  const total = times.reduce((sum, { nanoseconds }) => sum + nanoseconds, 0);
  const shares = [...byKernel].map(([kernel, one]) => ({ kernel, ...one, share: one.nanoseconds / total }));
  return shares.sort((a, b) => b.nanoseconds - a.nanoseconds);
}

/** The same as a table. */
export function kernelShareTable(shares: readonly KernelShare[]): string {
  const lines = shares.map((
    { kernel, dispatches, nanoseconds, share },
  ) => [kernel, pageOf(kernel), String(dispatches), digits(nanoseconds / 1e6), percent(share)]);
  return markdownTable(['kernel', 'room', 'dispatches', 'ms', 'share'], lines);
}
