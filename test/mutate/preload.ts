/**
 * Read before a file of tests of a copy. `FIRSTLIGHT_ONLY` names the tests of it that run, by their numbers, all if it
 * is not set; `FIRSTLIGHT_MET` a file into which a line is written of each, and one of what its children met.
 */
import { appendFileSync } from 'node:fs';
import { around } from '../around.ts';
import { take } from './switch.mjs';

/** A line of it. A child's is an array of numbers alone. */
export interface Noted {
  /** Of the test; undefined: what was met between tests, by the file itself and by what runs before all. */
  readonly number?: number;
  readonly passed?: boolean;
  readonly seconds?: number;
  readonly met: readonly number[];
}

const { FIRSTLIGHT_ONLY, FIRSTLIGHT_MET } = process.env;
const only = FIRSTLIGHT_ONLY?.split(',').map(Number);

const note = (noted: Noted) => appendFileSync(FIRSTLIGHT_MET as string, `${JSON.stringify(noted)}\n`);

around.of = (body, number) => {
  if (only?.includes(number) === false) return undefined;
  if (FIRSTLIGHT_MET === undefined) return body;
  return async () => {
    note({ met: take() });
    const begun = performance.now();
    let passed = false;
    try {
      await body();
      passed = true;
    } finally {
      note({ number, passed, seconds: (performance.now() - begun) / 1000, met: take() });
    }
  };
};
