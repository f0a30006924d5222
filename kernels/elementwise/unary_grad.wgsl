// Gradient of unary.wgsl: dx = gradient(x or y, dy), element by element. Each operation keeps the one of x and y that
// its gradient is shorter in.
// Linked as unary.wgsl; the file of unary/ gives `gradient`.

struct Params { n: u32, tile: u32, low: f32, high: f32 }   // vectors, those of a workgroup, and the bounds of clamp

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> kept: array<vector>;              // [n]: x or y
@group(0) @binding(2) var<storage, read> dy: array<vector>;                // [n]
@group(0) @binding(3) var<storage, read_write> dx: array<result_vector>;   // [n]

@compute @workgroup_size(WORKGROUP)
fn unary_grad(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    dx[i] = result_vector(vector_of(gradient(vec4f(vector32(kept[i])), vec4f(vector32(dy[i])))));
  }
}
