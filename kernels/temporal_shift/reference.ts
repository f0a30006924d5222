import { type Shape, sizeOf } from '../../engine/index.ts';

/** y of frame t: channels below `fold` of frame t + 1, as many behind them of frame t − 1, all others of frame t. */
export function temporalShift(x: Float64Array, shape: Shape, frames: number, fold: number): Float64Array {
  const channels = shape[shape.length - 1];
  const frame = sizeOf(shape.slice(1));
  return x.map((own, i) => {
    const channel = i % channels;
    const by = channel < fold ? 1 : channel < 2 * fold ? -1 : 0;
    if (by === 0) return own;
    const t = (Math.floor(i / frame) % frames) + by;
    return t < 0 || t >= frames ? 0 : x[i + by * frame];
  });
}

/** dx of frame t: what y took of it, from frame t − 1 for channels below `fold`, from t + 1 for as many behind them. */
export function temporalShiftGradient(dy: Float64Array, shape: Shape, frames: number, fold: number): Float64Array {
  const channels = shape[shape.length - 1];
  const frame = sizeOf(shape.slice(1));
  const dx = new Float64Array(dy.length);
  dy.forEach((d, i) => {
    const channel = i % channels;
    const by = channel < fold ? 1 : channel < 2 * fold ? -1 : 0;
    const t = (Math.floor(i / frame) % frames) + by;
    if (t >= 0 && t < frames) dx[i + by * frame] += d;
  });
  return dx;
}
