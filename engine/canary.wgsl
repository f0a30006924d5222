// The last command of every recording, and the first of every readback: counts those that ran.
// A command buffer with one bad command is dropped whole and in silence; then this count falls behind what was
// submitted.

@group(0) @binding(0) var<storage, read_write> ran: array<u32>;   // [1]

@compute @workgroup_size(1)
fn canary() {
  ran[0] += 1u;
}
