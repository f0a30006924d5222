// What gradients have gathered so far, kept from step to step.
@group(0) @binding(6) var<storage, read_write> momentum_buffer: array<vector>;   // n vectors

fn gathered(i: u32, g: vector32, momentum: f32) -> vector32 {
  let b = momentum * vector32(momentum_buffer[i]) + g;
  momentum_buffer[i] = vector(b);
  return b;
}
