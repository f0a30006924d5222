// The pixel that was the largest of its window, the first of several, has all of its gradient.

@group(0) @binding(3) var<storage, read> taps: array<vector_u32>;   // [frames, windows …, C]: which pixel that was

fn share_of(at: u32, tap: u32) -> vector32 {
  return select(vector32(), vector32(dy[at]), taps[at] == vector_u32(tap));
}
