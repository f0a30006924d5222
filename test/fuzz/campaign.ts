/** Inputs one after another, each read to its end, and what came of them. */
import { writeFileSync } from 'node:fs';
import { FirstlightError } from '../../engine/errors.ts';
import { Random } from '../../engine/random.ts';
import { Broken, type Reader } from './reader.ts';

/** How often each reason should be seen. */
export const OFTEN = 100;

/** What a file under `SMALL` may take: milliseconds of a processor, and bytes. */
const MOST_MS = 1000;
const MOST_BYTES = 2 ** 29;
const SMALL = 2 ** 20;

/** An input that shows a defect. */
export interface Failure {
  readonly reader: string;
  /** Its number; with the seed it tells all of it. */
  readonly input: number;
  readonly kind: 'untyped' | 'too slow' | 'too large' | 'wrongly taken' | 'ended the process';
  readonly what: string;
}

/** What came of the inputs of a reader. */
export interface Tally {
  readonly reader: string;
  inputs: number;
  taken: number;
  /** Refusals by reason; those for none that is listed are under `other`. */
  readonly reasons: Record<string, number>;
  other: number;
  /** Of a processor. */
  seconds: number;
  /** The slowest input, and its number. */
  slowest: { ms: number; input: number };
  /** Bytes that the process took more than before the first input, at its highest. */
  bytes: number;
  readonly failures: Failure[];
}

export const emptyTally = ({ name, reasons }: Pick<Reader, 'name' | 'reasons'>): Tally => ({ reader: name, inputs: 0,
  taken: 0, reasons: Object.fromEntries(reasons.map((reason) => [reason, 0])), other: 0, seconds: 0,
  slowest: { ms: 0, input: 0 }, bytes: 0, failures: [] });

/** Aimed inputs come in rounds of one for each reason, and at least so many inputs. */
const SHORTEST_ROUND = 16;

/** The reason that an input is aimed at: of most none, and of all none once each was aimed at often enough. */
export function aimOf({ aimed = {} }: Pick<Reader, 'aimed'>, input: number): string | undefined {
  const reasons = Object.keys(aimed);
  const round = Math.max(SHORTEST_ROUND, 2 * reasons.length);
  return input % 2 === 0 && input < OFTEN * round ? reasons[(input % round) / 2] : undefined;
}

/** Input `input` of a reader: the same for the same seed, whatever was read before. */
export function inputOf(reader: Reader, seed: number, input: number): Uint8Array {
  const random = new Random(seed, `${reader.name} ${input}`);
  const aim = aimOf(reader, input);
  return aim === undefined ? reader.draw(random) : reader.aimed?.[aim](random) as Uint8Array;
}

/** Whether each reason was seen often. */
export const sawAll = ({ reasons }: Tally): boolean => Object.values(reasons).every((count) => count >= OFTEN);

/** Bytes that the process took at its highest. */
const peak = () => process.resourceUsage().maxRSS * 1024;

/** Lets the highest count from now on. Linux alone can; elsewhere it is that of all readers so far. */
function forgetPeak(): void {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // then less is noticed
  }
}

/** Milliseconds of a processor that the process has taken: other work on the machine does not count. */
function taken(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Reads one input. Returns the error that it was refused with; undefined: it was taken. */
async function read(reader: Reader, bytes: Uint8Array): Promise<unknown> {
  try {
    await reader.read(bytes);
    return undefined;
  } catch (error) {
    return error ?? new Error('nothing was thrown');
  }
}

/** Reads one input, adds what came of it to the tally, and returns the failure, if it is one. */
export async function tryInput(reader: Reader, seed: number, input: number,
  tally: Tally): Promise<Failure | undefined> {
  const bytes = inputOf(reader, seed, input);
  const isSmall = bytes.length < SMALL;
  const before = peak();
  const start = taken();
  const error = await read(reader, bytes);
  const ms = taken() - start;
  const grown = peak() - before;
  tally.inputs++;
  tally.seconds += ms / 1000;
  if (ms > tally.slowest.ms) tally.slowest = { ms, input };
  const failed = (kind: Failure['kind'], what: string) => ({ reader: reader.name, input, kind, what });
  if (error === undefined) tally.taken++;
  else if (error instanceof Broken) return failed('wrongly taken', error.message);
  else if (!(error instanceof FirstlightError)) return failed('untyped', (error as Error).stack ?? String(error));
  else count(error, tally);
  if (isSmall && grown > MOST_BYTES) return failed('too large', `took ${Math.round(grown / 2 ** 20)} MiB`);
  if (isSmall && ms > MOST_MS && await isSlow(reader, bytes)) return failed('too slow', `took ${Math.round(ms)} ms`);
  return undefined;
}

/** What is compiled or swept up for the first time takes its time once; what is slow is slow each time. */
async function isSlow(reader: Reader, bytes: Uint8Array): Promise<boolean> {
  for (let again = 0; again < 3; again++) {
    const start = taken();
    await read(reader, bytes);
    if (taken() - start <= MOST_MS) return false;
  }
  return true;
}

function count({ message, context }: FirstlightError, tally: Tally): void {
  const known = Object.keys(tally.reasons).filter((reason) => context.reason === reason || message.includes(reason));
  for (const reason of known) tally.reasons[reason]++;
  if (known.length === 0) tally.other++;
}

export interface Campaign {
  readonly seed: number;
  /** The first input, from 0. */
  readonly first: number;
  /** Asked before each input. */
  readonly goesOn: (tally: Tally) => boolean;
  /** Called before each input, which waits for it. */
  readonly onInput?: (input: number, tally: Tally) => Promise<void>;
}

/** Reads inputs until it is told to stop, and returns what came of them. */
export async function runReader(reader: Reader, { seed, first, goesOn, onInput }: Campaign): Promise<Tally> {
  const tally = emptyTally(reader);
  forgetPeak();
  const before = peak();
  for (let input = first; goesOn(tally); input++) {
    await onInput?.(input, tally);
    const failure = await tryInput(reader, seed, input, tally);
    if (failure !== undefined) tally.failures.push(failure);
    tally.bytes = peak() - before;
  }
  return tally;
}
