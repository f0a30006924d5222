// A token in front of each sequence, and a position added to each token:
//   y[s, 0] = token + positions[0],  y[s, n] = x[s, n − 1] + positions[n]
// Linked with engine/flat.wgsl and a vector.

// Vectors of y, of a tile, and of a token; tokens of a sequence of y.
struct Params { n: u32, tile: u32, width: u32, tokens: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> token: array<vector>;           // [width]
@group(0) @binding(2) var<storage, read> x: array<vector>;               // [sequences, tokens − 1, width]
@group(0) @binding(3) var<storage, read> positions: array<vector>;       // [tokens, width]
@group(0) @binding(4) var<storage, read_write> y: array<vector>;         // [sequences, tokens, width], n vectors

@compute @workgroup_size(WORKGROUP)
fn prepend(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let c = i % params.width;
    let row = i / params.width;
    let sequence = row / params.tokens;
    let n = row % params.tokens;
    var own: vector32;
    if (n == 0u) { own = vector32(token[c]); }
    else { own = vector32(x[(row - sequence - 1u) * params.width + c]); }
    y[i] = vector(own + vector32(positions[n * params.width + c]));
  }
}
