import type { Shape } from '../../engine/index.ts';
import type { Combination } from './index.ts';

const COMBINE: Readonly<Record<Combination, (a: number, b: number) => number>> = { add: (a, b) => a + b, sub: (a, b) => a - b, mul: (a, b) => a * b };

/** For each element of `shape`, row-major: which element of the smaller `from` stands there. */
export function broadcastIndex(from: Shape, shape: Shape): number[] {
  let all: { index: number }[] = [{ index: 0 }];
  shape.forEach((extent, axis) => {
    const own = from[axis - shape.length + from.length] ?? 1;
    all = all.flatMap(({ index }) => Array.from({ length: extent }, (_, i) => ({ index: index * own + (own === 1 ? 0 : i) })));
  });
  return all.map(({ index }) => index);
}

/** y = combine(a, b) over `shape`, the shape that both broadcast to. */
export function combine(op: Combination, a: Float64Array, aShape: Shape, b: Float64Array, bShape: Shape, shape: Shape): Float64Array {
  const [ia, ib] = [broadcastIndex(aShape, shape), broadcastIndex(bShape, shape)];
  return Float64Array.from(ia, (at, i) => COMBINE[op](a[at], b[ib[i]]));
}

/** da and db: an element that stands in several places gets the sum of what they get. */
export function combineGradient(op: Combination, a: Float64Array, aShape: Shape, b: Float64Array, bShape: Shape, shape: Shape, dy: Float64Array): { a: Float64Array; b: Float64Array } {
  const [ia, ib] = [broadcastIndex(aShape, shape), broadcastIndex(bShape, shape)];
  const [da, db] = [new Float64Array(a.length), new Float64Array(b.length)];
  dy.forEach((d, i) => {
    da[ia[i]] += op === 'mul' ? d * b[ib[i]] : d;
    db[ib[i]] += op === 'mul' ? d * a[ia[i]] : op === 'sub' ? -d : d;
  });
  return { a: da, b: db };
}
