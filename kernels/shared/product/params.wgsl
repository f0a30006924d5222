// The sizes of a product, of which nothing else is to be told.

struct Params {
  rows: u32, columns: u32, inner: u32,   // M, N, K
  batch: u32,                            // matrices of A
  a_matrix: u32, b_matrix: u32,          // elements from one matrix to the next; 0: the same one for all
  splits: u32, split_length: u32,        // split s sums over k in [s · split_length, (s + 1) · split_length)
}

@group(0) @binding(0) var<uniform> params: Params;
