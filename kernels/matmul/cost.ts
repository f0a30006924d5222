import { bytesOf, type FloatType } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/** What a product works on: `batch` times M × K times K × N, with one matrix b for all of a batch if it `sharesB`. */
export interface ProductSize {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  readonly batch?: number;
  readonly sharesB?: boolean;
  /** What is added to the product: a row of numbers, and as many as the result has. */
  readonly bias?: boolean;
  readonly residual?: boolean;
}

/** Elements of the tensors of a product. */
function elements({ rows, inner, columns, batch = 1, sharesB = false }: ProductSize) {
  return { a: batch * rows * inner, b: (sharesB ? 1 : batch) * inner * columns, y: batch * rows * columns,
    bias: columns };
}

/** Work of one forward call. */
export function cost(size: ProductSize, type: FloatType): Cost {
  const { a, b, y, bias } = elements(size);
  return {
    flops: 2 * y * size.inner,
    bytesRead: bytesOf(type, a + b + (size.bias ? bias : 0) + (size.residual ? y : 0)),
    bytesWritten: bytesOf(type, y),
  };
}

/**
 * Work of the gradients: a product of the same size for a, one for b, and column sums of dy for the bias. A residual's
 * gradient is dy itself.
 *
 * @param wrt `a` or `x`, `b` or `weight`, `bias`
 */
export function gradientCost(size: ProductSize, wrt: readonly string[], type: FloatType): Cost {
  const { a, b, y, bias } = elements(size);
  const wanted = (...names: readonly string[]) => (names.some((name) => wrt.includes(name)) ? 1 : 0);
  const [da, db, dbias] = [wanted('a', 'x'), wanted('b', 'weight'), wanted('bias')];
  return {
    flops: 2 * (da + db) * y * size.inner + dbias * y,
    bytesRead: bytesOf(type, y + da * b + db * a),
    bytesWritten: bytesOf(type, da * a + db * b + dbias * bias),
  };
}

/** Two linear layers with an activation between them: `rows` × `inner` → `hidden` → `columns`. */
export interface MlpSize {
  readonly rows: number;
  readonly inner: number;
  readonly hidden: number;
  readonly columns: number;
}

/** Work of one forward call. What goes into the activation is kept for the gradient. */
export function mlpCost({ rows, inner, hidden, columns }: MlpSize,
  { bias, residual }: { bias: boolean; residual: boolean }, type: FloatType): Cost {
  const weights = (inner + columns) * hidden;
  return {
    flops: 2 * rows * weights,
    bytesRead: bytesOf(type, rows * inner + weights + (bias ? hidden + columns : 0) + (residual ? rows * columns : 0)),
    bytesWritten: bytesOf(type, rows * (hidden + columns)),
  };
}

/** Work of the gradients of everything: of each layer two products. */
export function mlpGradientCost({ rows, inner, hidden, columns }: MlpSize, { bias }: { bias: boolean },
  type: FloatType): Cost {
  const weights = (inner + columns) * hidden;
  return {
    flops: 4 * rows * weights + (bias ? rows * (hidden + columns) : 0),
    bytesRead: bytesOf(type, rows * (inner + hidden + columns) + weights),
    bytesWritten: bytesOf(type, rows * inner + weights + (bias ? hidden + columns : 0)),
  };
}
