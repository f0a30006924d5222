import type { AnyTensor, Gpu } from '../../engine/index.ts';

/** Neighbouring elements or rows that one dispatch takes. */
export interface Range {
  readonly start: number;
  readonly count: number;
}

/** A range starts at a multiple of this many rows: 256 bytes for f16, 512 for f32, where a binding may start on every device. */
const ALIGNMENT = 128;

/**
 * Cuts n rows into ranges that fit one binding each.
 *
 * @param rowElements elements of a row in the widest operand; 1 for flat work
 */
export function rangesOf(gpu: Gpu, n: number, rowElements = 1): Range[] {
  const fitting = gpu.limits.maxStorageBufferBindingSize / 4 / rowElements;
  if (n + ALIGNMENT <= fitting) return [{ start: 0, count: n }];
  const most = Math.floor(fitting / ALIGNMENT - 1) * ALIGNMENT;
  // rows too long for any range go as they are: binding them then names the tensor and the limit
  const step = most > 0 ? most : n;
  return Array.from({ length: Math.ceil(n / step) }, (_, i) => ({ start: i * step, count: Math.min(step, n - i * step) }));
}

/** Runs `work` on all n elements of some tensors of one size, in as many ranges as the binding limit asks for. */
export function inRanges<T extends Readonly<Record<string, AnyTensor>>>(gpu: Gpu, n: number, tensors: T, work: (pieces: T, count: number) => void): void {
  const ranges = rangesOf(gpu, n);
  if (ranges.length === 1) return work(tensors, n);
  for (const { start, count } of ranges) {
    const pieces = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tensor.alias([count], start * tensor.elementBytes)]));
    work(pieces as unknown as T, count);
    for (const piece of Object.values(pieces)) piece.dispose();
  }
}
