/**
 * How shapes are spelled: one way in workloads, in tasks for other libraries, and in PyTorch's script
 * (bench/torch/reference.py).
 */

/** [rows, inner] · [inner, columns]: `408 × 768 → 3072`, or `512³`. */
export function productName(rows: number, inner: number, columns: number): string {
  return rows === inner && inner === columns ? `${rows}³` : `${rows} × ${inner} → ${columns}`;
}

/** [rows, columns]: `8192 × 768`. */
export function rowsName(rows: number, columns: number): string {
  return `${rows} × ${columns}`;
}

/** Attention, heads of all samples together: `96 heads, 50 tokens of 64`. */
export function headsName(heads: number, tokens: number, headDim: number): string {
  return `${heads} heads, ${tokens} tokens of ${headDim}`;
}
