import { ConfigError } from '../../engine/errors.ts';
import type { Place } from '../../mpi/world.ts';
import type { Share } from '../recipe/gradient.ts';

/**
 * The micro-batches of a step that a rank takes: as many as each other one, one behind the other.
 * @throws ConfigError if they cannot be shared out, with the numbers of ranks that can
 */
export function shareOf(accumulation: number, { rank, size }: Place): Share {
  const count = accumulation / size;
  if (Number.isInteger(count)) return { first: rank * count, count };
  const divisors = Array.from({ length: accumulation }, (_, i) => i + 1).filter((n) => accumulation % n === 0);
  throw new ConfigError('train.accumulation', [
    `is ${accumulation}: ${size} ranks cannot have as many micro-batches of a step each`,
  ], `start ${oneOf(divisors)}; or take smaller micro-batches, and more of them`);
}

const oneOf = (numbers: readonly number[]) =>
  numbers.length === 1
    ? 'no more than 1 rank'
    : `${numbers.slice(0, -1).join(', ')} or ${numbers[numbers.length - 1]} ranks`;
