// Convolution whose kernel is as large as its stride: y[m, n] = Σ_k patch(m)[k] · weight[n, k], a matmul that gathers its rows
// from the frames as it loads them. Dosovitskiy et al. 2021, arXiv:2010.11929, eq. 1 (without the bias).
// rows: patches, columns: width, in vectors, depth: elements of a patch, in vectors.
// Linked with patch.wgsl, a vector, and the loop: dots.subgroup.wgsl or tile.wgsl.

@group(0) @binding(1) var<storage, read> pixels: array<vector>;    // [frames, 3, S, S]
@group(0) @binding(2) var<storage, read> weight: array<vector>;    // [width, 3, PATCH, PATCH]
@group(0) @binding(3) var<storage, read_write> y: array<vector>;   // [frames · SIDE², width]

const ROW_DEPTH_FIRST = true;      // neighbours along depth are neighbours in memory, in both operands
const COLUMN_DEPTH_FIRST = true;

fn row_operand(r: u32, k: u32) -> vector32 { return vector32(pixels[patch_start(r) + patch_offset(k)]); }
fn column_operand(k: u32, c: u32) -> vector32 { return vector32(weight[c * params.depth + k]); }
fn write(r: u32, c: u32, chunk: u32, value: vector32) { y[r * params.columns + c] = vector(value); }
