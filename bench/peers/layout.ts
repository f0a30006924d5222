/**
 * Axes in another order: libraries keep pictures and kernels of a convolution each in their own, and nobody who uses
 * one would turn them in every call.
 */
import { type Shape, sizeOf } from '../../engine/index.ts';
import type { Layout, Operand, Operands, Task } from './task.ts';

/** [frames, C, H, W] and [O, C, kernel, kernel]. */
export const CHANNELS_FIRST: Layout = { picture: [0, 3, 1, 2], weight: [0, 3, 1, 2] };

type Outputs = Readonly<Record<string, Float32Array>>;

/** The axes of an operand in another order, the numbers moved accordingly. */
export function permuted({ shape, data }: Operand, order: readonly number[]): Operand {
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  const turned = order.map((axis) => shape[axis]);
  const place = (i: number) => {
    let [rest, at] = [i, 0];
    for (let axis = order.length - 1; axis >= 0; axis--) {
      at += (rest % turned[axis]) * strides[order[axis]];
      rest = Math.floor(rest / turned[axis]);
    }
    return at;
  };
  return { shape: turned, data: Float32Array.from({ length: data.length }, (_, i) => data[place(i)]) };
}

const orderOf = (layout: Layout, name: string) => (name.endsWith('weight') ? layout.weight : layout.picture);

/** The task with its operands in a library's layout. */
export function laidOut(task: Task, layout: Layout | undefined): Task {
  if (layout === undefined || task.formula !== 'convolution') return task;
  const turn = ([name, operand]: [string, Operand]) => [name, permuted(operand, orderOf(layout, name))] as const;
  return { ...task, operands: () => Object.fromEntries(Object.entries(task.operands()).map(turn)) };
}

/** Outputs of such a task as its reference has them. */
export function laidBack(outputs: Outputs, task: Task, layout: Layout | undefined): Outputs {
  if (layout === undefined || task.formula !== 'convolution') return outputs;
  const shapes = shapesOf(task.operands());
  return Object.fromEntries(
    Object.entries(outputs).map(([name, data]) => {
      const order = orderOf(layout, name);
      const inverse = order.map((_, axis) => order.indexOf(axis));
      return [name, permuted({ shape: order.map((axis) => shapes[name][axis]), data }, inverse).data];
    }),
  );
}

/** Shapes of what a convolution gives. */
function shapesOf({ x, weight }: Operands): Readonly<Record<string, Shape>> {
  return { y: [...x.shape.slice(0, -1), weight.shape[0]], dx: x.shape, dweight: weight.shape };
}
