// Layer normalisation, gradients of weight and bias, first stage: sums over a chunk of rows, column by column.
//   dweight[c] = Σ dy · x̂,  dbias[c] = Σ dy
// One lane per column and chunk; neighbouring lanes read neighbouring columns. No atomics: each chunk has its own sums,
// added by the second stage in a fixed order, so two runs give equal bits.

struct Params { rows: u32, columns: u32, chunk: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<elem>;               // [rows, columns]
@group(0) @binding(2) var<storage, read> mean: array<f32>;             // [rows]
@group(0) @binding(3) var<storage, read> rstd: array<f32>;             // [rows]
@group(0) @binding(4) var<storage, read> dy: array<elem>;              // [rows, columns]
@group(0) @binding(5) var<storage, read_write> partial: array<f32>;    // [chunks, 2, columns]

@compute @workgroup_size(64)
fn layernorm_grad_columns(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let column = group.x * 64u + lane;
  if (column >= params.columns) { return; }
  let first = group.y * params.chunk;
  let last = min(first + params.chunk, params.rows);
  var dweight = 0.0;
  var dbias = 0.0;
  for (var row = first; row < last; row++) {
    let i = row * params.columns + column;
    let g = f32(dy[i]);
    dweight += g * (f32(x[i]) - mean[row]) * rstd[row];
    dbias += g;
  }
  let base = group.y * 2u * params.columns;
  partial[base + column] = dweight;
  partial[base + params.columns + column] = dbias;
}
