// Matrix product, first rung: C[m, n] = Σ_k op(A)[m, k] · op(B)[k, n], read straight from memory. One lane per element
// of C. For each of its K products it loads two numbers, so memory sets the pace: 4 bytes per operation.
// Linked with problem.wgsl (sizes, and `tile_of`), operands.wgsl (`a` and `b`) and place_in_y.wgsl of
// ../shared/product, with shared/vector/scalar.wgsl (single elements), and with parts/epilogue.wgsl, which stores.
//
// Constants:
// WORKGROUP: lanes of a workgroup
// TRANSPOSE_A, TRANSPOSE_B: which operand is stored transposed

@compute @workgroup_size(WORKGROUP)
fn matmul(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = tile_of(group_number(group, groups) * WORKGROUP + lane, 1u, 1u);   // of one element
  var sum = 0.0;
  var row_sum = 0.0;   // for the gradient of a bias: keep.row_sums.wgsl
  for (var k = tile.first; k < tile.end; k++) {
    let at_a = tile.a + select(tile.row * params.inner + k, k * params.rows + tile.row, TRANSPOSE_A);
    let at_b = tile.b + select(k * params.columns + tile.column, tile.column * params.inner + k, TRANSPOSE_B);
    let left = f32(a[at_a]);
    sum += left * f32(b[at_b]);
    row_sum += left;
  }
  epilogue(tile, tile.row, tile.column, 1u, vec4f(sum));
  keep_row_sum(tile, tile.row, row_sum);
}
