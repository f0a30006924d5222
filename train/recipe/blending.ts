import { type Gpu, Tensor } from '../../engine/index.ts';
import { blend, MIX } from '../../kernels/blend/index.ts';

/** x1, y1, x2, y2 in pixels, the last two exclusive. */
type Box = readonly [x1: number, y1: number, x2: number, y2: number];

const NO_BOX: Box = [0, 0, 0, 0];

function mixTensor(gpu: Gpu, label: string, keep: number, [x1, y1, x2, y2]: Box): Tensor {
  return Tensor.from(gpu, MIX.pack({ keep, x1, y1, x2, y2 }), undefined, label);
}

/** What is drawn for one batch: each sample's partner, and how much of each is kept. */
export class Mix {
  readonly #partner: readonly number[];
  readonly #box: Box;
  /** What is kept of a sample, outside of the box. */
  readonly #keep: number;
  /** Weight of a sample's own label; its partner's has the rest. */
  readonly keepLabels: number;

  constructor(partner: readonly number[], keep: number, box: Box, keepLabels: number) {
    this.#partner = partner;
    this.#keep = keep;
    this.#box = box;
    this.keepLabels = keepLabels;
  }

  /** For each sample of the batch, the one that it is mixed with: [B]. */
  partners(gpu: Gpu): Tensor<'u32'> {
    return Tensor.from(gpu, Uint32Array.from(this.#partner), [this.#partner.length], 'partner');
  }

  /** The mix of the clips, as the kernel `blend` takes it. */
  clips(gpu: Gpu): Tensor {
    return mixTensor(gpu, 'mix', this.#keep, this.#box);
  }

  /** The mix of the labels: the same partners, no box. */
  labels(gpu: Gpu): Tensor {
    return mixTensor(gpu, 'label mix', this.keepLabels, NO_BOX);
  }
}

/** λ · x + (1 − λ) · x[partner]. Zhang et al. 2018, arXiv:1710.09412, eq. 1. */
export function mixUp(partner: readonly number[], lambda: number): Mix {
  return new Mix(partner, lambda, NO_BOX, lambda);
}

/**
 * A box of the partner is pasted into every frame; labels are mixed by the area that is left. Yun et al. 2019,
 * arXiv:1905.04899, eq. 1.
 *
 * @param box x1, y1, x2, y2 in pixels, the last two exclusive
 */
export function cutMix(partner: readonly number[], box: Box, height: number, width: number): Mix {
  const [x1, y1, x2, y2] = box;
  return new Mix(partner, 1, box, 1 - ((x2 - x1) * (y2 - y1)) / (height * width));
}

/** Smoothed one-hot labels of a batch, mixed: [B, K]. On: 1 − s + s/K, off: s/K. */
export function mixLabels(gpu: Gpu, labels: Int32Array, classes: number, smoothing: number, mix: Mix): Tensor {
  return gpu.scope(() => {
    const off = smoothing / classes;
    const rows = new Float32Array(labels.length * classes).fill(off);
    labels.forEach((label, row) => {
      rows[row * classes + label] = 1 - smoothing + off;
    });
    const plain = Tensor.from(gpu, rows, [labels.length, 1, classes], 'labels');
    return blend(plain, mix.partners(gpu), mix.labels(gpu)).reshape([labels.length, classes]);
  });
}
