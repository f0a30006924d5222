// Targets from one label per row, smoothed: `on` at the label and `off` elsewhere, formed on the fly. 4 bytes per row
// are read instead of 4 bytes per class. Linked with ../shared/special.wgsl. Same function as target.soft.wgsl.

@group(0) @binding(2) var<storage, read> labels: array<u32>;   // [rows]

// A label that names no class is an error that only the data knows: targets, loss and gradient are NaN.
fn target_at(row: u32, i: u32) -> vector32 {
  let label = labels[row];
  let smoothed = select(vector32(params.off), vector32(params.on), elements_of(i) == vector_u32(label));
  return select(smoothed, vector_of(nan_of(vec4f(f32(label)))), label >= params.cols);
}
