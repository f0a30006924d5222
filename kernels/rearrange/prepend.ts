import { flat, flatTiles, inRanges, part, record, ShapeError, type Tensor } from '../../engine/index.ts';
import { vectorKernels, vectorsOf } from '../shared/rows.ts';
import { denseStrides } from '../shared/strided.ts';
import { sumApart } from '../shared/sum_to.ts';
import { copy } from './launch.ts';

const forward = vectorKernels('prepend', [await part(import.meta.url, './prepend.wgsl'), flat]);

export const prependKernels = Object.values(forward);

/**
 * One token in front of each sequence, and a position added to each token: y[s, 0] = token + positions[0], y[s, n] =
 * x[s, n − 1] + positions[n].
 *
 * @param token [D]  @param x [S, N, D]  @param positions [N + 1, D]  @returns [S, N + 1, D]
 */
export function prepend(token: Tensor, x: Tensor, positions: Tensor): Tensor {
  const [sequences, count, width] = x.shape;
  const [tokens, columns] = positions.shape;
  if (x.shape.length !== 3 || token.size !== width || positions.shape.length !== 2 || tokens !== count + 1
    || columns !== width) {
    const got = `token [${token.shape}], x [${x.shape}] and positions [${positions.shape}]`;
    throw new ShapeError('prepend', `${got} must be [D], [S, N, D] and [N + 1, D]`);
  }
  const y = x.like([sequences, count + 1, width]);
  const { kernel, vectors } = vectorsOf(forward, width);
  inRanges(x.gpu, sequences, { x, y }, (tensors, some) => {
    const n = some * (count + 1) * vectors;
    const { tile, grid } = flatTiles(x.gpu, n);
    const params = { n, tile, width: vectors, tokens: count + 1 };
    kernel.run(x.gpu, { tensors: { ...tensors, token, positions }, params, grid });
  });
  return record(
    y,
    [token, x, positions],
    (dy) => {
      const dx = x.requiresGrad ? x.gradLike() : undefined;
      if (dx !== undefined) {
        copy('prepend', dy, dx, x.shape, denseStrides(y.shape), denseStrides(x.shape), { from: width });
      }
      if (!token.requiresGrad && !positions.requiresGrad) return [undefined, dx, undefined];
      // The token is where the first position is, so its gradient is the first row of theirs. In memory of its own, not
      // in their place in an arena, where WebGPU would not let it be copied to the token's.
      const sums = sumApart(dy, positions);
      return [sums.alias([width]), dx, sums];
    },
    [],
  );
}
