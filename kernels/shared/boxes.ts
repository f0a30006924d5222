/** Index spaces that are too large for one binding, cut into boxes that are not. */
import { type AnyTensor, bindingBytes, dispose, ELEMENT_ALIGNMENT } from '../../engine/index.ts';
import type { Axis } from './strided.ts';

/** A range of an index space: its axes, innermost first, and where it begins in each operand. */
export interface Box {
  readonly axes: readonly Axis[];
  readonly starts: readonly number[];
}

/**
 * Cuts an index space into boxes that reach over at most `most` elements of each operand, in the order of its elements:
 * ranges of the outermost axis, and within an index of it, where that is still too much, of the next one. So a box is
 * without gaps in what is dense.
 */
export function* boxesOf(
  axes: readonly Axis[],
  most: readonly number[],
  starts: readonly number[] = most.map(() => 0),
): Generator<Box> {
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
    else {
      const range = { extent: Math.min(step, outer.extent - at), strides: outer.strides };
      yield { axes: [...inner, range], starts: from };
    }
  }
}

/** Elements from the first to the last one of an operand that a box touches. */
export function reachOf(axes: readonly Axis[], operand: number): number {
  return axes.reduce((reach, { extent, strides }) => reach + (extent - 1) * strides[operand], 1);
}

/** Elements or vectors of a tensor that fit one binding, wherever they begin in it; without end if all of it fits. */
export function mostOf(tensor: AnyTensor, vector: number): number {
  const bytes = bindingBytes(tensor.gpu);
  if (tensor.bytes <= bytes) return Number.POSITIVE_INFINITY;
  return Math.floor((bytes / tensor.elementBytes - ELEMENT_ALIGNMENT) / vector);
}

/** What is bound of a tensor. */
export interface Bound extends Disposable {
  readonly tensor: AnyTensor;
  /** The element or vector of the whole tensor that it begins with. */
  readonly origin: number;
}

/**
 * What has the vectors of a tensor from `first` up to `end`: the tensor itself if those are all, else a view from the
 * last place before them where a binding may start. That place is the same for tensors of every type.
 */
export function boundOf(tensor: AnyTensor, vector: number, first: number, end: number): Bound {
  if (first === 0 && end * vector >= tensor.size) return { tensor, origin: 0, [dispose]() {} };
  const origin = first - (first % (ELEMENT_ALIGNMENT / vector));
  const elements = Math.min(end * vector, tensor.size) - origin * vector;
  const view = tensor.alias([elements], origin * vector * tensor.elementBytes);
  return { tensor: view, origin, [dispose]: () => view.dispose() };
}

/** A box as a kernel sees it. */
export interface BoundBox<K extends string> {
  readonly axes: readonly Axis[];
  /** What is bound of each tensor, and where in it the box begins. */
  readonly tensors: Readonly<Record<K, AnyTensor>>;
  readonly starts: Readonly<Record<K, number>>;
  /** Where it begins in the whole tensors. */
  readonly from: Readonly<Record<K, number>>;
}

/**
 * Runs `work` on an index space, in as many boxes as the binding limit asks for.
 *
 * @param axes in elements or vectors; their strides are those of the tensors, in the tensors' order
 * @param whole so many axes, the innermost, are never cut. Where they alone are too much for a binding all goes at
 * once: binding it then names the tensor and the limit
 */
export function inBoxes<K extends string>(
  axes: readonly Axis[],
  vector: number,
  tensors: Readonly<Record<K, AnyTensor>>,
  work: (box: BoundBox<K>) => void,
  whole = 0,
): void {
  const names = Object.keys(tensors) as K[];
  const named = <V>(value: (k: number) => V) =>
    Object.fromEntries(names.map((name, k) => [name, value(k)])) as Record<K, V>;
  const limits = names.map((name) => mostOf(tensors[name], vector));
  const fits = limits.every((limit, k) => reachOf(axes.slice(0, whole), k) <= limit);
  for (const box of boxesOf(axes, fits ? limits : limits.map(() => Number.POSITIVE_INFINITY))) {
    const endOf = (k: number) => box.starts[k] + reachOf(box.axes, k);
    const bounds = names.map((name, k) => boundOf(tensors[name], vector, box.starts[k], endOf(k)));
    const starts = named((k) => box.starts[k] - bounds[k].origin);
    work({ axes: box.axes, tensors: named((k) => bounds[k].tensor), starts, from: named((k) => box.starts[k]) });
    for (const bound of bounds) bound[dispose]();
  }
}
