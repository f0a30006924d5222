// What the optimiser does about the gradient of this step, decided where the gradient is; nothing comes back to the
// host for it.
//   norm ← norm / scale,  factor = min(1, max_norm / (norm + 1e-6)) / scale as torch's clip_grad_norm_, without the
//   bound if max_norm is 0
//   finite:      t + 1; after `interval` such steps in a row the scale is multiplied by `growth`
//   not finite:  nothing is updated; the scale is multiplied by `backoff`
// Micikevicius et al. 2018, arXiv:1710.03740, section 3.2; the numbers are those of torch's GradScaler. The bias
// corrections 1 − βᵗ are −expm1(t · ln β): a power of β would have lost the digits of 1 − β. Where β is 0, ln β is
// −∞, and they are 1. One lane. Linked with measured.wgsl, control.wgsl and ../exp.wgsl.

// What is the same for all groups and all steps.
struct Settings {
  max_norm: f32,    // 0 for no clipping
  log_beta1: f32,
  log_beta2: f32,
  growth: f32,      // factors on the loss scale
  backoff: f32,
  interval: f32,
}

struct State { steps: u32, finite_in_a_row: u32, skipped_in_a_row: u32, skipped: u32 }

@group(0) @binding(1) var<storage, read> measured: Measured;          // of the scaled gradient
@group(0) @binding(2) var<storage, read> settings: Settings;
@group(0) @binding(3) var<storage, read_write> state: State;
@group(0) @binding(4) var<storage, read_write> scale: array<f32>;     // [1]: factor on the loss of the next step
@group(0) @binding(5) var<storage, read_write> control: Control;

// 1 − eˣ for x ≤ 0; the series near 0, where eˣ is too close to 1.
fn one_minus_exp(x: f32) -> f32 {
  if (x < -0.5) { return 1.0 - exp_of(x); }
  var sum = 1.0;
  for (var n = 10.0; n > 1.5; n -= 1.0) { sum = 1.0 + x / n * sum; }
  return -x * sum;
}

@compute @workgroup_size(1)
fn step_control() {
  var own = state;
  let used = scale[0];
  let skips = measured.not_finite != 0.0;
  let norm = measured.norm / used;
  let bound = settings.max_norm;

  if (skips) {
    own.finite_in_a_row = 0u;
    own.skipped_in_a_row++;
    own.skipped++;
    scale[0] = used * settings.backoff;
  } else {
    own.steps++;
    own.skipped_in_a_row = 0u;
    own.finite_in_a_row++;
    if (f32(own.finite_in_a_row) >= settings.interval) {
      own.finite_in_a_row = 0u;
      scale[0] = used * settings.growth;
    }
  }
  state = own;

  control.norm = norm;
  control.factor = select(1.0, min(1.0, bound / (norm + 1e-6)), bound > 0.0) / used;
  control.skips = select(0.0, 1.0, skips);
  control.loss_scale = used;
  control.correction1 = one_minus_exp(f32(own.steps) * settings.log_beta1);
  control.correction2 = one_minus_exp(f32(own.steps) * settings.log_beta2);
  control.skipped_in_a_row = f32(own.skipped_in_a_row);
  control.step = f32(own.steps);
}
