// Layer normalisation, gradients of weight and bias, second stage: adds the chunks' sums in their order.

struct Params { columns: u32, chunks: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partial: array<f32>;            // [chunks, 2, columns]
@group(0) @binding(2) var<storage, read_write> dweight: array<elem>;     // [columns]
@group(0) @binding(3) var<storage, read_write> dbias: array<elem>;       // [columns]

@compute @workgroup_size(64)
fn layernorm_grad_sum(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let column = group.x * 64u + lane;
  if (column >= params.columns) { return; }
  var weight_sum = 0.0;
  var bias_sum = 0.0;
  for (var chunk = 0u; chunk < params.chunks; chunk++) {
    let base = chunk * 2u * params.columns;
    weight_sum += partial[base + column];
    bias_sum += partial[base + params.columns + column];
  }
  dweight[column] = elem(weight_sum);
  dbias[column] = elem(bias_sum);
}
