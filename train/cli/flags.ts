import { type ArgsDef, parseArgs } from 'citty';
import { FirstlightError } from '../../engine/errors.ts';
import { nearest } from '../../engine/nearest.ts';

/** The command line was not understood: nothing has been done. */
export class UsageError extends FirstlightError {
  constructor(message: string, hint?: string) {
    super('FL_USAGE', message, {}, hint);
  }
}

/** How many words without a flag a command takes, and what to call one. */
export interface Words {
  readonly least: number;
  readonly most: number;
  readonly name: string;
}

/** The flags of one call, with their types checked where they are read. */
export class Flags {
  readonly words: readonly string[];
  /** All values by flag, in order; the last of each is its value. */
  readonly #repeated: Readonly<Record<string, readonly string[]>>;
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(words: readonly string[], repeated: Readonly<Record<string, readonly string[]>>,
    values: Readonly<Record<string, unknown>>) {
    this.words = words;
    this.#repeated = repeated;
    this.#values = values;
  }

  /** Every value of a flag, in order, of one that may be given many times. */
  all(name: string): readonly string[] {
    return this.#repeated[name] ?? [];
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === 'string' ? value : undefined;
  }

  is(name: string): boolean {
    return this.#values[name] === true;
  }

  required(name: string, example: string): string {
    const value = this.text(name);
    if (value === undefined) throw new UsageError(`--${name} is missing`, `for example --${name} ${example}`);
    return value;
  }

  /** One of some words. A flag with a default always has a value. */
  oneOf<const T extends string>(name: string, words: readonly T[]): T {
    const value = this.text(name) ?? '';
    const found = words.find((word) => word === value);
    if (found === undefined) throw new UsageError(`--${name}: expected ${words.join(' or ')}, got "${value}"`);
    return found;
  }

  /** A whole number of at least `least`. */
  whole(name: string, least: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
      throw new UsageError(`--${name}: expected a whole number of at least ${least}, got "${text}"`);
    }
    return value;
  }

  /** A number above 0, such as 2.5. */
  positive(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (/^\d+(\.\d+)?$/.test(text) && value > 0) return value;
    throw new UsageError(`--${name}: expected a number above 0, got "${text}"`);
  }

  /** A length of time, "2s", "500ms" or "1.5min", in seconds. */
  seconds(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|min)$/.exec(text) ?? [];
    const value = Number(amount) * { ms: 1e-3, s: 1, min: 60 }[(unit ?? 's') as 'ms' | 's' | 'min'];
    if (value > 0) return value;
    throw new UsageError(`--${name}: expected a length of time, got "${text}"`,
      `for example --${name} 2s, 500ms or 1min`);
  }
}

/**
 * Sorts the words of a command line and refuses what citty would let pass: unknown flags, flags without their value,
 * too few or too many words.
 *
 * @param help the command line that shows the help
 */
export function flagsOf(name: string, args: ArgsDef, positionals: Words, raw: readonly string[],
  help = `firstlight ${name} --help`): Flags {
  const known = Object.keys(args).filter((flag) => args[flag].type !== 'positional');
  const repeated: Record<string, string[]> = {};
  const rest: string[] = [];
  for (let i = 0; i < raw.length; i++) {
    if (raw[i] === '--') {
      rest.push(...raw.slice(i));
      break;
    }
    const flag = /^-{1,2}([^=]+)(=.*)?$/s.exec(raw[i]);
    if (flag === null) {
      rest.push(raw[i]);
      continue;
    }
    if (!raw[i].startsWith('--') || !known.includes(flag[1])) {
      const guess = nearest(flag[1], known);
      throw new UsageError(`${name}: unknown flag ${raw[i].split('=')[0]}`,
        `${guess === undefined ? '' : `did you mean --${guess}? `}See \`${help}\``);
    }
    if (args[flag[1]].type === 'boolean') {
      if (flag[2] !== undefined) throw new UsageError(`${name}: --${flag[1]} takes no value`);
      rest.push(raw[i]);
      continue;
    }
    const value = flag[2]?.slice(1) ?? raw[++i];
    if (value === undefined || value === '' || (flag[2] === undefined && value.startsWith('--'))) {
      throw new UsageError(`${name}: --${flag[1]} needs a value`, `see \`${help}\``);
    }
    (repeated[flag[1]] ??= []).push(value);
    rest.push(`--${flag[1]}=${value}`);
  }
  const parsed = parseArgs(rest, Object.fromEntries(known.map((flag) => [flag, args[flag]])));
  const words = parsed._;
  if (words.length < positionals.least) {
    throw new UsageError(`${name}: ${positionals.name} is missing`, `see \`${help}\``);
  }
  if (words.length > positionals.most) {
    throw new UsageError(`${name}: unexpected "${words[positionals.most]}"`, `see \`${help}\``);
  }
  return new Flags(words, repeated, parsed);
}
