// Gradient of patchify for its weight: dweight[n, k] = Σ_m dy[m, n] · patch(m)[k]. The patches are cut into chunks, each with a sum
// of its own, because a small weight alone gives too little parallel work; the sums are added afterwards, in fixed order.
// rows: width, columns: elements of a patch, in vectors, depth: patches.
// Linked with patch.wgsl, a vector, and the loop: strip.subgroup.wgsl or tile.wgsl.

@group(0) @binding(1) var<storage, read> dy: array<elem>;                // [frames · SIDE², width]
@group(0) @binding(2) var<storage, read> pixels: array<vector>;            // [frames, 3, S, S]
@group(0) @binding(3) var<storage, read_write> dweight: array<result_vector>;     // [chunks, width, 3, PATCH, PATCH]

const ROW_DEPTH_FIRST = false;
const COLUMN_DEPTH_FIRST = false;

fn row_operand(r: u32, k: u32) -> f32 { return f32(dy[k * params.rows + r]); }
fn column_operand(k: u32, c: u32) -> vector32 { return vector32(pixels[patch_start(k) + patch_offset(c)]); }
fn write(r: u32, c: u32, chunk: u32, value: vector32) { dweight[(chunk * params.rows + r) * params.columns + c] = result_vector(value); }
