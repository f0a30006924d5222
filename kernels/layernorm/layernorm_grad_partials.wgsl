// Gradients of layer normalisation with respect to weight and bias, stage 1 of 2: sums over bands of rows.
//   dweight = Σ dy · x̂,  dbias = Σ dy,  over all rows
// A lane owns one column pack of one band and walks down its rows; neighbouring lanes read neighbouring columns. The bands
// depend on the shape alone, so the order of every sum is fixed, and no atomics are needed. Linked with pack/*.wgsl.

struct Params { rows: u32, packs: u32, bands: u32, band: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<pack>;                // [rows, packs]
@group(0) @binding(2) var<storage, read> dy: array<pack>;               // [rows, packs]
@group(0) @binding(3) var<storage, read> mean: array<f32>;              // [rows]
@group(0) @binding(4) var<storage, read> rstd: array<f32>;              // [rows]
@group(0) @binding(5) var<storage, read_write> partials: array<pack32>; // [bands, 2, packs]: Σ dy · x̂, Σ dy

const WORKGROUP = 64u;

@compute @workgroup_size(WORKGROUP)
fn layernorm_grad_partials(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  let c = i % params.packs;
  let band = i / params.packs;
  if (band >= params.bands) { return; }
  var dweight = pack32();
  var dbias = pack32();
  let end = min((band + 1u) * params.band, params.rows);
  for (var row = band * params.band; row < end; row++) {
    let g = pack32(dy[row * params.packs + c]);
    dweight += g * (pack32(x[row * params.packs + c]) - mean[row]) * rstd[row];
    dbias += g;
  }
  partials[2u * band * params.packs + c] = dweight;
  partials[(2u * band + 1u) * params.packs + c] = dbias;
}
