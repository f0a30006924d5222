// What the rungs of this room share: which piece of which product a lane works on.
//   C = op(A)·op(B): M × K times K × N, for each matrix of a batch, and for each part of K when the sum is cut into parts.
// A is stored [M, K], or [K, M] if TRANSPOSE_A. B is stored [K, N], or [N, K] if TRANSPOSE_B. Every C is stored [M, N].

struct Params {
  rows: u32, columns: u32, inner: u32,   // M, N, K
  batch: u32,                            // matrices of A
  a_matrix: u32, b_matrix: u32,          // elements from one matrix to the next; 0: the same B for all
  parts: u32, chunk: u32,                // part p sums over k in [p · chunk, (p + 1) · chunk)
}

@group(0) @binding(0) var<uniform> params: Params;

// One tile of one C: where its operands start, its sum over k, and its first row and column.
struct Tile {
  a: u32, b: u32,
  first: u32, end: u32,
  row: u32, column: u32,
  c: u32,         // which C: part · batch + matrix
  exists: bool,   // no: a tile to spare, whose results nobody wants
}

// Tile i, when every C is cut into tiles of `height` × `width`. Neighbours in i share rows of A.
fn tile_of(i: u32, height: u32, width: u32) -> Tile {
  let across = (params.columns + width - 1u) / width;
  let down = (params.rows + height - 1u) / height;
  let count = across * down * params.batch * params.parts;
  let held = min(i, count - 1u);
  let c = held / (across * down);
  let place = held % (across * down);
  let matrix = c % params.batch;
  let first = c / params.batch * params.chunk;
  return Tile(
    matrix * params.a_matrix, matrix * params.b_matrix,
    first, min(first + params.chunk, params.inner),
    place / across * height, place % across * width,
    c, i < count,
  );
}
