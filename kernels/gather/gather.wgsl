// Elements of x by their place along one dimension: y[…, k, …] = x[…, index[…, k, …], …]. A lane takes one element at a time.
// An x larger than a binding comes in several dispatches, each with the elements from `x_start` on, and blind to the others. A place that x
// does not have gives NaN: no lane can throw, but the loss shows it. Linked with engine/flat.wgsl, strided.wgsl and special.wgsl.

struct Params {
  n: u32, tile: u32,
  first: u32,                     // of the elements of y: those of this dispatch
  x_start: u32, x_count: u32,     // the elements of x that it has
  extent: u32, stride: u32,       // of x along the dimension
  e0: u32, e1: u32, e2: u32, e3: u32, e4: u32, e5: u32,   // extents of y, innermost first
  x0: u32, x1: u32, x2: u32, x3: u32, x4: u32, x5: u32    // strides of x, 0 along the dimension
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<elem>;           // x_count elements
@group(0) @binding(2) var<storage, read> index: array<u32>;        // n elements
@group(0) @binding(3) var<storage, read_write> y: array<result>;   // n elements

@compute @workgroup_size(WORKGROUP)
fn gather(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  let extents = array(params.e0, params.e1, params.e2, params.e3, params.e4, params.e5);
  let strides = array(params.x0, params.x1, params.x2, params.x3, params.x4, params.x5);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let place = index[i];
    let line = strided_offset(params.first + i, RANK, extents, strides) - params.x_start;   // wraps to a huge number below `x_start`
    let at = line + place * params.stride;
    if (place >= params.extent) { y[i] = result(nan_of(vec4f(f32(place))).x); }
    else if (at < params.x_count) { y[i] = result(x[at]); }
  }
}
