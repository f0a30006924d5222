// What gradients have gathered so far, kept from step to step.
@group(0) @binding(6) var<storage, read_write> momentum_buffer: array<pack>;   // n packs

fn gathered(i: u32, g: pack32, momentum: f32) -> pack32 {
  let b = momentum * pack32(momentum_buffer[i]) + g;
  momentum_buffer[i] = pack(b);
  return b;
}
