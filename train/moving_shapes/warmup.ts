/** Steps of the warm-up of a stage of so many. */
export const warmupOf = (steps: number): number => Math.min(50, Math.ceil(steps / 10));
