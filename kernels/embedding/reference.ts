/** y[p] = table[ids[p]], rows of `width`. */
export function embedding(table: Float64Array, ids: ArrayLike<number>, width: number): Float64Array {
  return Float64Array.from({ length: ids.length * width },
    (_, i) => table[ids[Math.floor(i / width)] * width + (i % width)]);
}

/** dtable[ids[p]] gets the sum of dy[p]. */
export function embeddingGradient(dy: Float64Array, ids: ArrayLike<number>, width: number, size: number): Float64Array {
  const dtable = new Float64Array(size);
  dy.forEach((d, i) => (dtable[ids[Math.floor(i / width)] * width + (i % width)] += d));
  return dtable;
}

/** Row ids of x [B · L, D] that `indexSelect` takes: b · L + index[b]. */
export function selectedRows(index: ArrayLike<number>, length: number): number[] {
  return Array.from({ length: index.length }, (_, b) => b * length + index[b]);
}
