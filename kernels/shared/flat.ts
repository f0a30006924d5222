import type { AnyTensor, Context } from '../../engine/index.ts';

/** Neighbouring elements or rows that one dispatch takes. */
export interface Range {
  readonly start: number;
  readonly count: number;
}

/** Bytes between places where a binding may start on every device. */
const BINDING_ALIGNMENT = 256;
/** Rows that are a whole number of those, whatever their length: of one f16 each. */
const ALIGNMENT = BINDING_ALIGNMENT / 2;

/** Rows that a range must hold a multiple of, when a row takes so many bytes in each of the operands. */
export function alignmentOf(bytes: readonly number[]): number {
  return Math.max(...bytes.map((row) => BINDING_ALIGNMENT / gcd(BINDING_ALIGNMENT, row)));
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/**
 * Cuts n rows into ranges that fit one binding each.
 *
 * @param rowElements elements of a row in the widest operand; 1 for flat work
 * @param alignment every range but the last is a multiple of it
 */
export function rangesOf(gpu: Context, n: number, rowElements = 1, alignment = ALIGNMENT): Range[] {
  const fitting = gpu.limits.maxStorageBufferBindingSize / 4 / rowElements;
  if (n + alignment <= fitting) return [{ start: 0, count: n }];
  const most = Math.floor(fitting / alignment - 1) * alignment;
  // rows too long for any range go as they are: binding them then names the tensor and the limit
  const step = most > 0 ? most : n;
  return Array.from({ length: Math.ceil(n / step) }, (_, i) => ({ start: i * step, count: Math.min(step, n - i * step) }));
}

/** Runs `work` on all n elements of some tensors of one size, in as many ranges as the binding limit asks for: `count` elements from `start` on. */
export function inRanges<T extends Readonly<Record<string, AnyTensor>>>(gpu: Context, n: number, tensors: T, work: (pieces: T, count: number, start: number) => void): void {
  const ranges = rangesOf(gpu, n);
  if (ranges.length === 1) return work(tensors, n, 0);
  for (const { start, count } of ranges) {
    const pieces = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tensor.alias([count], start * tensor.elementBytes)]));
    work(pieces as unknown as T, count, start);
    for (const piece of Object.values(pieces)) piece.dispose();
  }
}
