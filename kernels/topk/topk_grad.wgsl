// Gradient of topk: dx[row, c] = dy[row, j] where c is the place of the j-th largest element, else 0. Each vector of dx
// looks for its places among the k of its row, so that each element is written once.
// Linked with engine/flat.wgsl (which vectors a lane takes) and a vector.

struct Params {
  n: u32, tile: u32,             // vectors of dx in this range, and those of a workgroup
  vectors: u32, k: u32,          // of a row
  x_start: u32, y_start: u32,    // where the range begins in what is bound of dx, and of the others
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<elem>;                  // [rows, k]
@group(0) @binding(2) var<storage, read> indices: array<u32>;              // [rows, k]
@group(0) @binding(3) var<storage, read_write> dx: array<result_vector>;   // [rows, vectors]

@compute @workgroup_size(WORKGROUP)
fn topk_grad(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let first = params.y_start + i / params.vectors * params.k;
    let places = elements_of(i % params.vectors);
    var d = vector32();
    for (var j = first; j < first + params.k; j++) {
      d = select(d, vector32(f32(dy[j])), places == vector_u32(indices[j]));
    }
    dx[params.x_start + i] = result_vector(d);
  }
}
