// y = combine(a, b), element by element, NumPy's broadcasting: an operand that is repeated along an axis has stride 0 there.
// One lane per pack. Axes are merged beforehand, so equal shapes arrive as one axis and cost no division.
// Linked with one of add.wgsl, sub.wgsl, mul.wgsl (`combine`), with strided.wgsl, and with a pack.

struct Params {
  n: u32,
  e0: u32, e1: u32, e2: u32, e3: u32, e4: u32, e5: u32,   // extents of y, innermost first
  a0: u32, a1: u32, a2: u32, a3: u32, a4: u32, a5: u32,   // strides of a
  b0: u32, b1: u32, b2: u32, b3: u32, b4: u32, b5: u32    // strides of b
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<pack>;
@group(0) @binding(2) var<storage, read> b: array<pack>;
@group(0) @binding(3) var<storage, read_write> y: array<result_pack>;   // n packs

const WORKGROUP = 256u;

@compute @workgroup_size(WORKGROUP)
fn elementwise(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= params.n) { return; }
  let extents = array(params.e0, params.e1, params.e2, params.e3, params.e4, params.e5);
  let at_a = strided_offset(i, RANK, extents, array(params.a0, params.a1, params.a2, params.a3, params.a4, params.a5));
  let at_b = strided_offset(i, RANK, extents, array(params.b0, params.b1, params.b2, params.b3, params.b4, params.b5));
  y[i] = result_pack(combine(pack32(a[at_a]), pack32(b[at_b])));
}
