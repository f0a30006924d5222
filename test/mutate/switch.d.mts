/** Whether a defect is on. */
export function $met(number: number): boolean;
/** The numbers of those that this process has met since it was asked last. */
export function take(): number[];
