/** What of a step's gradient travels together between processes, as soon as the backward pass has finished it. */
import { commandsOf, type Gpu, Tensor } from '../../engine/index.ts';
import type { GradientPlace, Optimizer } from './optimizer/index.ts';

/** A stretch of one of an optimiser's gradients, from one element up to another. */
export type Stretch = Omit<GradientPlace, 'parameter'>;

/** Gradients of whole parameters. */
export interface Bucket {
  readonly parameters: ReadonlySet<Tensor>;
  /** Where they lie: as few stretches as may be. */
  readonly stretches: readonly Stretch[];
  /** Gradients that reach the parameters in a micro-batch; infinite if one of them is never reached. */
  readonly gradients: number;
}

/** How many gradients reach each parameter in a micro-batch, in the order in which the last one does. */
export function reachedIn(gpu: Gpu, optimizer: Optimizer, record: () => void): ReadonlyMap<Tensor, number> {
  const reached = new Map<Tensor, number>();
  const note = (parameter: Tensor) => {
    const before = reached.get(parameter) ?? 0;
    reached.delete(parameter); // to stand behind all others
    reached.set(parameter, before + 1);
  };
  commandsOf(gpu, () => optimizer.watching(note, () => gpu.scope(record)));
  return reached;
}

/**
 * Cuts gradients into buckets.
 *
 * @param reached as `reachedIn` gives it; what is not in it comes last  @param most bytes of a bucket of more than one
 * parameter
 */
export function bucketsOf(places: readonly GradientPlace[], reached: ReadonlyMap<Tensor, number>,
  most: number): readonly Bucket[] {
  const order = new Map([...reached.keys()].map((parameter, i) => [parameter, i]));
  const rank = ({ parameter }: GradientPlace) => order.get(parameter) ?? order.size;
  const cut: GradientPlace[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const place of places.toSorted((a, b) => rank(a) - rank(b))) {
    const own = Float32Array.BYTES_PER_ELEMENT * (place.end - place.start);
    if (bytes + own > most) {
      cut.push([]);
      bytes = 0;
    }
    cut[cut.length - 1].push(place);
    bytes += own;
  }
  return cut.map((own) => ({ parameters: new Set(own.map(({ parameter }) => parameter)), stretches: merged(own),
    gradients: own.reduce((sum, { parameter }) => sum + (reached.get(parameter) ?? Number.POSITIVE_INFINITY), 0) })
  );
}

/** The same elements in as few stretches as may be, in the order of memory. */
function merged(places: readonly GradientPlace[]): Stretch[] {
  const stretches: Stretch[] = [];
  for (const { arena, start, end } of places.toSorted((a, b) => a.arena - b.arena || a.start - b.start)) {
    const last = stretches.at(-1);
    if (last?.arena === arena && last.end === start) stretches[stretches.length - 1] = { ...last, end };
    else stretches.push({ arena, start, end });
  }
  return stretches;
}

/** A stretch as a tensor [n]. @param gradients of an optimiser, or tensors like them */
export const stretchOf = (gradients: readonly Tensor[], { arena, start, end }: Stretch): Tensor =>
  gradients[arena].alias([end - start], start * gradients[arena].elementBytes);

/** Records a backward pass, and calls `complete` with each bucket as soon as all of it is recorded, in their order. */
export function completing(optimizer: Optimizer, buckets: readonly Bucket[], pass: () => void,
  complete: (bucket: number) => void): void {
  const left = buckets.map(({ gradients }) => gradients);
  let done = 0;
  optimizer.watching((parameter) => {
    left[buckets.findIndex(({ parameters }) => parameters.has(parameter))]--;
    while (left[done] === 0) complete(done++);
  }, pass);
  optimizer.settle();
  while (done < buckets.length) complete(done++);
}
