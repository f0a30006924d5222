import { record, ShapeError, type Tensor } from '../../engine/index.ts';
import { denseStrides } from '../shared/strided.ts';
import { checkDim, copy } from './launch.ts';

/** Tensors one after another along axis `dim`; their other extents are equal. */
export function concat(tensors: readonly Tensor[], dim: number): Tensor {
  const [first] = tensors;
  if (first === undefined) throw new ShapeError('concat', 'no tensors were given');
  checkDim('concat', first, dim);
  for (const { shape } of tensors) {
    if (shape.length !== first.shape.length || shape.some((extent, i) => i !== dim && extent !== first.shape[i])) {
      throw new ShapeError('concat', `[${first.shape}] and [${shape}] differ outside of axis ${dim}`);
    }
  }
  const y = first.like(first.shape.with(dim, tensors.reduce((sum, { shape }) => sum + shape[dim], 0)));
  const strides = denseStrides(y.shape);
  let place = 0;
  const places = tensors.map(({ shape }) => {
    const here = place * strides[dim];
    place += shape[dim];
    return here;
  });
  tensors.forEach((x, i) => copy('concat', x, y, x.shape, denseStrides(x.shape), strides, { to: places[i] }));
  return record(
    y,
    tensors,
    (dy) =>
      tensors.map((x, i) => {
        if (!x.requiresGrad) return undefined;
        const dx = x.gradLike();
        copy('concat', dy, dx, x.shape, strides, denseStrides(x.shape), { from: places[i] });
        return dx;
      }),
    [],
  );
}
