/**
 * A sweep narrowed to one room, case, variant and type: named on the command line, handed on in the environment, and
 * told again by what fails.
 */
import { nearest } from '../engine/nearest.ts';
import type { FloatType } from '../engine/index.ts';
import type { Case, Room } from '../kernels/shared/room.ts';

export const DTYPES: readonly FloatType[] = ['f32', 'f16'];

/** What is left out is not narrowed. */
export interface Narrowing {
  readonly room?: string;
  /** The whole name of a case, or a part of one. */
  readonly case?: string;
  /** A variant, or all that runs: `subgroup, own 4+only`. */
  readonly variant?: string;
  readonly dtype?: FloatType;
}

const NAMES = ['room', 'case', 'variant', 'dtype'] as const;

/** ROOM, with it CASE, VARIANT and DTYPE, as the runner sets them, or a person. Throws where something is unknown. */
export function narrowingOf(environment: Readonly<Record<string, string | undefined>>,
  rooms: readonly Room[]): Narrowing {
  if (environment.ROOM === undefined) return {};
  const narrowing: Narrowing = Object.fromEntries(
    NAMES.map((name) => [name, environment[name.toUpperCase()]]).filter(([, value]) => value !== undefined),
  );
  check(narrowing, rooms);
  return narrowing;
}

/** Whether not even a whole room is swept, so that nothing can be said of all that it has. */
export function isNarrow(narrowing: Narrowing): boolean {
  return (narrowing.case ?? narrowing.variant ?? narrowing.dtype) !== undefined;
}

/** The environment that says so. */
export function environmentOf(narrowing: Narrowing): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(narrowing).map(([name, value]) => [name.toUpperCase(), String(value)]));
}

/** The command that runs nothing but this. */
export function commandOf(narrowing: Narrowing): string {
  const quoted = (text: string) => (/^[\w.-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
  return ['npm test --',
    ...NAMES.flatMap((name) => (narrowing[name] === undefined ? [] : [`--${name} ${quoted(narrowing[name])}`]))].join(
      ' ',
    );
}

/**
 * Reads the words after `npm test --`: what is narrowed, and words that are no flags, which name files. Throws where
 * something is unknown.
 */
export function parseNarrowing(args: readonly string[],
  rooms: readonly Room[]): { readonly narrowing: Narrowing; readonly words: readonly string[] } {
  const words: string[] = [];
  const found: Partial<Record<(typeof NAMES)[number], string>> = {};
  for (let i = 0; i < args.length; i++) {
    const [, flag, , joined] = /^--([^=]*)(=(.*))?$/s.exec(args[i]) ?? [];
    if (flag === undefined) {
      words.push(args[i]);
      continue;
    }
    const name = NAMES.find((known) => known === flag);
    if (name === undefined) throw unknown('flag', `--${flag}`, NAMES.map((known) => `--${known}`));
    const value = joined ?? args[++i];
    if (value === undefined || value === '') throw new RangeError(`--${flag} needs a value`);
    found[name] = value;
  }
  const narrowing = found as Narrowing;
  check(narrowing, rooms);
  if (narrowing.room !== undefined && words.length > 0) {
    throw new RangeError(`--room runs the files of a room, and no others: leave out ${words.join(' ')}`);
  }
  return { narrowing, words };
}

function check({ room: name, case: text, variant, dtype }: Narrowing, rooms: readonly Room[]): void {
  const room = rooms.find((known) => known.name === name);
  if (name === undefined) {
    if ((text ?? variant ?? dtype) !== undefined) {
      throw new RangeError('--case, --variant and --dtype narrow the sweep of a room: say which with --room NAME');
    }
    return;
  }
  if (room === undefined) throw unknown('room', name, rooms.map((known) => known.name));
  if (text !== undefined && casesOf(room, text).length === 0) {
    throw unknown(`case of ${name}`, text, room.cases.map((known) => known.name));
  }
  const variants = [...new Set(room.kernels.flatMap((kernel) => kernel.variantNames))];
  const isKnown = (part: string) => variants.includes(part.split(',')[0]);
  if (variant !== undefined && !variant.split('+').every(isKnown)) {
    throw unknown(`variant of ${name}`, variant, variants);
  }
  if (dtype !== undefined && !DTYPES.includes(dtype)) throw unknown('dtype', dtype, DTYPES);
}

/** The case of this name, or else those that have it in theirs; by their numbers. */
export function casesOf({ cases }: Room, text = ''): readonly (readonly [number, Case])[] {
  const all = [...cases.entries()];
  const exact = all.filter(([, { name }]) => name === text);
  return exact.length > 0 ? exact : all.filter(([, { name }]) => name.includes(text));
}

function unknown(kind: string, word: string, known: readonly string[]): RangeError {
  const guess = nearest(word, known);
  return new RangeError(
    `there is no ${kind} "${word}"${guess === undefined ? '' : `: did you mean "${guess}"?`}\nthere are ${
      known.join(' · ')
    }`,
  );
}
