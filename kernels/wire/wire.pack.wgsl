// Half precision for the wire: blocks of BLOCK numbers, each of which becomes an f16 times one power of two.
//   packed[b] = (e, f16(x · 2^(TOP − e)) of its numbers), e = the exponent of the largest of them
// The largest number of a block lies in [2^TOP, 2^(TOP + 1)) then, where f16 has 28 binades below it at full precision.
// Numbers are rounded to the nearest f16, ties to even, in whole numbers: WGSL leaves open how floats are rounded, and
// the host must come to the same bits. A block with a NaN or an infinity is marked, and comes back NaN.
// A workgroup has a block, a lane four of its numbers.
//
// Constants:
//   BLOCK          numbers of a block, four for each lane
//   TOP            the exponent that the largest of them gets
//   LEAST          the least e, as a field of f32: smaller numbers become 0, and none becomes subnormal
//   RECORD         words of a block: its exponent, and two numbers in each further one

struct Params { first: u32 }   // the block of `packed` that x begins with

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;              // [blocks, BLOCK / 4]
@group(0) @binding(2) var<storage, read_write> packed: array<u32>;     // [all blocks, RECORD]

const LANES = BLOCK / 4;
var<workgroup> largest: array<u32, LANES>;

@compute @workgroup_size(LANES)
fn wire_pack(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32
) {
  let block = group_number(group, groups);
  let own = x[block * LANES + lane];
  // bits of floats without their sign are in the order of their magnitude, and NaN above all
  let bits = bitcast<vec4u>(own) & vec4u(0x7fffffffu);
  largest[lane] = max(max(bits.x, bits.y), max(bits.z, bits.w));
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) { largest[lane] = max(largest[lane], largest[lane + half]); }
    workgroupBarrier();
  }
  let field = max(largest[0] >> 23u, LEAST);
  var halves = vec4u(0x3c00u);   // of a block that is marked, whose numbers do not matter
  if (field < 255u) {
    let scaled = bitcast<vec4u>(own * bitcast<f32>((254u + TOP - field) << 23u));
    for (var i = 0u; i < 4u; i++) { halves[i] = half_of(scaled[i]); }
  }
  let record = (params.first + block) * RECORD;
  if (lane == 0u) { packed[record] = field; }
  packed[record + 1u + 2u * lane] = halves.x | (halves.y << 16u);
  packed[record + 2u + 2u * lane] = halves.z | (halves.w << 16u);
}

// The nearest f16 of an f32 below 2^16, both as bits.
fn half_of(bits: u32) -> u32 {
  let sign = (bits >> 16u) & 0x8000u;
  let magnitude = bits & 0x7fffffffu;
  if (magnitude >= 0x38800000u) {   // 2^−14, the smallest f16 that is not subnormal
    return sign | ((magnitude + 0xfffu + ((magnitude >> 13u) & 1u) - 0x38000000u) >> 13u);
  }
  // a multiple of 2^−24, which is as many as its f16 says
  let shift = min(126u - min(magnitude >> 23u, 112u), 25u);
  let mantissa = (magnitude & 0x7fffffu) | 0x800000u;
  return sign | ((mantissa + (1u << (shift - 1u)) - 1u + ((mantissa >> shift) & 1u)) >> shift);
}
