/** How the numbers of a parameter lie in a file, where they lie otherwise than ours. */
import { type Shape, sizeOf } from '../../../engine/index.ts';

/**
 * `transposed`: a matrix [rows, columns] of ours is [columns, rows] there. `channels first`: the weight of a
 * convolution, [O, kernel …, C] of ours, is [O, C, kernel …] there. `of pictures`: likewise, but the kernel of ours has
 * an axis of time before the others; the one there is repeated over it, and divided by its extent.
 */
export type Order = 'same' | 'transposed' | 'channels first' | 'of pictures';

/** The shape in a file of a parameter of ours. */
export function storedShape(order: Order, shape: Shape): Shape {
  if (order === 'same') return shape;
  if (order === 'transposed') return [...shape].reverse();
  return [shape[0], shape[shape.length - 1], ...shape.slice(order === 'of pictures' ? 2 : 1, -1)];
}

/** Our shape of what a file holds. */
export function ownShape(order: Order, stored: Shape): Shape {
  if (order === 'same') return stored;
  if (order === 'transposed') return [...stored].reverse();
  const [outputs, channels, ...kernel] = stored;
  return [outputs, ...(order === 'of pictures' ? [1] : []), ...kernel, channels];
}

/** Numbers of a file in our order. @param stored their shape there  @param shape ours */
export function fromStored(order: Order, values: Float32Array, stored: Shape, shape: Shape): Float32Array {
  if (order === 'same') return values;
  if (order === 'transposed') return transpose(values, 1, stored[0], stored[1]);
  const own = transpose(values, stored[0], stored[1], sizeOf(stored.slice(2)));
  return order === 'of pictures' && shape[1] > 1 ? inflated(own, shape) : own;
}

/** A kernel of pictures over time, a T-th in each frame: [O, …] → [O, T, …]. Carreira & Zisserman 2017, section 2.4. */
function inflated(values: Float32Array, [outputs, frames]: Shape): Float32Array {
  const size = values.length / outputs;
  return Float32Array.from({ length: frames * values.length },
    (_, i) => values[Math.floor(i / (frames * size)) * size + (i % size)] / frames);
}

/** Numbers of ours in the order of a file. @param shape ours */
export function toStored(order: Order, values: Float32Array, shape: Shape): Float32Array {
  if (order === 'same') return values;
  if (order === 'transposed') return transpose(values, 1, shape[0], shape[1]);
  return transpose(values, shape[0], sizeOf(shape.slice(1, -1)), shape[shape.length - 1]);
}

/** The transposes of `count` matrices [rows, columns] that lie one behind the other. */
function transpose(values: Float32Array, count: number, rows: number, columns: number): Float32Array {
  const result = new Float32Array(values.length);
  const size = rows * columns;
  for (let first = 0; first < count * size; first += size) {
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) result[first + c * rows + r] = values[first + r * columns + c];
    }
  }
  return result;
}
