/** Calls `fn` with each row's first index and log Σ exp. */
function eachRow(x: Float64Array, length: number, fn: (base: number, logSumExp: number) => void): void {
  for (let base = 0; base < x.length; base += length) {
    const row = x.subarray(base, base + length);
    const m = row.reduce((a, b) => Math.max(a, b));
    fn(base, m + Math.log(row.reduce((sum, v) => sum + Math.exp(v - m), 0)));
  }
}

export function logSoftmax(x: Float64Array, length: number): Float64Array {
  const y = new Float64Array(x.length);
  eachRow(x, length, (base, lse) => {
    for (let c = 0; c < length; c++) y[base + c] = x[base + c] - lse;
  });
  return y;
}

export function softmax(x: Float64Array, length: number): Float64Array {
  return logSoftmax(x, length).map(Math.exp);
}

/** Σ over a row of a product. */
function rowSum(a: Float64Array, b: Float64Array, base: number, length: number): number {
  let sum = 0;
  for (let c = 0; c < length; c++) sum += a[base + c] * b[base + c];
  return sum;
}

/** dx = y (dy − Σ y dy). */
export function softmaxGradient(x: Float64Array, dy: Float64Array, length: number): Float64Array {
  const y = softmax(x, length);
  return y.map((v, i) => v * (dy[i] - rowSum(y, dy, i - (i % length), length)));
}

/** dx = dy − softmax(x) Σ dy. */
export function logSoftmaxGradient(x: Float64Array, dy: Float64Array, length: number): Float64Array {
  const ones = new Float64Array(x.length).fill(1);
  return softmax(x, length).map((v, i) => dy[i] - v * rowSum(ones, dy, i - (i % length), length));
}
