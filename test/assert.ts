/**
 * The assertions of tests: uvu's, each counted, so that `test` sees a body that asserts nothing; and, in place of uvu's
 * `throws`, which takes a text for a label and then checks nothing, `throwsWith` and `rejectsWith`.
 */
import * as uvu from 'uvu/assert';
import { asserted } from './asserted.ts';

export function ok(actual: unknown, message?: string): asserts actual {
  asserted();
  uvu.ok(actual, message);
}

/** The very same value. */
export function is(actual: unknown, expected: unknown, message?: string): void {
  asserted();
  uvu.is(actual, expected, message);
}

is.not = (actual: unknown, expected: unknown, message?: string): void => {
  asserted();
  uvu.is.not(actual, expected, message);
};

/** Lines of a difference that are shown: frames of a video have a hundred thousand. */
const MOST_LINES = 200;

/** Equal all the way down, types of arrays too. */
export function equal(actual: unknown, expected: unknown, message?: string): void {
  asserted();
  try {
    uvu.equal(actual, expected, message);
  } catch (error) {
    if (error instanceof uvu.Assertion && typeof error.details === 'string') {
      const lines = error.details.split('\n');
      if (lines.length > MOST_LINES) {
        error.details = [...lines.slice(0, MOST_LINES), `… and ${lines.length - MOST_LINES} lines more`].join('\n');
      }
    }
    throw error;
  }
}

export function instance(actual: unknown, expected: unknown, message?: string): void {
  asserted();
  uvu.instance(actual, expected, message);
}

/** A text that holds another, or that an expression fits. What every text holds, and what none can fail, is refused. */
export function match(actual: string, expected: string | RegExp, message?: string): void {
  if (isInAnything(expected)) throw new Error(`every text matches ${String(expected) || 'an empty text'}`);
  asserted();
  uvu.match(actual, expected, message);
}

export function unreachable(message?: string): never {
  uvu.unreachable(message);
  throw new Error('uvu.unreachable returned');
}

export function not(actual: unknown, message?: string): void {
  asserted();
  uvu.not(actual, message);
}

not.ok = not;

not.instance = (actual: unknown, expected: unknown, message?: string): void => {
  asserted();
  uvu.not.instance(actual, expected, message);
};

not.equal = (actual: unknown, expected: unknown, message?: string): void => {
  asserted();
  uvu.not.equal(actual, expected, message);
};

not.match = (actual: string, expected: string | RegExp, message?: string): void => {
  asserted();
  uvu.not.match(actual, expected, message);
};

/** Whether an expectation says nothing: it is met by the empty text and by one that nobody would write. */
function isInAnything(expected: string | RegExp): boolean {
  return fits('', expected) && fits('\u0001 nobody writes this \u0001', expected);
}

const fits = (text: string,
  expected: string | RegExp) => (typeof expected === 'string' ? text.includes(expected) : text.search(expected) >= 0);

/** What tests look at of an error. */
export interface Thrown extends Error {
  readonly code?: string;
  readonly hint?: string;
}

type ErrorClass<E extends Error> = abstract new(...args: never[]) => E;

/**
 * What an error must be: its whole message, what its message must fit, its class, or its code and its hint, told like
 * the message.
 */
export type Expected<E extends Error> = string | RegExp | ErrorClass<E> | { readonly code?: string;
  readonly hint?: string | RegExp };

/** Calls `run`, which must throw an error that is all that is expected, and returns the error. */
export function throwsWith<E extends Error = Thrown>(run: () => unknown,
  ...expected: readonly [Expected<E>, ...Expected<E>[]]): E {
  let result: unknown;
  try {
    result = run();
  } catch (error) {
    return checked<E>(error, expected);
  }
  // nobody would wait for it
  if (result instanceof Promise) result.catch(() => undefined);
  return fail(
    `expected an error, ${
      result instanceof Promise ? 'got a promise: rejectsWith waits for one' : 'none was thrown'
    }; wanted ${describe(expected)}`,
  );
}

/**
 * Awaits a promise, or what `run` gives, which must reject with, or throw, an error that is all that is expected;
 * returns the error.
 */
export async function rejectsWith<E extends Error = Thrown>(run: Promise<unknown> | (() => unknown),
  ...expected: readonly [Expected<E>, ...Expected<E>[]]): Promise<E> {
  try {
    await (typeof run === 'function' ? run() : run);
  } catch (error) {
    return checked<E>(error, expected);
  }
  return fail(`expected an error, none came; wanted ${describe(expected)}`);
}

function checked<E extends Error>(error: unknown, expected: readonly Expected<E>[]): E {
  asserted();
  const misses = expected.filter((wanted) => !isAsExpected(error as Thrown, wanted));
  // an assertion within `run` that fails is no error of what is tested, unless its text is wanted
  const isMeant = misses.length === 0
    && expected.some((wanted) => typeof wanted === 'string' || wanted instanceof RegExp);
  if (error instanceof uvu.Assertion && !isMeant) throw error;
  if (misses.length === 0) return error as E;
  const { name, message, code, hint, stack } = error as Thrown;
  const came = error instanceof Error
    ? `${name}${code === undefined ? '' : ` ${code}`}: ${message}${hint === undefined ? '' : `\n(hint: ${hint})`}`
    : String(error);
  return fail(
    `wanted ${describe(misses)}, got ${came}\n${stack?.split('\n').find((line) => /^\s+at /.test(line)) ?? ''}`,
  );
}

function isAsExpected<E extends Error>(error: Thrown, wanted: Expected<E>): boolean {
  if (!(error instanceof Error)) return false;
  if (typeof wanted === 'string' || wanted instanceof RegExp) return says(error.message, wanted);
  if (typeof wanted === 'function') return error instanceof wanted;
  const { code, hint } = wanted;
  return (code === undefined || error.code === code) && (hint === undefined || says(error.hint ?? '', hint));
}

/** A text must be the whole one. */
const says = (text: string,
  wanted: string | RegExp) => (typeof wanted === 'string' ? text === wanted : fits(text, wanted));

function describe(expected: readonly Expected<Error>[]): string {
  const one = (wanted: Expected<Error>) => {
    if (typeof wanted === 'string') return `"${wanted}"`;
    if (typeof wanted === 'function') return wanted.name;
    if (wanted instanceof RegExp) return String(wanted);
    return Object.entries(wanted).map(([name, value]) => `${name} ${String(value)}`).join(', ');
  };
  return expected.map(one).join(', ');
}

function fail(message: string): never {
  asserted();
  throw new uvu.Assertion({ message, generated: false, operator: 'throwsWith', actual: undefined, expects: undefined });
}
