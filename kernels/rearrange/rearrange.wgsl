// A strided copy: y[y_start + …] = x[x_start + …], or +=, for every position of an index space. Permute, slice,
// concat and expand are this kernel with different strides. Linked with engine/flat.wgsl, strided.wgsl and a vector.
//
// Constants:
//   RANK    axes of the index space, of six at most
//   ADDED   what is copied is added to what is there

struct Params {
  n: u32, tile: u32,                                      // positions of the index space, and those of a workgroup
  x_start: u32, y_start: u32,
  e0: u32, e1: u32, e2: u32, e3: u32, e4: u32, e5: u32,   // extents, innermost first
  x0: u32, x1: u32, x2: u32, x3: u32, x4: u32, x5: u32,   // strides in x
  y0: u32, y1: u32, y2: u32, y3: u32, y4: u32, y5: u32    // strides in y
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;
@group(0) @binding(2) var<storage, read_write> y: array<result_vector>;   // n of its vectors are written

@compute @workgroup_size(WORKGROUP)
fn rearrange(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  let extents = array(params.e0, params.e1, params.e2, params.e3, params.e4, params.e5);
  let x_strides = array(params.x0, params.x1, params.x2, params.x3, params.x4, params.x5);
  let y_strides = array(params.y0, params.y1, params.y2, params.y3, params.y4, params.y5);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let source = params.x_start + strided_offset(i, RANK, extents, x_strides);
    let place = params.y_start + strided_offset(i, RANK, extents, y_strides);
    if (ADDED) { y[place] = result_vector(vector32(y[place]) + vector32(x[source])); }
    else { y[place] = result_vector(x[source]); }
  }
}
