/** A loss of a pair, and its derivatives. */
export interface PairReference {
  loss(x: number, t: number): number;
  derivativeOfX(x: number, t: number): number;
  derivativeOfTarget(x: number, t: number): number;
}

export const squaredError: PairReference = {
  loss: (x, t) => (x - t) ** 2,
  derivativeOfX: (x, t) => 2 * (x - t),
  derivativeOfTarget: (x, t) => 2 * (t - x),
};

const product = (x: number, share: number) => (share === 0 && !Number.isNaN(x) ? 0 : x * share);

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

export const binaryCrossEntropy: PairReference = {
  // max(x, 0) − x·t = |x| · (1 − t) or |x| · t: the share of the wrong side, which may be 0 where |x| is infinite
  loss: (x, t) => product(Math.abs(x), x > 0 ? 1 - t : t) + Math.log1p(Math.exp(-Math.abs(x))),
  derivativeOfX: (x, t) => (1 - t) * sigmoid(x) - t * sigmoid(-x), // σ(x) − t, which would cancel
  derivativeOfTarget: (x) => -x,
};

/** The mean loss. */
export function meanLoss({ loss }: PairReference, x: Float64Array, target: Float64Array): number {
  return x.reduce((sum, v, i) => sum + loss(v, target[i]), 0) / x.length;
}

/** dx and dtarget: the derivatives, times dLoss / n. */
export function meanLossGradient({ derivativeOfX, derivativeOfTarget }: PairReference, x: Float64Array,
  target: Float64Array, dloss: number) {
  const factor = dloss / x.length;
  return { x: x.map((v, i) => derivativeOfX(v, target[i]) * factor),
    target: target.map((t, i) => derivativeOfTarget(x[i], t) * factor) };
}
