import { type Gpu, record, type Tensor } from '../engine/index.ts';

/** The gradient of a pull that was written by hand: y = x, with whatever `pull` returns. */
export const customOf =
  (gpu: Gpu) =>
  (x: Tensor, pull: (dy: Tensor) => readonly (Tensor | undefined)[], parents: readonly Tensor[] = [x]): Tensor => {
    const y = x.like();
    gpu.copy(x, y);
    return record(y, parents, pull, []);
  };
