// Gradient of layer normalisation with respect to its input. With x̂ = (x − mean) · rstd and g = dy · weight,
//   dx = rstd · (g − mean(g) − x̂ · mean(g · x̂)),  means over each row, plus what reached x around the normalisation, if anything did.
// Linked with residual.none.wgsl or residual.add.wgsl, row/*.wgsl and pack/*.wgsl.

struct Params { rows: u32, packs: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<pack>;          // [rows, packs]
@group(0) @binding(2) var<storage, read> dy: array<pack>;         // [rows, packs]
@group(0) @binding(3) var<storage, read> weight: array<pack>;     // [packs]
@group(0) @binding(4) var<storage, read> mean: array<f32>;        // [rows]
@group(0) @binding(5) var<storage, read> rstd: array<f32>;        // [rows]
@group(0) @binding(6) var<storage, read_write> dx: array<result_pack>;   // [rows, packs]

@compute @workgroup_size(WORKGROUP)
fn layernorm_grad(lanes: Lanes) {
  let row = row_of(lanes);
  let packs = select(0u, params.packs, row < params.rows);
  let base = row * params.packs;
  let last = params.rows - 1u;
  let center = mean[min(row, last)];
  let scale = rstd[min(row, last)];

  var sums = vec2f();   // of g and g · x̂
  for (var c = lanes.lane; c < packs; c += row_lanes(lanes)) {
    let g = pack32(dy[base + c]) * pack32(weight[c]);
    sums += vec2f(sum_of(g), sum_of(g * (pack32(x[base + c]) - center) * scale));
  }
  let means = row_sum2(sums, lanes) / f32(params.packs * PACK);

  for (var c = lanes.lane; c < packs; c += row_lanes(lanes)) {
    let g = pack32(dy[base + c]) * pack32(weight[c]);
    let normal = (pack32(x[base + c]) - center) * scale;
    dx[base + c] = result_pack(residual_at(base + c) + scale * (g - means.x - normal * means.y));
  }
}
