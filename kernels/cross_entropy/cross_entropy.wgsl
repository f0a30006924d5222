// Softmax cross-entropy with soft targets, forward and gradient in one. For a row of logits z, with p = exp(z − m) / l,
//   loss = −Σ_k t_k · log p_k = Σ_k t_k · (log l − (z_k − m))
//   derivative_k = p_k · Σt − t_k          (dlogits, but for dLoss/rows, which the backward pass brings)
// Szegedy et al. 2016, arXiv:1512.00567, section 7: cross-entropy with a distribution for targets.
// New here: softmax, logarithm and gradient are one kernel, and no probability is ever stored.
// Taken from softmax.online.wgsl: m and l in one pass, here of each lane, and at last rescaled to the m of all.
// Taken from softmax.wgsl: lanes share a row.
// A class whose target is 0 takes no part in the loss, though its logit be −∞: 0 · ∞ is 0 here.
// Linked with parts/target.*.wgsl, ../shared/row/*.wgsl, ../shared/vector/*.wgsl, and of ../shared/ softmax.wgsl,
// exp.wgsl, log.wgsl and special.wgsl.

// on and off: targets at a label and elsewhere, for target.label.wgsl.
struct Params { rows: u32, cols: u32, on: f32, off: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<vector>;               // [rows, cols]
@group(0) @binding(3) var<storage, read_write> losses: array<f32>;            // [rows]
@group(0) @binding(4) var<storage, read_write> derivative: array<vector32>;   // [rows, cols]

// α of the online softmax: makes of a sum of exp(z − before) one of exp(z − after). LOWEST is of exp.wgsl; what lies
// further below counts for nothing in f32.
fn rescale(before: f32, after: f32) -> f32 { return exp_of(max(before - after, LOWEST)); }

@compute @workgroup_size(WORKGROUP)
fn cross_entropy(lanes: Lanes) {
  let row = row_of(lanes);
  let vectors = params.cols / VECTOR;
  let held = min(row, params.rows - 1u);   // lanes past the end follow the last row, so that all reach the sums
  let base = held * vectors;

  var running_max = LEAST;   // m, of this lane's logits so far
  var running_sum = 0.0;     // l, of the same
  var target_sum = 0.0;
  for (var i = lanes.lane; i < vectors; i += row_lanes(lanes)) {
    let z = vector32(logits[base + i]);
    let larger = max(running_max, max_of(z));
    running_sum = running_sum * rescale(running_max, larger) + sum_of(exp_of_vector(z - larger));
    running_max = larger;
    target_sum += sum_of(target_at(held, i));
  }
  let m = row_max(running_max, lanes);
  let sums = row_sum2(vec2f(running_sum * rescale(running_max, m), target_sum), lanes);
  let denominator = sums.x;
  let targets_of_row = sums.y;                               // Σt
  let log_denominator = log_of_four(vec4f(denominator)).x;   // of a number of at least 1: the largest logit adds exp(0)

  var loss = 0.0;
  for (var i = lanes.lane; i < vectors; i += row_lanes(lanes)) {
    let z = vector32(logits[base + i]) - m;
    let t = target_at(held, i);
    let is_out = is_zero(vec4f(t)) & is_infinite(vec4f(z));   // a class that takes no part
    loss += sum_of(t * (log_denominator - vector_of(select(vec4f(z), vec4f(), is_out))));
    if (row < params.rows) { derivative[base + i] = exp_of_vector(z) / denominator * targets_of_row - t; }
  }
  let row_loss = row_sum(loss, lanes);
  if (row < params.rows && lanes.lane == 0u) { losses[row] = row_loss; }
}
