// Softmax cross-entropy with soft targets, forward and gradient in one pass. For each row, with p = softmax(logits):
//   loss = −Σ_k t_k · log p_k = Σ_k t_k · (logSumExp − z_k)
//   dlogits_k = p_k · Σ t − t_k          (times dLoss/rows, which the backward pass brings)
// A class whose target is 0 takes no part in the sum, though its logit be −∞: 0 · ∞ is 0 here.
// Szegedy et al. 2016, arXiv:1512.00567, section 7, for soft targets. Linked with row/*.wgsl, exp.wgsl, log.wgsl,
// special.wgsl, a vector, and target.*.wgsl.

struct Params { rows: u32, vectors: u32, on: f32, off: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<vector>;              // [rows, vectors]
@group(0) @binding(3) var<storage, read_write> losses: array<f32>;         // [rows]
@group(0) @binding(4) var<storage, read_write> derivative: array<vector32>;       // [rows, vectors], p · Σt − t

const LEAST = -3.4028234e38;   // the smallest f32

fn exponential(p: vector32) -> vector32 { return vector_of(exp_of_four(vec4f(p))); }

@compute @workgroup_size(WORKGROUP)
fn cross_entropy(lanes: Lanes) {
  let row = row_of(lanes);
  let held = min(row, params.rows - 1u);   // lanes past the end follow the last row, so that all reach the sums
  let base = held * params.vectors;
  let stride = row_lanes(lanes);

  // the largest logit so far and the sum of exponentials below it, in one pass; a larger logit shrinks what was summed before
  var largest = LEAST;
  var below = 0.0;
  var sum_of_targets = 0.0;
  for (var p = lanes.lane; p < params.vectors; p += stride) {
    let z = vector32(logits[base + p]);
    let next = max(largest, max_of(z));
    below = below * exp_of(max(largest - next, LOWEST)) + sum_of(exponential(z - next));
    largest = next;
    sum_of_targets += sum_of(target_at(held, p));
  }
  let top = row_max(largest, lanes);
  let totals = row_sum2(vec2f(below * exp_of(max(largest - top, LOWEST)), sum_of_targets), lanes);   // Σ exp(z − top), Σ t
  let log_sum = log_of_four(vec4f(totals.x)).x;   // of a number of at least 1: the largest logit adds exp(0)

  var loss = 0.0;
  for (var p = lanes.lane; p < params.vectors; p += stride) {
    let z = vector32(logits[base + p]) - top;
    let t = target_at(held, p);
    let is_out = is_zero(vec4f(t)) & is_infinite(vec4f(z));
    loss += sum_of(t * (log_sum - vector_of(select(vec4f(z), vec4f(), is_out))));
    if (row < params.rows) { derivative[base + p] = exponential(z) / totals.x * totals.y - t; }
  }
  let row_loss = row_sum(loss, lanes);
  if (row < params.rows && lanes.lane == 0u) { losses[row] = row_loss; }
}
