/** Wrong copies of a JSON value: at each place, in turn, another type, or nothing. */
import * as assert from './assert.ts';
import { FirstlightError } from '../engine/errors.ts';

/**
 * What may stand in a file where something else is meant. `toString` makes of an object no text, and every object has a
 * `constructor`, by whichever name it is asked for.
 */
export const OTHERS: readonly unknown[] = [null, true, 0, -1, 0.5, 2 ** 40, 1e300, '', 'text', 'constructor', '\u0000',
  [], [null], [[0]], {}, { toString: 1 }, { length: 2 ** 32 }];

/** A copy, and where it differs. */
interface Mutation {
  readonly at: string;
  readonly value: unknown;
}

export function* mutationsOf(value: unknown, at = ''): Generator<Mutation, void, undefined> {
  for (const other of OTHERS) {
    if (other !== value) yield { at: `${at} = ${JSON.stringify(other)}`, value: other };
  }
  if (Array.isArray(value)) {
    // the first and the last stand for all
    for (const i of new Set([0, value.length - 1].filter((place) => place >= 0))) {
      for (const inner of mutationsOf(value[i], `${at}[${i}]`)) {
        yield { at: inner.at, value: value.map((each: unknown, place) => (place === i ? inner.value : each)) };
      }
    }
  } else if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value);
    for (const [name, own] of members) {
      yield { at: `${at}.${name} is missing`, value: Object.fromEntries(members.filter(([other]) => other !== name)) };
      for (const inner of mutationsOf(own, `${at}.${name}`)) {
        yield { at: inner.at, value: { ...value, [name]: inner.value } };
      }
    }
  }
}

/** Reads every wrong copy of a value. Each is taken, or refused by an error of ours; some must be refused. */
export function readAll(value: unknown, read: (value: unknown) => unknown): void {
  const untyped: string[] = [];
  let refused = 0;
  for (const { at, value: wrong } of mutationsOf(value)) {
    try {
      read(wrong);
    } catch (error) {
      if (error instanceof FirstlightError) refused++;
      else untyped.push(`${at}: ${String(error)}`);
    }
  }
  assert.equal(untyped, []);
  assert.ok(refused > 10, `only ${refused} were refused`);
}
