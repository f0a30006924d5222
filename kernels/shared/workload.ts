import type { Context } from '../../engine/index.ts';
import type { Case, Room, Workload } from './room.ts';

/** A case at a size that a model has, under its name. */
export function workload(name: string, make: (name: string) => Case): Workload {
  return { name, make: () => ({ ...make(name), name }) };
}

/** The same, at a size that keeps a hardware GPU busy and would keep a processor busy for minutes. */
export function largeWorkload(name: string, make: (name: string) => Case): Workload {
  return { ...workload(name, make), needsHardware: true };
}

/** Workloads of a room that are for this kind of adapter. */
export function workloadsFor(gpu: Context, { workloads }: Room): readonly Workload[] {
  return workloads.filter(({ needsHardware = false }) => gpu.kind === 'hardware' || !needsHardware);
}
