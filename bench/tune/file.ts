/** The file of tunings: what was found is put beside what stands there. */
import { FirstlightError, isSameMachine, type Machine, type TunedCandidate, type Tuning,
  untunable } from '../../engine/index.ts';
import type { Finding } from './classes.ts';

/**
 * Throws where what is found could not be told from what another machine or driver finds: nothing is measured then, and
 * nothing stored.
 */
export function requireTunable(adapter: string, machine: Machine): void {
  const why = untunable(machine);
  if (why !== undefined) {
    throw new FirstlightError('FL_TUNING', `${adapter} cannot be tuned, and nothing is stored: ${why}`, { ...machine },
      'use a driver that says what it is');
  }
}

/**
 * The tunings with new findings of a machine. A class keeps its place among those of its kernel; candidates of an older
 * source go.
 */
export function withFindings(tunings: readonly Tuning[], { adapter, driver, dawn }: Machine,
  findings: readonly Finding[]): Tuning[] {
  const machine = { adapter, driver, dawn };
  const kernels: Record<string, Tuning['kernels'][string]> = {
    ...tunings.find((tuning) => isSameMachine(tuning, machine))?.kernels,
  };
  for (const { kernel, fingerprint, callClass, best, gain } of findings) {
    const before = kernels[kernel]?.source === fingerprint ? kernels[kernel].candidates : {};
    const candidate: TunedCandidate = { ...best, gain: Number(gain.toFixed(3)) };
    kernels[kernel] = { source: fingerprint, candidates: { ...before, [callClass]: candidate } };
  }
  return [...tunings.filter((tuning) => !isSameMachine(tuning, machine)), { ...machine, kernels }];
}

/** Readable JSON: a line for each class of calls. */
export function tuningsText(tunings: readonly Tuning[]): string {
  return `[\n${tunings.map(tuningText).join(',\n')}\n]\n`;
}

function tuningText({ adapter, driver, dawn, kernels }: Tuning): string {
  const machine = Object.entries({ adapter, driver, dawn }).map(([key, value]) =>
    `    "${key}": ${JSON.stringify(value)},`
  );
  const entries = Object.entries(kernels).sort(([a], [b]) => (a < b ? -1 : 1)).map(
    ([kernel, { source, candidates }]) => {
      const lines = Object.entries(candidates).map(([callClass, candidate]) =>
        `        ${JSON.stringify(callClass)}: ${spaced(candidate)}`
      );
      return `      ${JSON.stringify(kernel)}: { "source": ${JSON.stringify(source)}, "candidates": {\n${
        lines.join(',\n')
      }\n      } }`;
    },
  );
  return `  {\n${machine.join('\n')}\n    "kernels": {\n${entries.join(',\n')}\n    }\n  }`;
}

const spaced = (value: object) =>
  JSON.stringify(value).replace(/[,:{]/g, '$& ').replaceAll('}', ' }').replaceAll('{  }', '{}');
