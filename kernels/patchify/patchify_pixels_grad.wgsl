// Gradient of patchify for the pixels: dpatch(m)[k] = Σ_n dy[m, n] · weight[n, k]. Patches do not overlap, so every pixel is
// written once.
// rows: patches, columns: elements of a patch, in vectors, depth: width.
// Linked with patch.wgsl, a vector, and the loop: strip.subgroup.wgsl or tile.wgsl.

@group(0) @binding(1) var<storage, read> dy: array<elem>;              // [frames · SIDE², width]
@group(0) @binding(2) var<storage, read> weight: array<vector>;          // [width, 3, PATCH, PATCH]
@group(0) @binding(3) var<storage, read_write> dpixels: array<result_vector>;   // [frames, 3, S, S]

const ROW_DEPTH_FIRST = true;
const COLUMN_DEPTH_FIRST = false;

fn row_operand(r: u32, k: u32) -> f32 { return f32(dy[r * params.depth + k]); }
fn column_operand(k: u32, c: u32) -> vector32 { return vector32(weight[k * params.columns + c]); }
fn write(r: u32, c: u32, chunk: u32, value: vector32) { dpixels[patch_start(r) + patch_offset(c)] = result_vector(value); }
