// What is done about the gradient of a step: decided by step_control, read by each update of parameters.
struct Control {
  norm: f32,              // of the gradient, without the loss scale
  factor: f32,            // on every gradient: clipping, and 1 / loss scale
  skips: f32,             // 1 if the gradient was not finite, and nothing is updated; else 0
  loss_scale: f32,        // of this step
  correction1: f32,       // 1 − beta1ᵗ
  correction2: f32,       // 1 − beta2ᵗ
  skipped_in_a_row: f32,
  step: f32,              // t, from 1
}
