/** What operands of products must look like, and the sizes that follow; errors name what does not fit. */
import { type Shape, ShapeError, type Tensor } from '../../engine/index.ts';
import type { ProductSize } from './cost.ts';

/** The parameters of a linear layer: weight [N, K] and bias [N]. */
export interface Affine {
  readonly weight: Tensor;
  readonly bias?: Tensor;
}

/** Sizes of x·Wᵀ. */
export function checkedLayer(op: string, x: Tensor, { weight, bias }: Affine): ProductSize {
  const [columns, inner] = weight.shape;
  if (weight.shape.length !== 2 || x.shape.at(-1) !== inner) {
    const hint = 'x is [..., K] and weight [N, K]; for [K, N] use matmul';
    throw new ShapeError(op, `x [${x.shape}] does not fit weight [${weight.shape}]`, hint);
  }
  if (bias !== undefined && !sameShape(bias.shape, [columns])) {
    throw new ShapeError(op, `bias must be [${columns}], got [${bias.shape}]`);
  }
  return { rows: x.size / inner, columns, inner };
}

export function checkResidual(op: string, residual: Tensor | undefined, shape: Shape): void {
  if (residual === undefined || sameShape(residual.shape, shape)) return;
  throw new ShapeError(op, `residual must be [${shape}], the shape of the result, got [${residual.shape}]`);
}

/** Sizes of op(a)·op(b) for every matrix of the leading axes, and whether all of them share b. */
export function checkedProduct(
  { shape: a }: Tensor,
  { shape: b }: Tensor,
  transposeA: boolean,
  transposeB: boolean,
): ProductSize & { readonly lead: Shape; readonly isShared: boolean } {
  const shapes = `a is [${a}], b is [${b}]`;
  const refuse = (what: string, hint?: string): never => {
    throw new ShapeError('matmul', what, hint);
  };
  if (transposeA && transposeB) {
    refuse(`${shapes}, both to be transposed, which no kernel does`, 'Aᵀ·Bᵀ = (B·A)ᵀ: multiply in the other order');
  }
  if (a.length < 2 || b.length < 2) {
    refuse(`${shapes}; both need two axes or more`, 'reshape a vector to [1, K] or [K, 1]');
  }
  const lead = a.slice(0, -2);
  const isShared = b.length === 2;
  if (!isShared && !sameShape(b.slice(0, -2), lead)) {
    refuse(`leading axes differ: ${shapes}`, 'b takes the leading axes of a, or none');
  }
  const [rows, inner] = order(a, transposeA);
  const [innerOfB, columns] = order(b, transposeB);
  if (inner !== innerOfB) {
    const hint = transposeA || transposeB ? undefined : 'transpose b with { transposeB: true }?';
    refuse(`inner sizes differ: ${shapes}, K is ${inner} and ${innerOfB}`, hint);
  }
  return { rows, inner, columns, lead, isShared };
}

/** The last two extents as op sees them. */
function order(shape: Shape, transposed: boolean): readonly [number, number] {
  const [first, second] = shape.slice(-2);
  return transposed ? [second, first] : [first, second];
}

function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, i) => extent === b[i]);
}
