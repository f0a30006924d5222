import { ShapeError, type Shape, sizeOf } from '../../engine/index.ts';

/** Axes that `strided.wgsl` can walk. */
export const MAX_RANK = 6;

/** One axis of an index space, and how far one step along it moves in each operand, in elements. */
export interface Axis {
  readonly extent: number;
  readonly strides: readonly number[];
}

/** Steps in memory for each axis of a dense, row-major tensor. */
export function denseStrides(shape: Shape): number[] {
  return shape.map((_, i) => sizeOf(shape.slice(i + 1)));
}

/** Strides with which `shape` is read as the larger `target`, NumPy's way: 0 along axes where it repeats. */
export function broadcastStrides(shape: Shape, target: Shape): number[] {
  const strides = denseStrides(shape);
  const missing = target.length - shape.length;
  return target.map((_, i) => (i < missing || shape[i - missing] === 1 ? 0 : strides[i - missing]));
}

/** The shape of a combination of a and b: aligned at the last axis, extents equal or one of them 1. */
export function broadcastShape(op: string, a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [m, n] = [a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1];
    if (m !== n && m !== 1 && n !== 1) {
      const message = `[${a}] and [${b}] do not broadcast: axis ${i} from the left is ${m} and ${n}`;
      throw new ShapeError(op, message, 'extents must be equal, or 1; reshape() one of them');
    }
    return Math.max(m, n);
  });
}

/**
 * The same index space in as few axes as possible, innermost first: axes of extent 1 go, and neighbours that every
 * operand walks without a gap become one.
 */
export function mergedAxes(op: string, shape: Shape, strides: readonly (readonly number[])[]): Axis[] {
  const axes: Axis[] = [];
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] === 1) continue;
    const outer: Axis = { extent: shape[i], strides: strides.map((of) => of[i]) };
    const inner = axes.at(-1);
    if (inner !== undefined && outer.strides.every((stride, k) => stride === inner.strides[k] * inner.extent)) {
      axes[axes.length - 1] = { extent: inner.extent * outer.extent, strides: inner.strides };
    } else axes.push(outer);
  }
  if (axes.length > MAX_RANK) {
    const message = `[${shape}] needs ${axes.length} axes that cannot be merged, at most ${MAX_RANK} work`;
    throw new ShapeError(op, message, 'do it in two steps');
  }
  return axes.length > 0 ? axes : [{ extent: 1, strides: strides.map(() => 1) }];
}

/** Positions of an index space. */
export function positionsOf(axes: readonly Axis[]): number {
  return axes.reduce((product, { extent }) => product * extent, 1);
}

/** Whether every operand can be read in vectors of four along the innermost axis. */
export function fitsVectors(axes: readonly Axis[]): boolean {
  const [inner, ...outer] = axes;
  const isDense = inner.extent % 4 === 0 && inner.strides.every((stride) => stride === 1);
  return isDense && outer.every(({ strides }) => strides.every((stride) => stride % 4 === 0));
}

/** The same axes counted in vectors of four elements. */
export function inVectors([inner, ...outer]: readonly Axis[]): Axis[] {
  const others = outer.map(({ extent, strides }) => ({ extent, strides: strides.map((stride) => stride / 4) }));
  return [{ extent: inner.extent / 4, strides: inner.strides }, ...others];
}

/**
 * Parameters `<prefix>0` to `<prefix>5` for a kernel: `extentParams('e', axes)` the extents, `strideParams('x', axes,
 * 0)` the strides of operand 0.
 */
export function extentParams(prefix: string, axes: readonly Axis[]): Record<string, number> {
  return numbered(prefix, (i) => axes[i]?.extent ?? 1);
}

export function strideParams(prefix: string, axes: readonly Axis[], operand: number): Record<string, number> {
  return numbered(prefix, (i) => axes[i]?.strides[operand] ?? 0);
}

function numbered(prefix: string, value: (i: number) => number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: MAX_RANK }, (_, i) => [`${prefix}${i}`, value(i)]));
}
