import { FirstlightError } from '../../engine/errors.ts';
import { fileErrorOf } from '../../engine/file_error.ts';
import type { World } from '../../mpi/world.ts';

/** What kept a rank. */
interface Failure {
  readonly host: string;
  readonly code: FirstlightError['code'];
  readonly text: string;
}

/**
 * Work that every rank does for itself before they work together: reading a configuration, opening an adapter. Its
 * errors are told once, by rank 0: those that it has, too, as its own, others with rank and host.
 *
 * @throws the error of rank 0, or one with all that others have met
 * @throws FirstlightError FL_RANKS on the others, for whom rank 0 speaks
 */
export async function agreed<T>(world: World, work: () => T | Promise<T>): Promise<T> {
  if (world.size === 1) return work();
  const own = await outcomeOf(work);
  await world.barrier(Number.POSITIVE_INFINITY); // nothing says how long a driver takes on another host
  const told = await world.gather(own.error === undefined ? null : failureOf(own.error, world.host.name));
  if (told.every((each) => each === null)) return own.value as T;
  throw world.rank === 0 ? allOf(own.error, told) : new FirstlightError('FL_RANKS', 'rank 0 tells what is wrong');
}

async function outcomeOf<T>(work: () => T | Promise<T>): Promise<{ readonly value?: T; readonly error?: unknown }> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error: error ?? new Error('an error without a word') };
  }
}

function failureOf(thrown: unknown, host: string): Failure {
  const error = fileErrorOf(thrown);
  if (!(error instanceof FirstlightError)) {
    return { host, code: 'FL_RANKS', text: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  return { host, code: error.code, text: textOf(error) };
}

const textOf = ({ message, hint }: FirstlightError) => (hint === undefined ? message : `${message}\n  ${hint}`);

/** What rank 0 tells: its own error, and what it does not say of the others'. */
function allOf(thrown: unknown, [first, ...others]: readonly (Failure | null)[]): unknown {
  const byText = new Map<string, string[]>();
  others.forEach((failure, i) => {
    if (failure === null || first?.text.includes(failure.text)) return;
    byText.set(failure.text, [...(byText.get(failure.text) ?? []), `rank ${i + 1} on ${failure.host}`]);
  });
  if (byText.size === 0) return thrown;
  const lines = [...byText].map(([text, ranks]) => `${ranks.join(', ')}: ${text}`);
  const { code } = [first, ...others].find((failure) => failure !== null) as Failure;
  return new FirstlightError(code, [...(first === null ? [] : [first.text]), ...lines].join('\n'), {}, undefined,
    thrown);
}
