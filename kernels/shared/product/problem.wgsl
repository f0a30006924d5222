// What all rungs of a product share: which tile of which C a lane works on.
//   C = op(A)·op(B): M × K times K × N, for each matrix of a batch, and for each split of K (split-K)
// A is [M, K], or [K, M] if TRANSPOSE_A: then neighbours in memory are neighbours in M. B is [K, N], or [N, K] if
// TRANSPOSE_B.
//
// Constants:
// TRANSPOSE_A, TRANSPOSE_B: which operand is stored transposed, at most one of them
// Linked with params.wgsl, or what a room has instead, with these fields and more.

// One tile of one C: where its operands start, its sum over k, and its first row and column.
struct Tile {
  a: u32, b: u32,
  first: u32, end: u32,
  row: u32, column: u32,
  c: u32,         // which C: split · batch + matrix
  exists: bool,   // no: beyond the last tile, and nobody wants its results
}

// Tile i, when every C is cut into tiles of `height` × `width`. Neighbours in i share rows of A.
fn tile_of(i: u32, height: u32, width: u32) -> Tile {
  let across = (params.columns + width - 1u) / width;
  let down = (params.rows + height - 1u) / height;
  let count = across * down * params.batch * params.splits;
  let held = min(i, count - 1u);
  let c = held / (across * down);
  let place = held % (across * down);
  let matrix = c % params.batch;
  let first = c / params.batch * params.split_length;
  return Tile(
    matrix * params.a_matrix, matrix * params.b_matrix,
    first, min(first + params.split_length, params.inner),
    place / across * height, place % across * width,
    c, i < count,
  );
}
