// What the gradient of a step is known by: made by grad_norm, read by step_control.
struct Measured {
  norm: f32,        // √Σ g² of the gradient as it is, scaled like its loss; NaN if not finite
  not_finite: f32,  // 1 if a gradient, or the sum of squares, is NaN or infinite; else 0
}
