// Targets from one label per row, smoothed: `on` at the label and `off` elsewhere, formed on the fly.
// 4 bytes per row are read instead of 4 bytes per class.

@group(0) @binding(2) var<storage, read> labels: array<u32>;   // [rows]

// A label that names no class is an error that only the data knows. Its target is so large that the loss overflows to infinity,
// as Σ_k (logSumExp − z_k) ≥ K · log K exceeds 1.13 from two classes on.
fn target_at(row: u32, p: u32) -> pack32 {
  let label = labels[row];
  let smoothed = select(pack32(params.off), pack32(params.on), classes_of(p) == classes_like(label));
  return select(smoothed, pack32(3.0e38), label >= params.packs * PACK);
}
