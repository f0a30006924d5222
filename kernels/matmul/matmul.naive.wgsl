// Matrix product, first rung: C[m, n] = Σ op(A)[m, k] · op(B)[k, n], read straight from memory.
// One lane per element of C. For each of its K products it loads two numbers, so memory sets the pace: 4 bytes per operation.
// Linked with problem.wgsl, operands.scalar.wgsl, finish.wgsl and what that asks for.

const WORKGROUP = 64u;

@compute @workgroup_size(WORKGROUP)
fn matmul(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let tile = tile_of(group_number(group, groups) * WORKGROUP + lane, 1u, 1u);
  var sum = 0.0;
  var row_sum = 0.0;
  for (var k = tile.first; k < tile.end; k++) {
    let at_a = tile.a + select(tile.row * params.inner + k, k * params.rows + tile.row, TRANSPOSE_A);
    let at_b = tile.b + select(k * params.columns + tile.column, tile.column * params.inner + k, TRANSPOSE_B);
    let left = one_of_a(at_a);
    sum += left * one_of_b(at_b);
    row_sum += left;
  }
  finish(tile, tile.row, tile.column, 1u, vec4f(sum));
  keep_row_sum(tile, tile.row, row_sum);
}
