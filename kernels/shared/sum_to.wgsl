// Sums over axes along which a tensor was repeated: the gradient of broadcasting.
//   sums[s, k] = Σ x[kept(k) + reduced(r)], r over the s-th split of `split_length` reduced positions, in rising order
// One lane per sum. A long sum goes in two passes: sums of splits, then, by the same kernel, their sums. The order of
// addition depends on the shape alone: where x is larger than a binding, a dispatch has some of the kept and some of
// the reduced positions, and goes on with a split that an earlier one began.
// Linked with strided.wgsl and a vector.
// Constants: WORKGROUP, the lanes of a workgroup; KEPT_RANK and REDUCED_RANK, the axes of each kind.

struct Params {
  kept: u32, split_length: u32, n: u32,                     // kept positions of x in all, and sums of this dispatch
  k_first: u32, k_count: u32, s_first: u32,                 // kept positions of this dispatch, and its first split
  r_first: u32, r_end: u32,                                 // reduced positions of this dispatch
  x_origin: u32, sums_origin: u32,                          // where what is bound begins in x and in sums
  ke0: u32, ke1: u32, ke2: u32, ke3: u32, ke4: u32, ke5: u32,   // extents of the kept axes, innermost first
  ks0: u32, ks1: u32, ks2: u32, ks3: u32, ks4: u32, ks5: u32,   // their strides in x
  re0: u32, re1: u32, re2: u32, re3: u32, re4: u32, re5: u32,   // the same of the reduced axes
  rs0: u32, rs1: u32, rs2: u32, rs3: u32, rs4: u32, rs5: u32
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;
@group(0) @binding(2) var<storage, read_write> sums: array<result_vector>;   // [splits, kept]

@compute @workgroup_size(WORKGROUP)
fn sum_to(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32
) {
  let i = group_number(group, groups) * WORKGROUP + lane;
  if (i >= params.n) { return; }
  let kept_extents = array(params.ke0, params.ke1, params.ke2, params.ke3, params.ke4, params.ke5);
  let kept_strides = array(params.ks0, params.ks1, params.ks2, params.ks3, params.ks4, params.ks5);
  let reduced_extents = array(params.re0, params.re1, params.re2, params.re3, params.re4, params.re5);
  let reduced_strides = array(params.rs0, params.rs1, params.rs2, params.rs3, params.rs4, params.rs5);
  let k = params.k_first + i % params.k_count;
  let split = params.s_first + i / params.k_count;
  // below 0 it wraps, and comes back with what is added
  let base = strided_offset(k, KEPT_RANK, kept_extents, kept_strides) - params.x_origin;
  let place = split * params.kept + k - params.sums_origin;
  let start = split * params.split_length;
  let first = max(start, params.r_first);
  let end = min(start + params.split_length, params.r_end);
  var sum = vector32();
  if (first > start) { sum = vector32(sums[place]); }
  for (var r = first; r < end; r++) {
    sum += vector32(x[base + strided_offset(r, REDUCED_RANK, reduced_extents, reduced_strides)]);
  }
  sums[place] = result_vector(sum);
}
