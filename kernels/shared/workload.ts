import type { Case, Workload } from './room.ts';

/** A case at a size that a model has, under its name. */
export function workload(name: string, make: (name: string) => Case): Workload {
  return { name, make: () => ({ ...make(name), name }) };
}
