// Elements of x by their place along one dimension: y[…, k, …] = x[…, index[…, k, …], …]. A lane takes one element at a
// time. An x larger than a binding comes in several dispatches, each with the elements from `x_origin` on, and blind to
// the others. A place that x does not have gives NaN: no lane can throw, but the loss shows it.
// Linked with engine/flat.wgsl, strided.wgsl and special.wgsl.
// Constants: RANK, the axes of y, merged where they can be.

struct Params {
  n: u32, tile: u32,              // elements of y in this range, and those of a workgroup
  first: u32,                     // the element of y that the range begins with
  x_origin: u32, x_count: u32,    // the elements of x that are bound
  extent: u32, stride: u32,       // of x along the dimension
  e0: u32, e1: u32, e2: u32, e3: u32, e4: u32, e5: u32,   // extents of y, innermost first
  x0: u32, x1: u32, x2: u32, x3: u32, x4: u32, x5: u32    // strides of x, 0 along the dimension
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<elem>;           // [x_count]
@group(0) @binding(2) var<storage, read> index: array<u32>;        // [n]
@group(0) @binding(3) var<storage, read_write> y: array<result>;   // [n]

@compute @workgroup_size(WORKGROUP)
fn gather(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  let extents = array(params.e0, params.e1, params.e2, params.e3, params.e4, params.e5);
  let strides = array(params.x0, params.x1, params.x2, params.x3, params.x4, params.x5);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let place = index[i];
    let line = strided_offset(params.first + i, RANK, extents, strides) - params.x_origin;   // wraps below `x_origin`
    let at = line + place * params.stride;
    if (place >= params.extent) { y[i] = result(nan_of(vec4f(f32(place))).x); }
    else if (at < params.x_count) { y[i] = result(x[at]); }
  }
}
