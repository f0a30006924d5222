import { dispose } from './disposal.ts';
import { ShapeError } from './errors.ts';
import type { Context } from './context.ts';
import { Kernel } from './kernel.ts';
import { Tensor } from './tensor.ts';
import { part } from './wgsl.ts';

const append = new Kernel('history', [await part(import.meta.url, './history.wgsl')]);

/**
 * The latest rows of numbers that steps leave behind, on the GPU: a step appends its loss without anybody waiting, and
 * the host reads many steps at once.
 */
export class History {
  readonly gpu: Context;
  /** Rows that are kept. */
  readonly rows: number;
  readonly columns: number;
  readonly #ring: Tensor;
  readonly #count: Tensor<'u32'>;

  constructor(gpu: Context, rows: number, columns: number) {
    this.gpu = gpu;
    this.rows = rows;
    this.columns = columns;
    this.#ring = gpu.keep(Tensor.zeros(gpu, [rows, columns], 'history'));
    this.#count = gpu.keep(Tensor.from(gpu, new Uint32Array(1), [1], 'rows of the history'));
  }

  /** Records one row: the elements of `parts` one after another. */
  append(parts: readonly Tensor[]): void {
    const elements = parts.reduce((sum, { size }) => sum + size, 0);
    if (elements !== this.columns) {
      throw new ShapeError('history', `a row has ${this.columns} numbers, got ${elements}`);
    }
    let column = 0;
    parts.forEach((tensor, i) => {
      append.run(this.gpu, {
        tensors: { part: tensor, count: this.#count, ring: this.#ring },
        params: { n: tensor.size, column, columns: this.columns, rows: this.rows,
          is_last: i === parts.length - 1 ? 1 : 0 },
        grid: 1,
      });
      column += tensor.size;
    });
  }

  /**
   * The rows `from` to `to` (from 0, `to` excluded) of all that were appended, once they are there.
   *
   * @throws RangeError if one of them was overwritten since
   */
  async read(from: number, to: number): Promise<Float32Array[]> {
    const [ring, [count]] = (await this.gpu.read([this.#ring, this.#count])) as [Float32Array, Uint32Array];
    if (to > count || from < count - this.rows) {
      throw new RangeError(
        `rows ${from} to ${to} of a history that holds ${Math.max(0, count - this.rows)} to ${count}`,
      );
    }
    return Array.from({ length: to - from }, (_, i) => {
      const row = (from + i) % this.rows;
      return ring.slice(row * this.columns, (row + 1) * this.columns);
    });
  }

  dispose(): void {
    this.#ring.dispose();
    this.#count.dispose();
  }

  [dispose](): void {
    this.dispose();
  }
}
