// delta = dy·y, row by row: what the softmax subtracts from every dweight of a query, Σ weight · dweight.
// Dao et al. 2022, arXiv:2205.14135, section B.2, eq. 4. One lane per query. Linked with a `pack`.

struct Params { problems: u32, heads: u32, queries: u32, output_batch: u32, output_head: u32, output_row: u32, packs: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<pack>;              // B × H × L rows
@group(0) @binding(2) var<storage, read> dy: array<pack>;             // B × H × L rows
@group(0) @binding(3) var<storage, read_write> delta: array<f32>;     // [B, H, L]

const WORKGROUP = 64u;

@compute @workgroup_size(WORKGROUP)
fn attention_delta(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= params.problems * params.queries) { return; }
  let problem = i / params.queries;
  let row = (problem / params.heads) * params.output_batch + (problem % params.heads) * params.output_head + (i % params.queries) * params.output_row;
  var sum = 0.0;
  for (var c = 0u; c < params.packs; c++) { sum += sum_of(pack32(y[row + c]) * pack32(dy[row + c])); }
  delta[i] = sum;
}
