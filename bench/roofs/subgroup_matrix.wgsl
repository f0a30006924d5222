// The roof of matrix units: products of small matrices that a subgroup holds in its registers.
//   sum = a · b + sum, over and over, in four independent sums
// a is M × K, b is K × N, sums are M × N of f32: one of the configurations that the adapter offers. 2 · M · N · K
// operations each.
// Linked with an entry of kernels/shared/matrix/.
// WGSL names the columns of a matrix first. An experimental extension of Dawn.
//
// M, N, K: sizes of the configuration      SUBGROUP: lanes of a subgroup, of which a workgroup has several

alias Left = subgroup_matrix_left<elem, K, M>;
alias Right = subgroup_matrix_right<elem, N, K>;
alias Sum = subgroup_matrix_result<f32, N, M>;

struct Params { rounds: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<elem>;        // [M, K]
@group(0) @binding(2) var<storage, read> b: array<elem>;        // [K, N]
@group(0) @binding(3) var<storage, read_write> y: array<f32>;   // [subgroups, M, N]

const LANES = 128u;

fn run(group: vec3u, groups: vec3u, lane: u32, subgroup: u32) {
  let left = subgroupMatrixLoad<Left, row_major>(&a, 0u, K);
  let right = subgroupMatrixLoad<Right, row_major>(&b, 0u, N);
  var first = Sum();
  var second = Sum();
  var third = Sum();
  var fourth = Sum();
  for (var round = 0u; round < params.rounds; round++) {
    first = subgroupMatrixMultiplyAccumulate(left, right, first);
    second = subgroupMatrixMultiplyAccumulate(left, right, second);
    third = subgroupMatrixMultiplyAccumulate(left, right, third);
    fourth = subgroupMatrixMultiplyAccumulate(left, right, fourth);
  }
  let place = (group.x * (LANES / SUBGROUP) + subgroup) * 4u * M * N;
  subgroupMatrixStore<row_major>(&y, place, first, N);
  subgroupMatrixStore<row_major>(&y, place + M * N, second, N);
  subgroupMatrixStore<row_major>(&y, place + 2u * M * N, third, N);
  subgroupMatrixStore<row_major>(&y, place + 3u * M * N, fourth, N);
}
