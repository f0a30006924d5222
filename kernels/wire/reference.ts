/**
 * NaN for a block of 1,024 with a number that is not finite. Else x rounded to f16 after division by a power of two,
 * which the largest number of its block gives, and times it.
 */
export function wire(x: Float64Array): Float64Array {
  const y = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += 1024) {
    const block = x.subarray(start, start + 1024);
    const largest = block.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    if (!block.every(Number.isFinite)) {
      y.fill(Number.NaN, start, start + 1024);
      continue;
    }
    const power = 2 ** (Math.max(largest === 0 ? -80 : Math.floor(Math.log2(largest)), -80) - 14);
    block.forEach((value, i) => (y[start + i] = half(value / power) * power));
  }
  return y;
}

/** The nearest f16, ties to even. */
function half(value: number): number {
  const unit = 2 ** (Math.max(Math.floor(Math.log2(Math.abs(value))), -14) - 10);
  const [below, rest] = [Math.floor(value / unit), value / unit - Math.floor(value / unit)];
  const up = rest > 0.5 || (rest === 0.5 && below % 2 !== 0);
  return value === 0 ? 0 : (below + Number(up)) * unit;
}
