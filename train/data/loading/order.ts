import { Random } from '../../../engine/random.ts';

/** Places of a list in another order, drawn from `random`. */
export type Order<E> = (entries: readonly E[], random: Random) => Int32Array;

/** The places of a list in the order of an epoch: a random one, or as `order` has it. */
export function orderOfEpoch<E>(seed: number, epoch: number, entries: readonly E[], order?: Order<E>): Int32Array {
  const random = new Random(seed, `order of epoch ${epoch}`);
  return order?.(entries, random) ?? random.permutation(entries.length);
}
