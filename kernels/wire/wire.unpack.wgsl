// The other way: x = f16 · 2^(e − TOP), without a rounding. A block that is marked is NaN.
// A workgroup has a block, a lane four of its numbers.
//
// Constants:
//   BLOCK, TOP, RECORD   as wire.pack.wgsl has them

struct Params { first: u32 }   // the block of `packed` that x begins with

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> packed: array<u32>;           // [all blocks, RECORD]
@group(0) @binding(2) var<storage, read_write> x: array<vec4f>;        // [blocks, BLOCK / 4]

const LANES = BLOCK / 4;

@compute @workgroup_size(LANES)
fn wire_unpack(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32
) {
  let block = group_number(group, groups);
  let record = (params.first + block) * RECORD;
  let field = packed[record];
  let words = vec2u(packed[record + 1u + 2u * lane], packed[record + 2u + 2u * lane]);
  if (field == 255u) {
    x[block * LANES + lane] = vec4f(bitcast<f32>((field << 23u) | 0x400000u));
    return;
  }
  let numbers = vec4f(of_half(words.x & 0xffffu), of_half(words.x >> 16u), of_half(words.y & 0xffffu),
    of_half(words.y >> 16u));
  x[block * LANES + lane] = numbers * bitcast<f32>((field - TOP) << 23u);
}

// The f32 of the bits of an f16 that is finite.
fn of_half(half: u32) -> f32 {
  let sign = (half & 0x8000u) << 16u;
  let magnitude = half & 0x7fffu;
  // a subnormal f16 is a multiple of 2^−24
  if (magnitude < 0x400u) { return bitcast<f32>(bitcast<u32>(f32(magnitude) * 0x1p-24f) | sign); }
  return bitcast<f32>(((magnitude << 13u) + 0x38000000u) | sign);
}
