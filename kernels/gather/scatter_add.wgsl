// Adds along one dimension: total[…, index[…, k, …], …] += source[…, k, …], k rising from 0. The gradient of
// gather.wgsl. Without atomics: a line of `total` along the dimension is cut into windows of `width` places, and each
// window belongs to one lane. The lane walks the index of its line from first to last and adds what falls into its
// window. So a place has a single writer, and the order of each sum is that of the index, however wide windows are.
// Neighbouring lanes have neighbouring lines. What is larger than a binding comes in several dispatches: elements of
// index and source from `source_origin` on, and of total from `total_origin` on. A place that total does not have makes
// the whole line NaN.
// Linked with strided.wgsl and special.wgsl.
// Constants: WORKGROUP, the lanes of a workgroup; RANK, the axes of the index without the dimension, merged where they
// can be.

struct Params {
  lanes: u32, lines: u32, width: u32,               // all windows, lines of the index, and places of a window
  extent: u32, stride: u32,                         // of total along the dimension
  positions: u32, step: u32,                        // extent and stride of the index along it
  source_origin: u32, source_count: u32,            // the elements of index and source that are bound
  total_origin: u32, total_count: u32,              // those of total
  e0: u32, e1: u32, e2: u32, e3: u32, e4: u32, e5: u32,   // extents of the index without the dimension, innermost first
  t0: u32, t1: u32, t2: u32, t3: u32, t4: u32, t5: u32,   // strides of total
  s0: u32, s1: u32, s2: u32, s3: u32, s4: u32, s5: u32    // strides of index and source
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> index: array<u32>;         // [source_count]
@group(0) @binding(2) var<storage, read> source: array<elem>;       // [source_count]
@group(0) @binding(3) var<storage, read_write> total: array<f32>;   // [total_count]

@compute @workgroup_size(WORKGROUP)
fn scatter_add(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32
) {
  let i = group_number(group, groups) * WORKGROUP + lane;
  if (i >= params.lanes) { return; }
  let line = i % params.lines;
  let first = i / params.lines * params.width;
  let end = min(first + params.width, params.extent);
  let extents = array(params.e0, params.e1, params.e2, params.e3, params.e4, params.e5);
  let strides = array(params.t0, params.t1, params.t2, params.t3, params.t4, params.t5);
  let steps = array(params.s0, params.s1, params.s2, params.s3, params.s4, params.s5);
  // what lies before the elements of this dispatch wraps to huge numbers
  let total_line = strided_offset(line, RANK, extents, strides) - params.total_origin;
  let source_line = strided_offset(line, RANK, extents, steps) - params.source_origin;

  var is_outside = false;
  for (var k = 0u; k < params.positions; k++) {
    let at = source_line + k * params.step;
    if (at >= params.source_count) { continue; }
    let place = index[at];
    is_outside = is_outside || place >= params.extent;
    if (place < first || place >= end) { continue; }
    let to = total_line + place * params.stride;
    if (to < params.total_count) { total[to] += f32(source[at]); }
  }
  if (!is_outside) { return; }
  for (var place = first; place < end; place++) {
    let to = total_line + place * params.stride;
    if (to < params.total_count) { total[to] = nan_of(vec4f(f32(place))).x; }
  }
}
