/** Index spaces that are too large for one binding, cut into boxes that are not. */
import { type AnyTensor, BINDING_ALIGNMENT, bindingBytes } from '../../engine/index.ts';
import type { Axis } from './strided.ts';

/** Part of an index space: its axes, innermost first, and where it begins in each operand. */
export interface Box {
  readonly axes: readonly Axis[];
  readonly starts: readonly number[];
}

/**
 * Cuts an index space into boxes that reach over at most `most` elements of each operand, in the order of its elements: ranges of the outermost
 * axis, and within an index of it, where that is still too much, of the next one. So a box is without gaps in what is dense.
 */
export function* boxesOf(axes: readonly Axis[], most: readonly number[], starts: readonly number[] = most.map(() => 0)): Generator<Box> {
  if (most.every((limit, k) => reachOf(axes, k) <= limit)) {
    yield { axes, starts };
    return;
  }
  const inner = axes.slice(0, -1);
  const outer = axes[axes.length - 1];
  const indices = most.map((limit, k) => {
    const spare = limit - reachOf(inner, k);
    return spare < 0 ? 0 : outer.strides[k] === 0 ? outer.extent : 1 + Math.floor(spare / outer.strides[k]);
  });
  const step = Math.min(...indices);
  for (let at = 0; at < outer.extent; at += Math.max(1, step)) {
    const from = starts.map((start, k) => start + at * outer.strides[k]);
    if (step === 0) yield* boxesOf(inner, most, from);
    else yield { axes: [...inner, { extent: Math.min(step, outer.extent - at), strides: outer.strides }], starts: from };
  }
}

/** Elements from the first to the last one of an operand that a box touches. */
export function reachOf(axes: readonly Axis[], operand: number): number {
  return axes.reduce((reach, { extent, strides }) => reach + (extent - 1) * strides[operand], 1);
}

/** Elements or vectors of a tensor that fit one binding, wherever they begin in it; without end if all of it fits. */
export function mostOf(tensor: AnyTensor, vector: number): number {
  const bytes = bindingBytes(tensor.gpu);
  return tensor.bytes <= bytes ? Number.POSITIVE_INFINITY : Math.floor((bytes - BINDING_ALIGNMENT) / (vector * tensor.elementBytes));
}

/** What is bound of a tensor. */
export interface Piece extends Disposable {
  readonly tensor: AnyTensor;
  /** The element or vector of the whole tensor that it begins with. */
  readonly origin: number;
}

/**
 * The piece of a tensor that has `count` vectors from `first` on: the tensor itself if it fits one binding, else a view from the last place before
 * them where a binding may start.
 */
export function pieceOf(tensor: AnyTensor, vector: number, first: number, count: number): Piece {
  if (mostOf(tensor, vector) === Number.POSITIVE_INFINITY) return { tensor, origin: 0, [Symbol.dispose]() {} };
  const vectorsOfAlignment = BINDING_ALIGNMENT / (vector * tensor.elementBytes);
  const origin = first - (first % vectorsOfAlignment);
  const view = tensor.alias([(first + count - origin) * vector], origin * vector * tensor.elementBytes);
  return { tensor: view, origin, [Symbol.dispose]: () => view.dispose() };
}

/**
 * Runs `work` on an index space, in as many boxes as the binding limit asks for.
 *
 * @param axes in elements or vectors; their strides are those of the tensors, in the tensors' order
 * @param work gets what to bind, the axes of the box, and where it begins in what is bound
 */
export function inBoxes<K extends string>(
  axes: readonly Axis[],
  vector: number,
  tensors: Readonly<Record<K, AnyTensor>>,
  work: (bound: Readonly<Record<K, AnyTensor>>, axes: readonly Axis[], starts: Readonly<Record<K, number>>) => void,
): void {
  const names = Object.keys(tensors) as K[];
  const named = <V>(value: (k: number) => V) => Object.fromEntries(names.map((name, k) => [name, value(k)])) as Record<K, V>;
  for (const box of boxesOf(axes, names.map((name) => mostOf(tensors[name], vector)))) {
    const pieces = names.map((name, k) => pieceOf(tensors[name], vector, box.starts[k], reachOf(box.axes, k)));
    work(named((k) => pieces[k].tensor), box.axes, named((k) => box.starts[k] - pieces[k].origin));
    for (const piece of pieces) piece[Symbol.dispose]();
  }
}
