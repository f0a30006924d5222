/** Work on tensors that are larger than a binding: cut into ranges that are not. */
import type { Context } from './context.ts';
import type { AnyTensor } from './tensor.ts';

/** Neighbouring elements or rows that one dispatch takes. */
export interface Range {
  readonly start: number;
  readonly count: number;
}

/** Bytes between places where a binding may start on every device. */
export const BINDING_ALIGNMENT = 256;
/** The same in elements of any type: of f16. */
export const ELEMENT_ALIGNMENT = BINDING_ALIGNMENT / 2;

/** Bytes of a tensor that one binding holds. */
export function bindingBytes({ limits, pool }: Context): number {
  return limits.maxStorageBufferBindingSize - pool.guardBytes;
}

/** Whether a kernel can be given all of a tensor. */
export function fitsBinding(tensor: AnyTensor): boolean {
  return tensor.bytes <= bindingBytes(tensor.gpu);
}

/** Rows that a range must hold a multiple of, when a row takes so many bytes in each of the operands. */
export function alignmentOf(bytes: readonly number[]): number {
  return Math.max(...bytes.map((row) => BINDING_ALIGNMENT / gcd(BINDING_ALIGNMENT, row)));
}

/** The largest number that divides both. */
export function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

function lcm(a: number, b: number): number {
  return (a / gcd(a, b)) * b;
}

/**
 * Cuts n rows into ranges that fit one binding each.
 *
 * @param rowElements elements of a row in the widest operand, in words of 4 bytes; 1 for flat work
 * @param alignment every range but the last is a multiple of it
 * @param allowed rows of a range at most, whatever a binding holds
 */
export function rangesOf(gpu: Context, n: number, rowElements = 1, alignment = ELEMENT_ALIGNMENT,
  allowed = n): Range[] {
  const fitting = Math.min(Math.floor(bindingBytes(gpu) / 4 / rowElements), allowed);
  if (n <= fitting) return [{ start: 0, count: n }];
  const most = Math.floor(fitting / alignment) * alignment;
  // rows too long for any range go as they are: binding them then names the tensor and the limit
  const step = most > 0 ? most : n;
  return Array.from({ length: Math.ceil(n / step) },
    (_, i) => ({ start: i * step, count: Math.min(step, n - i * step) }));
}

/**
 * Runs `work` on all n rows of some tensors, in as many ranges as the binding limit asks for: once, on the tensors
 * themselves, where they fit. Element-wise work has n rows of one element. What does not grow with the rows stays out
 * of `tensors`, and is bound whole.
 *
 * @param tensors each of n rows, whatever its shape says
 * @param work gets flat views of `count` rows, from row `start` on; of the tensors that it makes for a range, those
 * that it returns stay
 * @param multiple every range but the last is a multiple of it, for sums whose order must not depend on the limit
 * @param most rows of a range at most, whatever a binding holds
 */
export function inRanges<T extends Readonly<Record<string, AnyTensor>>>(
  gpu: Context,
  n: number,
  tensors: T,
  work: (some: T, count: number, start: number) => unknown,
  multiple = 1,
  most = n,
): void {
  const rows = Object.entries(tensors).map(([name, tensor]) => ({ name, tensor, length: tensor.size / n,
    bytes: (tensor.size / n) * tensor.elementBytes })
  );
  const bytes = rows.map((row) => row.bytes);
  const ranges = rangesOf(gpu, n, Math.max(...bytes) / 4, lcm(alignmentOf(bytes), multiple), most);
  if (ranges.length === 1) return void work(tensors, n, 0);
  for (const { start, count } of ranges) {
    gpu.scope(() =>
      work(
        Object.fromEntries(
          rows.map((row) => [row.name, row.tensor.alias([count * row.length], start * row.bytes)]),
        ) as unknown as T,
        count,
        start,
      )
    );
  }
}

/** The largest whole number from 1 to `most` that fits, where all smaller ones do too; 0 if none does. */
export function largestFitting(most: number, fits: (n: number) => boolean): number {
  let [fitting, above] = [0, most + 1];
  while (above - fitting > 1) {
    const middle = Math.floor((fitting + above) / 2);
    if (fits(middle)) fitting = middle;
    else above = middle;
  }
  return fitting;
}
