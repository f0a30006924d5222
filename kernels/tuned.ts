/**
 * Candidates that were measured on known machines, shipped beside the kernels; `npm run tune` adds the machine at hand.
 */
import { isSameMachine, type Machine, parseTunings, part, type Tuning } from '../engine/index.ts';

const { text, file } = await part(import.meta.url, './tuned.json');
const tunings = parseTunings(text, file);

/** What was measured on this machine; none if it, its driver or Dawn is another: kernels then run untuned. */
export function tuned(machine: Machine): Tuning | undefined {
  return tunings.find((tuning) => isSameMachine(tuning, machine));
}
